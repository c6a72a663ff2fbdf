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

/// One camera that GStreamer knows of, by the name its source wants.
#[derive(Default)]
pub(super) struct Device {
    pub libcamera: Option<String>,
    pub v4l2: Option<String>,
}

/// All of them.
pub(super) fn cameras() -> Vec<Device> {
    let monitor = gstreamer::DeviceMonitor::new();
    monitor.add_filter(Some("Video/Source"), None);
    if monitor.start().is_err() {
        return Vec::new();
    }
    let cameras = monitor
        .devices()
        .iter()
        .map(|device| {
            let kind = device.type_().name();
            camera(kind, device.properties().as_ref(), &device.display_name())
        })
        .collect();
    monitor.stop();
    cameras
}

/// V4L2's properties are called `device.*` in GStreamer 1.22 and `api.v4l2.*` since 1.26.
fn camera(kind: &str, properties: Option<&gstreamer::Structure>, display_name: &str) -> Device {
    let first = |keys: &[&str]| {
        let properties = properties?;
        keys.iter()
            .find_map(|key| properties.get::<String>(*key).ok())
    };
    let path = first(&["api.v4l2.path", "device.path"]);
    let driver = first(&["api.v4l2.cap.driver", "v4l2.device.driver"]).unwrap_or_default();
    match path {
        Some(_) if NOT_A_CAMERA.contains(&driver.as_str()) => Device::default(),
        Some(path) => Device {
            v4l2: Some(path),
            libcamera: None,
        },
        None if kind == "GstLibcameraDevice" => Device {
            libcamera: Some(display_name.to_owned()),
            v4l2: None,
        },
        None => Device::default(),
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
        let path = |driver| camera("GstV4l2Device", Some(&node(driver)), "a camera").v4l2;
        assert_eq!(path("bcm2835-isp"), None);
        assert_eq!(path("uvcvideo").as_deref(), Some("/dev/video14"));

        let ribbon = camera(
            "GstLibcameraDevice",
            None,
            "/base/soc/i2c0mux/i2c@1/imx219@10",
        );
        assert!(ribbon.libcamera.is_some());
    }
}
