//! A pipeline that runs: gives its encoders their commands and reports, until nobody wants it or it
//! fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::adaptation::Adaptation;
use super::control::{Commands, EncoderControl};
use super::encoder::Encoder;
use super::pipeline::Pipeline;
use super::requests::{PipelineError, Requests, SharedRequests};
use super::vp8;
use crate::clock::now;
use crate::video::codec::Codec;

/// What the camera does now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::video) struct Status {
    /// Source and encoder in words, once they run.
    pub running: Option<String>,
    /// Encoders that work now, by GStreamer's names.
    pub encoders: Vec<&'static str>,
    /// What is wrong, in words.
    pub error: Option<String>,
    /// Frames in the last second, of the encoder that made most.
    pub fps: f64,
    /// Since the start, of all encoders.
    pub key_frames: u64,
}

/// How often frames are counted.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Running<'a> {
    requests: &'a Arc<SharedRequests>,
    status: &'a watch::Sender<Status>,
    pipeline: Pipeline,
    encoder: Encoder,
    /// Source and encoder.
    words: String,
    h264: EncoderControl,
    vp8: EncoderControl,
    counted: (Instant, [u64; 2]),
}

impl<'a> Running<'a> {
    pub(super) fn new(
        pipeline: Pipeline,
        encoder: Encoder,
        words: String,
        [h264, vp8]: [Adaptation; 2],
        requests: &'a Arc<SharedRequests>,
        status: &'a watch::Sender<Status>,
    ) -> Self {
        let now = now();
        let frames = frames(&requests.lock());
        Self {
            requests,
            status,
            pipeline,
            encoder,
            words,
            h264: EncoderControl::warm(h264, now),
            vp8: EncoderControl::on_demand(vp8, now),
            counted: (now, frames),
        }
    }

    /// Until nobody wants it, or until an error. One that is kept `warm` is always wanted.
    pub(super) fn control(mut self, warm: bool) -> Result<(), PipelineError> {
        while let Some([h264, vp8]) = self.commands(warm)? {
            // Not under the lock: GStreamer may call back from in here.
            self.apply(Codec::H264, &h264)?;
            if let Err(error) = self.apply(Codec::Vp8, &vp8) {
                self.requests.fail_vp8(error);
            }
            let check_again = h264.check_again.min(vp8.check_again);
            drop(self.requests.wait(Some(check_again)));
        }
        self.status.send_modify(|status| {
            status.running = None;
            status.encoders.clear();
        });
        Ok(())
    }

    /// `None` when nobody wants it any more.
    fn commands(&mut self, warm: bool) -> Result<Option<[Commands; 2]>, PipelineError> {
        let mut requests = self.requests.lock();
        if let Some(error) = requests.error.take() {
            return Err(error);
        }
        if requests.stop || !(requests.watched() || warm) {
            return Ok(None);
        }
        if let Some(error) = &requests.vp8.error {
            tracing::warn!("camera: VP8: {error}");
        }
        let now = now();
        let h264 = self.h264.commands(&mut requests.h264, now)?;
        let vp8 = self.vp8.commands(&mut requests.vp8, now)?;
        self.report(&requests, now);
        Ok(Some([h264, vp8]))
    }

    /// The key frame is requested before pictures come, so that it is the first to leave.
    fn apply(&mut self, codec: Codec, commands: &Commands) -> Result<(), PipelineError> {
        if let (Codec::Vp8, Some(resting)) = (codec, commands.rest) {
            self.pipeline.set_vp8(!resting, self.requests)?;
        }
        if let Some(reduction) = commands.reduction {
            tracing::debug!(?codec, ?reduction, kbps = commands.kbps, "camera");
            self.pipeline.set_reduction(codec, reduction);
        }
        if let Some(kbps) = commands.kbps {
            self.pipeline.set_bitrate(codec, kbps);
        }
        if commands.key_frame {
            self.pipeline.request_key_frame(codec);
        }
        if let Some(resting) = commands.rest {
            self.pipeline.set_resting(codec, resting);
        }
        Ok(())
    }

    fn report(&mut self, requests: &Requests, now: Instant) {
        let elapsed = now.saturating_duration_since(self.counted.0);
        let frames = frames(requests);
        let fps = (elapsed >= COUNTED_EVERY).then(|| {
            let [h264, vp8] = [0, 1].map(|codec| frames[codec] - self.counted.1[codec]);
            self.counted = (now, frames);
            (h264.max(vp8) as f64 / elapsed.as_secs_f64() * 10.0).round() / 10.0
        });
        let encoders = [(&self.h264, self.encoder.name()), (&self.vp8, vp8::ELEMENT)];
        let working = encoders.iter().filter(|(control, _)| !control.is_resting());
        self.status.send_if_modified(|status| {
            let before = status.clone();
            status.encoders = working.map(|(_, name)| *name).collect();
            status.fps = fps.unwrap_or(status.fps);
            status.key_frames = requests.h264.key_frames + requests.vp8.key_frames;
            if requests.h264.last_frame.is_some() {
                status.running = Some(self.words.clone());
                status.error = None;
            }
            *status != before
        });
    }
}

fn frames(requests: &Requests) -> [u64; 2] {
    [requests.h264.frames, requests.vp8.frames]
}
