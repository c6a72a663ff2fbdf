//! The VP8 encoder: a pipeline of its own beside the camera's, made when the first viewer wants VP8
//! and taken down after the last. It is handed the camera's raw pictures; what goes wrong in it does
//! not touch the camera.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use super::adaptation::Reduction;
use super::frames::{deliver_errors, deliver_frames, request_key_frame};
use super::reducer::{self, Reducer};
use super::requests::{PipelineError, SharedRequests};
use crate::video::codec::Codec;

/// GStreamer's name of the encoder.
pub(super) const ELEMENT: &str = "vp8enc";

/// How hard it tries, from 16 for the fastest. libwebrtc uses 6 on computers, but its encoder has those
/// for itself; a Raspberry Pi has H.264 and the camera beside it.
const CPU_USED: i32 = 8;

/// Threads, and the partitions they work on. As for H.264, two are what a Raspberry Pi can spare.
const THREADS: u32 = 2;

/// How far it may run ahead of its bitrate, in milliseconds of it: at most, as a rule, and at first.
const BUFFER_MS: [u32; 3] = [1000, 600, 500];

/// The size of a key frame, which leaves as one burst, in percent of an average frame.
const KEY_FRAME_PERCENT: u32 = 450;

/// Least and most quantization (RFC 6386, section 9.6): libwebrtc's, below which nobody sees a difference, and
/// above which the picture is mud.
const QUANTIZERS: [u32; 2] = [2, 56];

/// How empty, in percent, that buffer may become before pictures are left out: libwebrtc's. Where the coarsest
/// quantization is still too much for the path, fewer pictures a second are, and late ones never.
const LEAVE_OUT_BELOW_PERCENT: u32 = 30;

/// Seconds between key frames nobody asked for, as for H.264.
const KEY_FRAME_EVERY_S: u32 = 60;

/// Pictures that wait to be encoded. An older one is dropped for a newer.
const PICTURES_WAITING: u64 = 1;

/// Whether this machine has it.
pub(super) fn is_installed() -> bool {
    gst::ElementFactory::find(ELEMENT).is_some()
}

pub(super) struct Vp8Encoder {
    pipeline: gst::Pipeline,
    encoder: gst::Element,
    input: AppSrc,
    reducer: Reducer,
}

impl Vp8Encoder {
    /// Starts it. `camera` is the pipeline whose pictures it will get, and by whose clock they are stamped.
    pub(super) fn start(
        camera: &gst::Pipeline,
        fps: u32,
        to: &Arc<SharedRequests>,
    ) -> Result<Self, PipelineError> {
        let description = description(fps);
        tracing::debug!(pipeline = description, "camera");
        let pipeline = gst::parse::launch(&description)
            .map_err(|error| PipelineError::new(format!("GStreamer cannot build it: {error}")))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| PipelineError::new("GStreamer built no pipeline"))?;
        let input = pipeline.by_name("pictures").and_downcast::<AppSrc>();
        let (Some(input), Some(encoder), Some(frames)) = (
            input,
            pipeline.by_name("encoder"),
            pipeline.by_name("frames"),
        ) else {
            return Err(PipelineError::new("the pipeline of VP8 lacks an element"));
        };
        deliver_frames(&frames, Codec::Vp8, to)?;
        let errors = Arc::clone(to);
        deliver_errors(&pipeline, &encoder, move |error| errors.fail_vp8(error));
        // The camera's running time goes on, so that the age of a frame can be told.
        pipeline.use_clock(camera.clock().as_ref());
        pipeline.set_start_time(gst::ClockTime::NONE);
        if let Some(base_time) = camera.base_time() {
            pipeline.set_base_time(base_time);
        }
        let started = Self {
            reducer: Reducer::of(&pipeline),
            pipeline,
            encoder,
            input,
        };
        (started.pipeline.set_state(gst::State::Playing))
            .map_err(|_| PipelineError::new("the pipeline of VP8 does not start"))?;
        Ok(started)
    }

    /// Where raw pictures go in.
    pub(super) fn input(&self) -> AppSrc {
        self.input.clone()
    }

    pub(super) fn request_key_frame(&self) {
        request_key_frame(&self.encoder);
    }

    pub(super) fn set_reduction(&self, reduction: Reduction) {
        self.reducer.set(reduction);
    }

    pub(super) fn set_bitrate(&self, kbps: u32) {
        let bits = i32::try_from(kbps.saturating_mul(1000)).unwrap_or(i32::MAX);
        self.encoder.set_property("target-bitrate", bits);
    }
}

impl Drop for Vp8Encoder {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Error resilience stays off: it costs bits in every frame, and a viewer who lost one has it again by
/// NACK, or asks for a key frame.
fn description(fps: u32) -> String {
    let gop = fps * KEY_FRAME_EVERY_S;
    let [most, rule, first] = BUFFER_MS;
    let [best, worst] = QUANTIZERS;
    format!(
        "appsrc name=pictures is-live=true format=time max-buffers={PICTURES_WAITING} max-bytes=0 \
         leaky-type=downstream ! {} ! videoconvert ! video/x-raw,format=I420 \
         ! {ELEMENT} name=encoder deadline=1 cpu-used={CPU_USED} threads={THREADS} \
         token-partitions={THREADS} end-usage=cbr undershoot=100 overshoot=15 buffer-size={most} \
         buffer-optimal-size={rule} buffer-initial-size={first} max-intra-bitrate={KEY_FRAME_PERCENT} \
         min-quantizer={best} max-quantizer={worst} keyframe-max-dist={gop} \
         dropframe-threshold={LEAVE_OUT_BELOW_PERCENT} \
         ! appsink name=frames sync=false async=false enable-last-sample=false max-buffers=4",
        reducer::RESIZING
    )
}
