//! The GStreamer pipeline: source → valve → encoder → frames. Built from a description, started,
//! told what to do, and taken down when dropped.
//!
//! The valve shuts while nobody watches: the source stays warm, all behind it rests.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use gstreamer_video::{VideoFrameRef, VideoInfo};

use super::encoder::Encoder;
use super::requests::{Frame, PipelineError, SharedRequests};
use super::source::SourceDescription;
use super::test_timestamp;
use crate::clock::{now, wall};

pub(super) struct Pipeline {
    pipeline: gst::Pipeline,
    encoder: gst::Element,
    kind: Encoder,
    valve: gst::Element,
    fps: u32,
}

/// Pictures between source and encoder. More than one would be old when they are shown.
const PICTURES_WAITING: u32 = 1;

impl Pipeline {
    /// Builds and starts the pipeline; frames and errors go to `to`.
    pub(super) fn start(
        source: &SourceDescription,
        kind: Encoder,
        fps: u32,
        to: &Arc<SharedRequests>,
    ) -> Result<Self, PipelineError> {
        let decoder = match source.decoder.as_str() {
            "" => String::new(),
            decoder => format!(" ! {decoder}"),
        };
        let description = format!(
            "{} ! valve name=rest ! queue leaky=downstream max-size-bytes=0 max-size-time=0 \
             max-size-buffers={PICTURES_WAITING}{decoder} ! {} ! h264parse config-interval=-1 \
             ! video/x-h264,stream-format=byte-stream,alignment=au \
             ! appsink name=frames sync=false async=false enable-last-sample=false max-buffers=4",
            source.pipeline,
            kind.pipeline(fps)
        );
        tracing::debug!(pipeline = description, "camera");
        let pipeline = gst::parse::launch(&description)
            .map_err(|error| PipelineError::new(format!("GStreamer cannot build it: {error}")))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| PipelineError::new("GStreamer built no pipeline"))?;
        let named = |name| {
            pipeline
                .by_name(name)
                .ok_or_else(|| PipelineError::new(format!("the pipeline has no element {name}")))
        };
        if let Some((property, value)) = &source.device {
            named("source")?.set_property(property, value);
        }
        if let Some(stamp) = pipeline.by_name("stamp") {
            burn_timestamp(&stamp);
        }
        deliver_frames(&named("frames")?, to)?;
        let started = Self {
            encoder: named("encoder")?,
            valve: named("rest")?,
            kind,
            fps,
            pipeline: pipeline.clone(),
        };
        started.deliver_errors(to);
        // The bus usually has better words, and has delivered them by now.
        pipeline
            .set_state(gst::State::Playing)
            .map_err(|_| PipelineError::new("the camera's pipeline does not start"))?;
        Ok(started)
    }

    fn deliver_errors(&self, to: &Arc<SharedRequests>) {
        let (Some(bus), to) = (self.pipeline.bus(), Arc::clone(to)) else {
            return;
        };
        let encoder = self.encoder.clone();
        bus.set_sync_handler(move |_, message| {
            if let Some(error) = error_of(message, &encoder) {
                to.fail(error);
            }
            gst::BusSyncReply::Drop
        });
    }

    /// The next frame is to be a key frame.
    pub(super) fn request_key_frame(&self) {
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
    pub(super) fn set_resting(&self, resting: bool) {
        self.valve.set_property("drop", resting);
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn error_of(message: &gst::Message, encoder: &gst::Element) -> Option<PipelineError> {
    match message.view() {
        gst::MessageView::Error(error) => {
            let source = error.src().map(|source| source.name().to_string());
            let detail = error.debug();
            tracing::debug!(?source, ?detail, "camera error");
            Some(PipelineError {
                message: format!(
                    "{} ({})",
                    error.error(),
                    source.as_deref().unwrap_or("unnamed element")
                ),
                from_encoder: error.src() == Some(encoder.upcast_ref()),
            })
        }
        gst::MessageView::Eos(_) => Some(PipelineError::new("the camera ended its stream")),
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

fn deliver_frames(sink: &gst::Element, to: &Arc<SharedRequests>) -> Result<(), PipelineError> {
    let sink = sink
        .downcast_ref::<AppSink>()
        .ok_or_else(|| PipelineError::new("the pipeline's end is no appsink"))?;
    let to = Arc::clone(to);
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(frame) = frame_of(&sample, sink.current_running_time()) {
            to.deliver(frame);
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

fn burn_timestamp(stamp: &gst::Element) {
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

/// The wall clock in milliseconds.
pub(super) fn unix_ms() -> u64 {
    let since = wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}
