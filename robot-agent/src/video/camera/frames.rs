//! What comes out of a pipeline: frames, and errors in words; and how an encoder is asked for a key frame.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};

use super::requests::{Frame, PipelineError, SharedRequests};
use crate::clock::now;
use crate::video::codec::Codec;

/// Ages beyond this are a source's wrong timestamps, not delay.
const OLDEST_FRAME: Duration = Duration::from_secs(1);

/// Delivers what comes to `sink`, an appsink.
pub(super) fn deliver_frames(
    sink: &gst::Element,
    codec: Codec,
    to: &Arc<SharedRequests>,
) -> Result<(), PipelineError> {
    let sink = sink
        .downcast_ref::<AppSink>()
        .ok_or_else(|| PipelineError::new("the pipeline's end is no appsink"))?;
    let to = Arc::clone(to);
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(frame) = frame_of(&sample, codec, sink.current_running_time()) {
            to.deliver(frame);
        }
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
    Ok(())
}

fn frame_of(sample: &gst::Sample, codec: Codec, running: Option<gst::ClockTime>) -> Option<Frame> {
    let buffer = sample.buffer()?;
    let map = buffer.map_readable().ok()?;
    let age = running
        .zip(buffer.pts())
        .and_then(|(running, pts)| running.checked_sub(pts))
        .map_or(Duration::ZERO, |age| Duration::from(age).min(OLDEST_FRAME));
    let now = now();
    Some(Frame {
        codec,
        data: Bytes::copy_from_slice(&map),
        key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        captured: now.checked_sub(age).unwrap_or(now),
    })
}

/// Tells `failed` what goes wrong in `pipeline`, on the thread where it does.
pub(super) fn deliver_errors(
    pipeline: &gst::Pipeline,
    encoder: &gst::Element,
    failed: impl Fn(PipelineError) + Send + Sync + 'static,
) {
    let Some(bus) = pipeline.bus() else {
        return;
    };
    let encoder = encoder.clone();
    bus.set_sync_handler(move |_, message| {
        if let Some(error) = error_of(message, &encoder) {
            failed(error);
        }
        gst::BusSyncReply::Drop
    });
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

/// The next frame is to be a key frame.
pub(super) fn request_key_frame(encoder: &gst::Element) {
    let event = gstreamer_video::UpstreamForceKeyUnitEvent::builder()
        .all_headers(true)
        .build();
    if let Some(pad) = encoder.static_pad("src") {
        pad.send_event(event);
    }
}
