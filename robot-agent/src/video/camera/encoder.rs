//! The three encoders: what each is called, how it is told to send H.264 that every browser
//! decodes without delay, and how its bitrate is changed while it runs.
//!
//! All give constrained baseline without B-frames, and key frames only when asked for, but
//! for one a minute.

use gstreamer::prelude::*;

/// An H.264 encoder of GStreamer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoder {
    /// The hardware of a Raspberry Pi up to the 4.
    V4l2,
    /// x264, the best of those that run on the processor.
    X264,
    /// Cisco's, where x264 is not installed.
    OpenH264,
}

/// Seconds between key frames nobody asked for. A lost picture is mended on request; this
/// only bounds how long a fault that nobody noticed can last.
const KEY_FRAME_EVERY_S: u32 = 60;

/// How much x264 may send ahead of its bitrate, in milliseconds of it. It bounds the size of
/// a key frame, which leaves as one burst.
const X264_BUFFER_MS: u32 = 120;

impl Encoder {
    /// All, the most frugal first.
    pub const ALL: [Self; 3] = [Self::V4l2, Self::X264, Self::OpenH264];

    /// GStreamer's name for it, and the configuration's.
    pub fn name(self) -> &'static str {
        match self {
            Self::V4l2 => "v4l2h264enc",
            Self::X264 => "x264enc",
            Self::OpenH264 => "openh264enc",
        }
    }

    /// Whether this machine has it. `v4l2h264enc` exists only where the hardware does.
    pub(super) fn is_installed(self) -> bool {
        gstreamer::ElementFactory::find(self.name()).is_some()
    }

    /// Whether it can be given pictures of another size while it runs. The hardware's buffers are the
    /// driver's, and it was never tried.
    pub(super) fn resizes(self) -> bool {
        self != Self::V4l2
    }

    /// The piece of the pipeline from raw pictures to H.264.
    pub(super) fn pipeline(self, fps: u32) -> String {
        let gop = fps * KEY_FRAME_EVERY_S;
        let profile = "video/x-h264,stream-format=byte-stream,alignment=au,\
                       profile=constrained-baseline";
        match self {
            // Without a level the element does not negotiate; 4 is 1080p30, its most.
            Self::V4l2 => format!(
                "{} ! v4l2h264enc name=encoder ! {profile},level=(string)4",
                if gstreamer::ElementFactory::find("v4l2convert").is_some() {
                    "v4l2convert"
                } else {
                    "videoconvert"
                }
            ),
            Self::X264 => format!(
                "videoconvert ! video/x-raw,format=I420 ! x264enc name=encoder \
                 tune=zerolatency speed-preset=ultrafast bframes=0 aud=false byte-stream=true \
                 threads={THREADS} key-int-max={gop} vbv-buf-capacity={X264_BUFFER_MS} ! {profile}"
            ),
            Self::OpenH264 => format!(
                "videoconvert ! video/x-raw,format=I420 ! openh264enc name=encoder \
                 usage-type=camera complexity=low rate-control=bitrate \
                 scene-change-detection=false multi-thread={THREADS} gop-size={gop} ! {profile}"
            ),
        }
    }

    /// Tells a running encoder its bitrate, and that it gets one of `every` so many pictures: all count the
    /// time by those.
    pub(super) fn set_bitrate(self, element: &gstreamer::Element, kbps: u32, every: u32, fps: u32) {
        let kbps = kbps.saturating_mul(every);
        match self {
            Self::X264 => {
                element.set_property("vbv-buf-capacity", X264_BUFFER_MS / every);
                element.set_property("bitrate", kbps);
            }
            Self::OpenH264 => element.set_property("bitrate", kbps * 1000),
            Self::V4l2 => element.set_property("extra-controls", v4l2_controls(kbps, fps)),
        }
    }
}

/// Threads of the encoders on the processor. Slices of two are as much as a Raspberry Pi has
/// to spare beside the camera, and every thread costs memory.
const THREADS: u32 = 2;

/// The controls of the `bcm2835-codec` driver, under the kernel's names made lower case. Its
/// defaults are 10 Mbit/s on average and parameter sets in the first frame only.
fn v4l2_controls(kbps: u32, fps: u32) -> gstreamer::Structure {
    const CONSTANT_BITRATE: i32 = 1;
    let whole = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    gstreamer::Structure::builder("controls")
        .field("video_bitrate_mode", CONSTANT_BITRATE)
        .field("video_bitrate", whole(kbps.saturating_mul(1000)))
        .field("repeat_sequence_header", 1i32)
        .field("h264_i_frame_period", whole(fps * KEY_FRAME_EVERY_S))
        .build()
}
