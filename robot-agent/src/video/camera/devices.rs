//! The cameras of this machine, as GStreamer's device providers list them.

use gstreamer::prelude::*;

/// Drivers whose nodes look like cameras and are none: stages of a Raspberry Pi's own.
const NOT_A_CAMERA: [&str; 6] = [
    "bcm2835-isp",
    "bcm2835-codec",
    "unicam",
    "rp1-cfe",
    "pispbe",
    "rpi-hevc-dec",
];

/// How libcamera calls a camera that V4L2 has as well. It gives its pictures as they are, in formats that
/// the pipeline does not ask libcamera for.
const ON_USB: &str = "/usb@";

/// A camera, by the name that its source wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Device {
    Libcamera(String),
    V4l2(String),
}

/// The first camera of each kind.
#[derive(Default)]
pub(super) struct Devices {
    libcamera: Option<String>,
    on_usb: Option<String>,
    pub v4l2: Option<String>,
}

impl Devices {
    pub(super) fn find() -> Self {
        let mut found = Self::default();
        let monitor = gstreamer::DeviceMonitor::new();
        monitor.add_filter(Some("Video/Source"), None);
        if monitor.start().is_ok() {
            for device in monitor.devices() {
                let properties = device.properties();
                let kind = device.type_().name();
                found.add(kind, properties.as_ref(), &device.display_name());
            }
            monitor.stop();
        }
        found
    }

    /// The one to take when so many have given no picture, in turn: libcamera's, as it alone knows those on
    /// a ribbon cable, before V4L2's.
    pub(super) fn choose(self, failed: usize) -> Option<Device> {
        let libcamera = self.libcamera.map(Device::Libcamera);
        let on_usb = self.on_usb.map(Device::Libcamera);
        let cameras = [libcamera, self.v4l2.map(Device::V4l2), on_usb];
        let mut cameras: Vec<_> = cameras.into_iter().flatten().collect();
        let count = cameras.len().max(1);
        cameras.drain(..).nth(failed % count)
    }

    /// V4L2's properties are called `device.*` in GStreamer 1.22 and `api.v4l2.*` since 1.26.
    fn add(&mut self, kind: &str, properties: Option<&gstreamer::Structure>, name: &str) {
        let first = |keys: [&str; 2]| {
            let properties = properties?;
            keys.iter()
                .find_map(|key| properties.get::<String>(*key).ok())
        };
        let driver = first(["api.v4l2.cap.driver", "v4l2.device.driver"]).unwrap_or_default();
        if let Some(path) = first(["api.v4l2.path", "device.path"]) {
            if !NOT_A_CAMERA.contains(&driver.as_str()) {
                self.v4l2.get_or_insert(path);
            }
        } else if kind == "GstLibcameraDevice" {
            let of_kind = if name.contains(ON_USB) {
                &mut self.on_usb
            } else {
                &mut self.libcamera
            };
            of_kind.get_or_insert_with(|| name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_the_pi_itself_are_no_cameras() {
        gstreamer::init().unwrap();
        let node = |driver: &str| {
            gstreamer::Structure::builder("v4l2deviceprovider")
                .field("device.path", "/dev/video14")
                .field("v4l2.device.driver", driver)
                .build()
        };
        let path = |driver| {
            let mut devices = Devices::default();
            devices.add("GstV4l2Device", Some(&node(driver)), "a camera");
            devices.v4l2
        };
        assert_eq!(path("bcm2835-isp"), None);
        assert_eq!(path("uvcvideo").as_deref(), Some("/dev/video14"));
    }

    /// In the order in which they are tried, twice round.
    fn tried(libcamera: &[&str], v4l2: bool) -> Vec<Device> {
        let devices = || {
            let mut devices = Devices::default();
            for name in libcamera {
                devices.add("GstLibcameraDevice", None, name);
            }
            devices.v4l2 = v4l2.then(|| "/dev/video0".to_owned());
            devices
        };
        (0..4)
            .filter_map(|failed| devices().choose(failed))
            .collect()
    }

    #[test]
    fn a_camera_that_gives_no_picture_makes_way_for_the_next() {
        let (ribbon, usb) = (
            "/base/soc/i2c0mux/i2c@1/imx219@10",
            "/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1:1.0-046d:0825",
        );
        let by = |name: &str| Device::Libcamera(name.to_owned());
        let v4l2 = || Device::V4l2("/dev/video0".to_owned());
        assert_eq!(tried(&[], false), []);
        assert_eq!(
            tried(&[ribbon], false),
            [by(ribbon), by(ribbon), by(ribbon), by(ribbon)]
        );
        assert_eq!(
            tried(&[ribbon], true),
            [by(ribbon), v4l2(), by(ribbon), v4l2()]
        );
        assert_eq!(tried(&[usb], true), [v4l2(), by(usb), v4l2(), by(usb)]);
        assert_eq!(
            tried(&[usb, ribbon], true),
            [by(ribbon), v4l2(), by(usb), by(ribbon)]
        );
    }
}
