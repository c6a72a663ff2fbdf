//! The camera's thread: starts the pipeline when it is wanted, gives it its commands, reports,
//! and begins again when it fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::adaptation::Adaptation;
use super::drawn::{Drawn, Painter};
use super::encoder::Encoder;
use super::pipeline::Pipeline;
use super::requests::{PipelineError, SharedRequests};
use super::running::{Running, Status};
use super::source::{self, Format, VideoSource};
use crate::clock::now;
use crate::video::codec::Codec;

/// What the owner of the robot chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraConfig {
    /// Where pictures come from.
    pub source: VideoSource,
    /// Which camera, where there are several: a path for V4L2, a name for libcamera.
    pub device: Option<String>,
    /// Pixels across, pixels down, pictures a second.
    pub format: Format,
    /// The bitrate to begin with, in kbit/s.
    pub bitrate_kbps: u32,
    /// Who encodes; the first of [`Encoder::ALL`] that this machine has, if it does not matter.
    pub encoder: Option<Encoder>,
    /// What is drawn over the pictures of [`VideoSource::World`].
    pub painter: Option<Painter>,
    /// Whether pictures of our own carry the wall clock, for measurements.
    pub timestamp: bool,
    /// Keep the source running while nobody watches, for a faster first frame.
    pub warm: bool,
}

/// A pipeline that ran this long was well; what befell it then is a new fault.
const STEADY: Duration = Duration::from_secs(10);

/// Waits between attempts: soon at first, as a camera just plugged in needs a moment, and
/// never so seldom that its owner would wonder.
const RETRY: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// What the thread owns.
pub(super) struct Thread {
    pub config: CameraConfig,
    pub requests: Arc<SharedRequests>,
    pub status: watch::Sender<Status>,
    /// How many of the encoders there are have failed in a row, to try the next.
    pub encoders_failed: usize,
    /// How many sources have ended before their first picture, likewise.
    pub sources_failed: usize,
}

impl Thread {
    /// Until it is asked to stop.
    pub(super) fn run(mut self) {
        let mut failures = 0;
        while self.wait_until_wanted() {
            let begun = now();
            let Err(error) = self.run_once() else {
                continue;
            };
            if now().saturating_duration_since(begun) > STEADY {
                failures = 0;
            }
            let pause = RETRY[failures.min(RETRY.len() - 1)];
            failures += 1;
            tracing::warn!("camera: {error}; trying again in {pause:?}");
            self.encoders_failed += usize::from(error.from_encoder);
            let nothing_came = self.requests.lock().h264.last_frame.is_none();
            self.sources_failed += usize::from(nothing_came && !error.from_encoder);
            self.status.send_modify(|status| {
                status.running = None;
                status.encoders.clear();
                status.fps = 0.0;
                status.error = Some(error.message);
            });
            if !self.pause(pause) {
                return;
            }
        }
    }

    /// False when asked to stop.
    fn wait_until_wanted(&self) -> bool {
        let mut requests = self.requests.lock();
        while !requests.stop && !requests.watched() && !self.config.warm {
            drop(requests);
            requests = self.requests.wait(None);
        }
        requests.error = None;
        for codec in Codec::ALL {
            requests.of(codec).error = None;
            requests.of(codec).last_frame = None;
        }
        !requests.stop
    }

    /// False when asked to stop.
    fn pause(&self, pause: Duration) -> bool {
        let until = now() + pause;
        while now() < until {
            if self.requests.wait(Some(until)).stop {
                return false;
            }
        }
        true
    }

    /// Until nobody wants it, or an error.
    fn run_once(&mut self) -> Result<(), PipelineError> {
        let CameraConfig { source, format, .. } = self.config;
        let device = self.config.device.clone();
        let source = source::find(source, device, format, self.sources_failed)
            .map_err(PipelineError::new)?;
        let encoder = self.encoder()?;
        let drawn = Drawn {
            painter: self.config.painter.clone(),
            timestamp: self.config.timestamp,
        };
        let pipeline = Pipeline::start(&source, &drawn, encoder, format.fps, &self.requests)
            .map_err(|error| self.requests.lock().error.take().unwrap_or(error))?;
        let running = format!("{}, {}", source.words, encoder.name());
        tracing::info!("camera: {running}");
        let resizes = [encoder.resizes(), true];
        let adaptations =
            resizes.map(|resizes| Adaptation::new(format, self.config.bitrate_kbps, resizes));
        let running = Running::new(
            pipeline,
            encoder,
            running,
            adaptations,
            &self.requests,
            &self.status,
        );
        running.control(self.config.warm)
    }

    /// The chosen encoder, or the next that this machine has and that has not just failed.
    fn encoder(&self) -> Result<Encoder, PipelineError> {
        if let Some(encoder) = self.config.encoder {
            return Some(encoder)
                .filter(|encoder| encoder.is_installed())
                .ok_or_else(|| PipelineError::new(format!("GStreamer has no {}", encoder.name())));
        }
        let installed: Vec<_> = Encoder::ALL
            .into_iter()
            .filter(|encoder| encoder.is_installed())
            .collect();
        match installed.len() {
            0 => Err(PipelineError::new(
                "GStreamer has no H.264 encoder: install gstreamer1.0-plugins-ugly (x264enc)",
            )),
            n => Ok(installed[self.encoders_failed % n]),
        }
    }
}
