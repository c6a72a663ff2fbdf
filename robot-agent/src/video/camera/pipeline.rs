//! The GStreamer pipeline: source → valve → tap → H.264 encoder → frames. Built from a description,
//! started, told what to do, and taken down when dropped.
//!
//! The valve shuts while nobody watches: the source stays warm, all behind it rests. The tap hands the
//! raw pictures to those encoders that somebody watches.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{VideoFrameRef, VideoInfo};

use super::adaptation::Reduction;
use super::drawn::Drawn;
use super::encoder::Encoder;
use super::frames::{deliver_errors, deliver_frames, request_key_frame};
use super::jpeg;
use super::reducer::{self, Reducer};
use super::requests::{PipelineError, SharedRequests};
use super::source::SourceDescription;
use super::tap::Tap;
use super::vp8::Vp8Encoder;
use crate::video::codec::Codec;

pub(super) struct Pipeline {
    pipeline: gst::Pipeline,
    encoder: gst::Element,
    kind: Encoder,
    valve: gst::Element,
    tap: Tap,
    reducer: Reducer,
    /// Of the H.264 encoder.
    every: u32,
    /// While somebody wants it.
    vp8: Option<Vp8Encoder>,
    fps: u32,
}

/// Pictures between source and encoder. More than one would be old when they are shown.
const PICTURES_WAITING: u32 = 1;

impl Pipeline {
    /// Builds and starts the pipeline; frames and errors go to `to`.
    pub(super) fn start(
        source: &SourceDescription,
        drawn: &Drawn,
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
             max-size-buffers={PICTURES_WAITING}{decoder} ! identity name=raw ! {} ! {} ! h264parse config-interval=-1 \
             ! video/x-h264,stream-format=byte-stream,alignment=au \
             ! appsink name=frames sync=false async=false enable-last-sample=false max-buffers=4",
            source.pipeline,
            if kind.resizes() {
                reducer::RESIZING
            } else {
                reducer::NOT_RESIZING
            },
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
        if let Some(jpeg) = pipeline.by_name("jpeg") {
            jpeg::drop_headless(&jpeg);
        }
        if let Some(picture) = pipeline.by_name("picture") {
            draw_over(&picture, drawn.clone());
        }
        deliver_frames(&named("frames")?, Codec::H264, to)?;
        let started = Self {
            encoder: named("encoder")?,
            valve: named("rest")?,
            tap: Tap::open(&named("raw")?),
            reducer: Reducer::of(&pipeline),
            every: Reduction::NONE.every,
            vp8: None,
            kind,
            fps,
            pipeline,
        };
        let errors = Arc::clone(to);
        deliver_errors(&started.pipeline, &started.encoder, move |error| {
            errors.fail(error)
        });
        // The bus usually has better words, and has delivered them by now.
        (started.pipeline.set_state(gst::State::Playing))
            .map_err(|_| PipelineError::new("the camera's pipeline does not start"))?;
        Ok(started)
    }

    pub(super) fn request_key_frame(&self, codec: Codec) {
        match (codec, &self.vp8) {
            (Codec::H264, _) => request_key_frame(&self.encoder),
            (Codec::Vp8, Some(vp8)) => vp8.request_key_frame(),
            (Codec::Vp8, None) => {}
        }
    }

    pub(super) fn set_bitrate(&self, codec: Codec, kbps: u32) {
        match (codec, &self.vp8) {
            (Codec::H264, _) => {
                (self.kind).set_bitrate(&self.encoder, kbps, self.every, self.fps);
            }
            (Codec::Vp8, Some(vp8)) => vp8.set_bitrate(kbps),
            (Codec::Vp8, None) => {}
        }
    }

    /// What becomes of the pictures before they are encoded. The bitrate has to be set anew.
    pub(super) fn set_reduction(&mut self, codec: Codec, reduction: Reduction) {
        match (codec, &self.vp8) {
            (Codec::H264, _) => {
                self.every = reduction.every;
                self.reducer.set(reduction);
            }
            (Codec::Vp8, Some(vp8)) => vp8.set_reduction(reduction),
            (Codec::Vp8, None) => {}
        }
    }

    /// Makes the VP8 encoder, or takes it down. It gets no pictures yet.
    pub(super) fn set_vp8(
        &mut self,
        wanted: bool,
        to: &Arc<SharedRequests>,
    ) -> Result<(), PipelineError> {
        self.vp8 = None;
        if wanted {
            self.vp8 = Some(Vp8Encoder::start(&self.pipeline, self.fps, to)?);
        }
        Ok(())
    }

    /// Whether an encoder rests, and with the last of them all behind the source.
    pub(super) fn set_resting(&self, codec: Codec, resting: bool) {
        let wanted = {
            let mut outlets = self.tap.lock();
            match codec {
                Codec::H264 => outlets.h264 = !resting,
                Codec::Vp8 => outlets.vp8 = self.vp8.as_ref().map(Vp8Encoder::input),
            }
            outlets.h264 || outlets.vp8.is_some()
        };
        self.valve.set_property("drop", !wanted);
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

/// Draws over every picture that passes, which is I420.
fn draw_over(picture: &gst::Element, drawn: Drawn) {
    let Some(pad) = picture.static_pad("src") else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let video = pad
            .current_caps()
            .and_then(|caps| VideoInfo::from_caps(&caps).ok());
        if let (Some(video), Some(buffer)) = (video, info.buffer_mut())
            && let Ok(mut picture) =
                VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &video)
        {
            let stride = |plane: usize| video.stride()[plane].unsigned_abs() as usize;
            let [luma, u, v, _] = picture.planes_data_mut();
            drawn.draw(&mut world::Frame {
                width: video.width() as usize,
                height: video.height() as usize,
                planes: [(luma, stride(0)), (u, stride(1)), (v, stride(2))],
            });
        }
        gst::PadProbeReturn::Ok
    });
}
