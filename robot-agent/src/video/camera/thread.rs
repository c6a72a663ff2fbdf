//! The work of the camera's thread: start the pipeline when it is wanted, tell it what is
//! wished for, report, and begin again when it fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::control::Shift;
use super::encoder::{Choice, Encoder};
use super::pipeline::{Fault, Graph};
use super::requests::{Desk, Wishes};
use super::source::{self, Picture};
use super::{Settings, Status, now};

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
pub(super) struct Operator {
    settings: Settings,
    desk: Arc<Desk>,
    status: watch::Sender<Status>,
    /// How many of the encoders there are have failed in a row, to try the next.
    encoders_failed: usize,
}

impl Operator {
    pub(super) fn new(settings: Settings, desk: Arc<Desk>, status: watch::Sender<Status>) -> Self {
        Self {
            settings,
            desk,
            status,
            encoders_failed: 0,
        }
    }

    pub(super) fn work(mut self) {
        let mut failures = 0;
        while self.wait_until_wanted() {
            let begun = now();
            let Err(fault) = self.run_once() else {
                continue;
            };
            if now().saturating_duration_since(begun) > STEADY {
                failures = 0;
            }
            let pause = RETRY[failures.min(RETRY.len() - 1)];
            failures += 1;
            tracing::warn!("camera: {fault}; trying again in {pause:?}");
            self.encoders_failed += usize::from(fault.of_encoder);
            self.status.send_modify(|status| {
                status.running = None;
                status.fps = 0.0;
                status.fault = Some(fault.words);
            });
            if !self.pause(pause) {
                return;
            }
        }
    }

    /// False when asked to stop.
    fn wait_until_wanted(&self) -> bool {
        let mut wishes = self.desk.lock();
        while !wishes.stop && !wishes.watched && !self.settings.warm {
            drop(wishes);
            wishes = self.desk.wait(None);
        }
        wishes.fault = None;
        wishes.last_frame = None;
        !wishes.stop
    }

    /// False when asked to stop.
    fn pause(&self, pause: Duration) -> bool {
        let until = now() + pause;
        while now() < until {
            if self.desk.wait(Some(until)).stop {
                return false;
            }
        }
        true
    }

    /// Until nobody wants it, or a fault.
    fn run_once(&mut self) -> Result<(), Fault> {
        let picture = Picture {
            width: self.settings.width,
            height: self.settings.height,
            fps: self.settings.fps,
        };
        let device = self.settings.device.as_deref();
        let found = source::find(self.settings.source, device, picture).map_err(Fault::new)?;
        let encoder = self.encoder()?;
        let graph = Graph::start(&found, encoder, picture, &self.desk)
            .map_err(|fault| self.desk.lock().fault.take().unwrap_or(fault))?;
        let running = format!("{}, {}", found.words, encoder.name());
        tracing::info!("camera: {running}");
        self.watch_over(&graph, &running)
    }

    /// The chosen encoder, or the next that this machine has and that has not just failed.
    fn encoder(&self) -> Result<Encoder, Fault> {
        if let Choice::Only(encoder) = self.settings.encoder {
            return Some(encoder)
                .filter(|encoder| encoder.is_installed())
                .ok_or_else(|| Fault::new(format!("GStreamer has no {}", encoder.name())));
        }
        let installed: Vec<_> = Encoder::ALL
            .into_iter()
            .filter(|encoder| encoder.is_installed())
            .collect();
        match installed.len() {
            0 => Err(Fault::new(
                "GStreamer has no H.264 encoder: install gstreamer1.0-plugins-ugly (x264enc)",
            )),
            n => Ok(installed[self.encoders_failed % n]),
        }
    }

    fn watch_over(&mut self, graph: &Graph, running: &str) -> Result<(), Fault> {
        let begun = now();
        let mut shift = Shift::new(begun);
        let mut second = (begun, self.desk.lock().frames);
        loop {
            let orders = {
                let mut wishes = self.desk.lock();
                if let Some(fault) = wishes.fault.take() {
                    return Err(fault);
                }
                if wishes.stop || !(wishes.watched || self.settings.warm) {
                    drop(wishes);
                    self.status.send_modify(|status| status.running = None);
                    return Ok(());
                }
                let now = now();
                self.report(&wishes, running, &mut second, now);
                shift.orders(&mut wishes, now)?
            };
            // Not under the lock: GStreamer may call back from in here.
            orders.carry_out(graph);
            drop(self.desk.wait(Some(orders.look_again)));
        }
    }

    fn report(&self, wishes: &Wishes, running: &str, second: &mut (Instant, u64), now: Instant) {
        let elapsed = now.saturating_duration_since(second.0);
        let fps = (elapsed >= Duration::from_secs(1)).then(|| {
            let frames = wishes.frames - second.1;
            *second = (now, wishes.frames);
            (frames as f64 / elapsed.as_secs_f64() * 10.0).round() / 10.0
        });
        self.status.send_if_modified(|status| {
            let before = status.clone();
            status.fps = fps.unwrap_or(status.fps);
            status.bitrate_kbps = wishes.kbps;
            status.frames = wishes.frames;
            status.key_frames = wishes.key_frames;
            if wishes.last_frame.is_some() {
                status.running = Some(running.to_owned());
                status.fault = None;
            }
            *status != before
        });
    }
}
