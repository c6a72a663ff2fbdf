//! Where pictures come from: the test picture, libcamera, or V4L2. Finds the camera, asks it
//! what it can give, and chooses.

use std::path::Path;

use gstreamer::prelude::*;

use super::devices::{Device, Devices};

/// What `video.source` may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoSource {
    /// The first camera found, one of libcamera's before one of V4L2's, and the next if it gives no picture.
    Auto,
    /// A camera of libcamera: those on a Raspberry Pi's ribbon cable.
    Libcamera,
    /// A camera of V4L2: those on USB.
    V4l2,
    /// A live test picture with a burned-in clock.
    Test,
    /// The simulated world that the robot's wheels move in.
    World,
    /// No camera, no video.
    Off,
}

impl VideoSource {
    pub const ALL: [Self; 6] = [
        Self::Auto,
        Self::Libcamera,
        Self::V4l2,
        Self::Test,
        Self::World,
        Self::Off,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Libcamera => "libcamera",
            Self::V4l2 => "v4l2",
            Self::Test => "test",
            Self::World => "world",
            Self::Off => "off",
        }
    }
}

/// What is wanted of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
}

/// A piece of pipeline that starts with an element called `source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceDescription {
    /// From the source to its capabilities.
    pub pipeline: String,
    /// From there to raw pictures; empty where they are raw already.
    pub decoder: String,
    /// A property of the source that says which camera.
    pub device: Option<(&'static str, String)>,
    pub words: String,
}

/// It outlives damaged pictures, as cables that are too long and hubs without power make them.
pub(super) const JPEG_DECODER: &str = "identity name=jpeg ! jpegdec";

/// Finds the source that `source` and `device` mean, when so many have `failed`; an error says what is
/// missing and what to do.
pub(super) fn find(
    source: VideoSource,
    device: Option<String>,
    format: Format,
    failed: usize,
) -> Result<SourceDescription, String> {
    match source {
        VideoSource::Off => Err("video is off".to_owned()),
        VideoSource::Test => Ok(test_picture(format)),
        VideoSource::World => Ok(simulated_world(format)),
        VideoSource::Libcamera => libcamera(device, format),
        VideoSource::V4l2 => v4l2(device, format),
        VideoSource::Auto => match device {
            Some(path) if path.starts_with("/dev/") => v4l2(Some(path), format),
            _ => any(format, failed),
        },
    }
}

fn test_picture(Format { width, height, fps }: Format) -> SourceDescription {
    // The text clock is for people and needs the pango plugin; the other needs nothing.
    let clock = if gstreamer::ElementFactory::find("clockoverlay").is_some() {
        " ! clockoverlay time-format=%H:%M:%S halignment=right valignment=bottom"
    } else {
        ""
    };
    SourceDescription {
        pipeline: format!(
            "videotestsrc name=source is-live=true pattern=smpte horizontal-speed=2 \
             ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1\
             {clock} ! identity name=picture"
        ),
        decoder: String::new(),
        device: None,
        words: format!("test picture {width}x{height} at {fps}"),
    }
}

/// Black, to be drawn over.
fn simulated_world(Format { width, height, fps }: Format) -> SourceDescription {
    SourceDescription {
        pipeline: format!(
            "videotestsrc name=source is-live=true pattern=black \
             ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 \
             ! identity name=picture"
        ),
        decoder: String::new(),
        device: None,
        words: format!("simulated world {width}x{height} at {fps}"),
    }
}

fn libcamera(name: Option<String>, format: Format) -> Result<SourceDescription, String> {
    if gstreamer::ElementFactory::find("libcamerasrc").is_none() {
        return Err(
            "GStreamer has no libcamerasrc: install gstreamer1.0-libcamera, or set \
                    video.source to v4l2"
                .to_owned(),
        );
    }
    let Format { width, height, fps } = format;
    Ok(SourceDescription {
        pipeline: format!(
            "libcamerasrc name=source \
             ! video/x-raw,format=NV12,width={width},height={height},framerate={fps}/1"
        ),
        decoder: String::new(),
        words: format!(
            "libcamera {} {width}x{height} at {fps}",
            name.as_deref().unwrap_or("(its first camera)")
        ),
        device: name.map(|name| ("camera-name", name)),
    })
}

fn v4l2(path: Option<String>, format: Format) -> Result<SourceDescription, String> {
    let path = match path {
        Some(path) => path,
        None => Devices::find()
            .v4l2
            .ok_or("no V4L2 camera found: is it plugged in?")?,
    };
    if !Path::new(&path).exists() {
        return Err(format!("{path} does not exist: is the camera plugged in?"));
    }
    let source = gstreamer::ElementFactory::make("v4l2src")
        .property("device", &path)
        .build()
        .map_err(|_| "GStreamer has no v4l2src: install gstreamer1.0-plugins-good")?;
    let offered = offered(&source, &path)?;
    let (encoding, caps, words) = choose(&offered, format)?;
    // Pictures are decoded only while somebody watches, but for H.264, whose decoder would
    // otherwise find itself in the middle of a stream.
    let (early, decoder) = match encoding {
        Encoding::Raw => ("", ""),
        Encoding::Jpeg => ("", JPEG_DECODER),
        Encoding::H264 => (" ! h264parse ! decodebin", ""),
    };
    Ok(SourceDescription {
        pipeline: format!("v4l2src name=source ! {caps}{early}"),
        decoder: decoder.to_owned(),
        words: format!("{path} {words}"),
        device: Some(("device", path)),
    })
}

/// Opens the device and asks what it can give.
fn offered(source: &gstreamer::Element, path: &str) -> Result<gstreamer::Caps, String> {
    let bus = gstreamer::Bus::new();
    source.set_bus(Some(&bus));
    let opened = source.set_state(gstreamer::State::Ready);
    let caps = source.static_pad("src").map(|pad| pad.query_caps(None));
    let _ = source.set_state(gstreamer::State::Null);
    match (opened, caps) {
        (Ok(_), Some(caps)) => Ok(caps),
        _ => Err(bus
            .pop_filtered(&[gstreamer::MessageType::Error])
            .and_then(|message| match message.view() {
                gstreamer::MessageView::Error(error) => Some(error.error().to_string()),
                _ => None,
            })
            .unwrap_or_else(|| format!("{path} cannot be opened"))),
    }
}

/// How a camera hands over its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Raw,
    Jpeg,
    H264,
}

/// Chooses among what a camera offers: the wanted size and rate raw, then as JPEG, then as
/// H.264, which is decoded and encoded again because a camera's own encoder neither sends key
/// frames on demand nor follows the path; then the same at another rate, then anything.
fn choose(
    offered: &gstreamer::Caps,
    Format { width, height, fps }: Format,
) -> Result<(Encoding, String, String), String> {
    let size = format!(",width={width},height={height}");
    let exact = format!("{size},framerate={fps}/1");
    for wanted in [exact.as_str(), size.as_str(), ""] {
        for (encoding, media, words) in [
            (Encoding::Raw, "video/x-raw", "raw"),
            (Encoding::Jpeg, "image/jpeg", "JPEG"),
            (Encoding::H264, "video/x-h264", "H.264"),
        ] {
            let caps = format!("{media}{wanted}");
            let parsed: gstreamer::Caps = caps
                .parse()
                .map_err(|_| format!("{caps} is no picture that can be asked for"))?;
            if offered.can_intersect(&parsed) {
                let words = if wanted == exact {
                    format!("{width}x{height} at {fps}, {words}")
                } else {
                    format!("{words}, but not {width}x{height} at {fps}, which it does not offer")
                };
                return Ok((encoding, caps, words));
            }
        }
    }
    Err(format!(
        "the camera offers neither raw pictures nor JPEG nor H.264, only {offered}"
    ))
}

fn any(format: Format, failed: usize) -> Result<SourceDescription, String> {
    match Devices::find().choose(failed) {
        Some(Device::Libcamera(name)) => libcamera(Some(name), format),
        Some(Device::V4l2(path)) => v4l2(Some(path), format),
        None => Err(
            "no camera found: is it plugged in? (video.source \"test\" shows a test picture)"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VGA: Format = Format {
        width: 640,
        height: 480,
        fps: 30,
    };
    const HD: Format = Format {
        width: 1280,
        height: 720,
        fps: 30,
    };

    fn usb_camera() -> gstreamer::Caps {
        gstreamer::init().unwrap();
        "video/x-raw,format=YUY2,width=640,height=480,framerate={30/1,15/1};\
         video/x-raw,format=YUY2,width=1280,height=720,framerate=10/1;\
         image/jpeg,width=1280,height=720,framerate=30/1;\
         video/x-h264,width=1920,height=1080,framerate=30/1"
            .parse()
            .unwrap()
    }

    #[test]
    fn raw_pictures_come_before_compressed_ones() {
        let (encoding, caps, _) = choose(&usb_camera(), VGA).unwrap();
        assert_eq!(caps, "video/x-raw,width=640,height=480,framerate=30/1");
        assert_eq!(encoding, Encoding::Raw);
    }

    #[test]
    fn jpeg_at_the_wanted_rate_comes_before_raw_at_another() {
        let (encoding, caps, _) = choose(&usb_camera(), HD).unwrap();
        assert_eq!(caps, "image/jpeg,width=1280,height=720,framerate=30/1");
        assert_eq!(encoding, Encoding::Jpeg);
    }

    #[test]
    fn a_camera_that_gives_only_h264_is_decoded() {
        let full_hd = Format {
            width: 1920,
            height: 1080,
            fps: 30,
        };
        let (encoding, caps, _) = choose(&usb_camera(), full_hd).unwrap();
        assert!(caps.starts_with("video/x-h264"), "{caps}");
        assert_eq!(encoding, Encoding::H264);
    }

    #[test]
    fn a_camera_without_the_wanted_size_gives_its_own_and_says_so() {
        let odd = Format { width: 333, ..VGA };
        let (_, caps, words) = choose(&usb_camera(), odd).unwrap();
        assert_eq!(caps, "video/x-raw");
        assert!(words.contains("not 333x480"), "{words}");
    }

    #[test]
    fn a_camera_of_something_else_is_named() {
        gstreamer::init().unwrap();
        let offered = "video/x-vp8".parse().unwrap();
        assert!(choose(&offered, VGA).unwrap_err().contains("video/x-vp8"));
    }

    #[test]
    fn a_missing_device_is_named() {
        gstreamer::init().unwrap();
        let error = find(
            VideoSource::V4l2,
            Some("/dev/video-none".to_owned()),
            VGA,
            0,
        )
        .unwrap_err();
        assert!(error.contains("/dev/video-none"), "{error}");
    }
}
