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

/// The first camera of each kind, by the name its source wants.
#[derive(Default)]
pub(super) struct Devices {
    pub libcamera: Option<String>,
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
            self.libcamera.get_or_insert_with(|| name.to_owned());
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

        let mut ribbon = Devices::default();
        ribbon.add(
            "GstLibcameraDevice",
            None,
            "/base/soc/i2c0mux/i2c@1/imx219@10",
        );
        assert!(ribbon.libcamera.is_some());
    }
}
