//! The GStreamer pipeline: source → valve → encoder → frames. Built from words, started,
//! told what to do, and taken down when dropped.
//!
//! The valve shuts while nobody watches: the source stays warm, all behind it rests.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use gstreamer_video::{VideoFrameRef, VideoInfo};

use super::encoder::Encoder;
use super::source::{Found, Picture};
use super::{Frame, test_timestamp};

/// Something went wrong in the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub(super) struct Fault {
    pub words: String,
    /// It was the encoder's.
    pub of_encoder: bool,
}

impl Fault {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            of_encoder: false,
        }
    }
}

/// Where the pipeline's streaming threads deliver.
pub(super) trait Deliver: Send + Sync + 'static {
    fn frame(&self, frame: Frame);
    fn fault(&self, fault: Fault);
}

/// A running pipeline.
pub(super) struct Graph {
    pipeline: gst::Pipeline,
    encoder: gst::Element,
    kind: Encoder,
    valve: gst::Element,
    fps: u32,
}

/// Pictures between source and encoder. More than one would be old when they are shown.
const PICTURES_WAITING: u32 = 1;

impl Graph {
    /// Builds and starts the pipeline; frames and faults go to `to`.
    pub(super) fn start(
        found: &Found,
        kind: Encoder,
        picture: Picture,
        to: &Arc<impl Deliver>,
    ) -> Result<Self, Fault> {
        let decoder = match found.decoder.as_str() {
            "" => String::new(),
            decoder => format!(" ! {decoder}"),
        };
        let words = format!(
            "{} ! valve name=rest ! queue leaky=downstream max-size-bytes=0 max-size-time=0 \
             max-size-buffers={PICTURES_WAITING}{decoder} ! {} ! h264parse config-interval=-1 \
             ! video/x-h264,stream-format=byte-stream,alignment=au \
             ! appsink name=frames sync=false async=false enable-last-sample=false max-buffers=4",
            found.pipeline,
            kind.pipeline(picture.fps)
        );
        tracing::debug!(pipeline = words, "camera");
        let pipeline = gst::parse::launch(&words)
            .map_err(|error| Fault::new(format!("GStreamer cannot build it: {error}")))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| Fault::new("GStreamer built no pipeline"))?;
        let named = |name| {
            pipeline
                .by_name(name)
                .ok_or_else(|| Fault::new(format!("the pipeline has no element {name}")))
        };
        let graph = Self {
            encoder: named("encoder")?,
            valve: named("rest")?,
            kind,
            fps: picture.fps,
            pipeline: pipeline.clone(),
        };
        if let Some((property, value)) = &found.device {
            named("source")?.set_property(property, value);
        }
        if let Some(stamp) = pipeline.by_name("stamp") {
            burn_clock(&stamp);
        }
        deliver_frames(&named("frames")?, to)?;
        graph.deliver_faults(to);
        graph.play()?;
        Ok(graph)
    }

    fn play(&self) -> Result<(), Fault> {
        match self.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(()),
            // The bus usually has better words, and has delivered them by now.
            Err(_) => Err(Fault::new("the camera's pipeline does not start")),
        }
    }

    fn deliver_faults(&self, to: &Arc<impl Deliver>) {
        let (Some(bus), to) = (self.pipeline.bus(), Arc::clone(to)) else {
            return;
        };
        let encoder = self.encoder.clone();
        bus.set_sync_handler(move |_, message| {
            if let Some(fault) = fault_of(message, &encoder) {
                to.fault(fault);
            }
            gst::BusSyncReply::Drop
        });
    }

    /// The next frame is to be a key frame.
    pub(super) fn ask_key_frame(&self) {
        let event = gstreamer_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(true)
            .build();
        if let Some(pad) = self.encoder.static_pad("src") {
            pad.send_event(event);
        }
    }

    pub(super) fn set_bitrate(&self, kbps: u32) {
        self.kind.set_bitrate(&self.encoder, kbps, self.fps);
    }

    /// Whether all behind the source rests.
    pub(super) fn rest(&self, resting: bool) {
        self.valve.set_property("drop", resting);
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn fault_of(message: &gst::Message, encoder: &gst::Element) -> Option<Fault> {
    match message.view() {
        gst::MessageView::Error(error) => {
            let source = error.src().map(|source| source.name().to_string());
            let detail = error.debug();
            tracing::debug!(?source, ?detail, "camera error");
            Some(Fault {
                words: format!(
                    "{} ({})",
                    error.error(),
                    source.as_deref().unwrap_or("unnamed element")
                ),
                of_encoder: error.src() == Some(encoder.upcast_ref()),
            })
        }
        gst::MessageView::Eos(_) => Some(Fault::new("the camera ended its stream")),
        gst::MessageView::Warning(warning) => {
            tracing::warn!(
                "camera: {} ({:?})",
                warning.error(),
                warning.debug().unwrap_or_default()
            );
            None
        }
        _ => None,
    }
}

fn deliver_frames(sink: &gst::Element, to: &Arc<impl Deliver>) -> Result<(), Fault> {
    let sink = sink
        .downcast_ref::<AppSink>()
        .ok_or_else(|| Fault::new("the pipeline's end is no appsink"))?;
    let to = Arc::clone(to);
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(frame) = frame_of(&sample, sink.current_running_time()) {
            to.frame(frame);
        }
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
    Ok(())
}

/// Ages beyond this are a source's wrong timestamps, not delay.
const OLDEST_FRAME: Duration = Duration::from_secs(1);

fn frame_of(sample: &gst::Sample, running: Option<gst::ClockTime>) -> Option<Frame> {
    let buffer = sample.buffer()?;
    let map = buffer.map_readable().ok()?;
    let age = running
        .zip(buffer.pts())
        .and_then(|(running, pts)| running.checked_sub(pts))
        .map_or(Duration::ZERO, |age| Duration::from(age).min(OLDEST_FRAME));
    let now = now();
    Some(Frame {
        data: Bytes::copy_from_slice(&map),
        key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        captured: now.checked_sub(age).unwrap_or(now),
    })
}

fn burn_clock(stamp: &gst::Element) {
    let Some(pad) = stamp.static_pad("src") else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, |pad, info| {
        let video = pad
            .current_caps()
            .and_then(|caps| VideoInfo::from_caps(&caps).ok());
        if let (Some(video), Some(buffer)) = (video, info.buffer_mut())
            && let Ok(mut picture) =
                VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &video)
        {
            let stride = |plane: usize| video.stride()[plane].unsigned_abs() as usize;
            let [luma, u, v, _] = picture.planes_data_mut();
            let planes = [(luma, stride(0)), (u, stride(1)), (v, stride(2))];
            test_timestamp::burn(planes, video.width() as usize, unix_ms());
        }
        gst::PadProbeReturn::Ok
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "a frame's age is counted from when it leaves the encoder"
)]
fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock in the test picture is the wall clock"
)]
fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
