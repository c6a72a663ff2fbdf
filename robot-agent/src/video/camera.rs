//! The one camera: a thread that owns the GStreamer pipeline, starts it, watches it, and
//! starts it again when it fails. Its frames go to whoever [`start`] was given; it knows
//! nothing of viewers but whether there are any.
//!
//! - [`source`]: where pictures come from.
//! - [`encoder`]: who makes H.264 of them.
//! - [`graph`]: the pipeline between the two.
//! - [`shift`]: what to tell a running pipeline, and when it counts as dead.
//! - [`clock`]: the clock in the test picture.

mod clock;
mod encoder;
mod graph;
mod shift;
mod source;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;

#[cfg(test)]
pub(super) use clock::read as read_clock;
pub use encoder::{Choice, Encoder};
use graph::{Deliver, Fault, Graph};
use shift::Shift;
use source::Picture;
pub use source::Source;

/// What the owner of the robot chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where pictures come from.
    pub source: Source,
    /// Which camera, where there are several: a path for V4L2, a name for libcamera.
    pub device: Option<String>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
    /// The bitrate to begin with, in kbit/s.
    pub bitrate_kbps: u32,
    /// Who encodes.
    pub encoder: Choice,
    /// Keep the source running while nobody watches, for a faster first frame.
    pub warm: bool,
}

/// One encoded picture: a whole access unit in Annex B form, with its parameter sets if it
/// is a key frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The bytes.
    pub data: Bytes,
    /// Whether a viewer can begin here.
    pub key: bool,
    /// When the picture was taken, as far as the source can tell.
    pub captured: Instant,
}

/// What the camera does now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Source and encoder in words, once they run.
    pub running: Option<String>,
    /// What is wrong, in words.
    pub fault: Option<String>,
    /// Frames in the last second.
    pub fps: f64,
    /// What the encoder was asked for.
    pub bitrate_kbps: u32,
    /// Key frames since the start.
    pub key_frames: u64,
    /// Frames since the start.
    pub frames: u64,
}

/// The camera's handle; clones are one camera.
#[derive(Clone)]
pub struct Camera {
    desk: Arc<Desk>,
    status: watch::Receiver<Status>,
}

/// Ends the camera's thread when asked; see [`start`].
pub struct CameraThread {
    desk: Arc<Desk>,
    thread: JoinHandle<()>,
}

/// Least time between two key frames on request. They are many times the size of others, and
/// every viewer that lost one packet asks for one.
pub const KEY_FRAME_GAP: Duration = Duration::from_millis(300);

/// How often a camera that is looked at is looked at.
const PROBE_EVERY: Duration = Duration::from_millis(20);

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

/// Starts the camera's thread. `frames` is called on GStreamer's thread with every frame and
/// must not block.
///
/// # Errors
/// Where GStreamer cannot start at all, or no thread can be had.
pub fn start(
    settings: Settings,
    frames: impl Fn(Frame) + Send + Sync + 'static,
) -> anyhow::Result<(Camera, CameraThread)> {
    use anyhow::Context;
    gstreamer::init().context("GStreamer does not start")?;
    let (status, watched) = watch::channel(Status {
        bitrate_kbps: settings.bitrate_kbps,
        ..Status::default()
    });
    let desk = Arc::new(Desk {
        wishes: Mutex::new(Wishes {
            kbps: settings.bitrate_kbps,
            ..Wishes::default()
        }),
        bell: Condvar::new(),
        frames: Box::new(frames),
    });
    let room = Room {
        settings,
        desk: Arc::clone(&desk),
        status,
        encoders_failed: 0,
    };
    let thread = std::thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || room.work())
        .context("the camera gets no thread")?;
    let camera = Camera {
        desk: Arc::clone(&desk),
        status: watched,
    };
    Ok((camera, CameraThread { desk, thread }))
}

/// Starts the camera, waits for its first picture, and stops it: what it is, or what is
/// wrong. Blocks for up to `limit` and as long as a driver does.
///
/// # Errors
/// The first fault, in words.
pub fn probe(settings: &Settings, limit: Duration) -> Result<String, String> {
    let settings = Settings {
        warm: true,
        ..settings.clone()
    };
    let (camera, thread) = start(settings, |_| ()).map_err(|error| format!("{error:#}"))?;
    let until = now() + limit;
    let found = loop {
        let status = camera.status().borrow().clone();
        match (status.running, status.fault) {
            (Some(running), _) => break Ok(running),
            (None, Some(fault)) => break Err(fault),
            (None, None) if now() > until => break Err(format!("no picture within {limit:?}")),
            (None, None) => std::thread::sleep(PROBE_EVERY),
        }
    };
    thread.stop_and_join();
    found
}

impl Camera {
    /// Whether anybody watches. Without a watcher the encoder rests.
    pub fn watched(&self, watched: bool) {
        self.desk.wish(|wishes| wishes.watched = watched);
    }

    /// The next frame is to be a key frame, or the first after [`KEY_FRAME_GAP`].
    pub fn key_frame(&self) {
        self.desk.wish(|wishes| wishes.key_frame = true);
    }

    /// The encoder's bitrate from now on.
    pub fn bitrate(&self, kbps: u32) {
        self.desk.wish(|wishes| wishes.kbps = kbps);
    }

    /// What the camera does.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }
}

impl CameraThread {
    /// Takes the pipeline down and waits for it; blocks while a driver does.
    pub fn stop_and_join(self) {
        self.desk.wish(|wishes| wishes.stop = true);
        if self.thread.join().is_err() {
            tracing::error!("the camera's thread panicked");
        }
    }

    /// Whether the thread has ended, which it does not do unasked.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Where others leave their wishes and the thread finds them. Only the newest counts, so
/// nothing queues.
struct Desk {
    wishes: Mutex<Wishes>,
    bell: Condvar,
    frames: Box<dyn Fn(Frame) + Send + Sync>,
}

#[derive(Default)]
struct Wishes {
    watched: bool,
    kbps: u32,
    key_frame: bool,
    stop: bool,
    /// Something changed since the thread last looked.
    rung: bool,
    fault: Option<Fault>,
    frames: u64,
    key_frames: u64,
    last_frame: Option<Instant>,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        let mut wishes = self.lock();
        change(&mut wishes);
        wishes.rung = true;
        drop(wishes);
        self.bell.notify_one();
    }

    /// Until something changes, or `until`.
    fn wait(&self, until: Option<Instant>) -> MutexGuard<'_, Wishes> {
        let mut wishes = self.lock();
        loop {
            let left = until.map(|until| until.saturating_duration_since(now()));
            if std::mem::take(&mut wishes.rung) || left == Some(Duration::ZERO) {
                return wishes;
            }
            wishes = match left {
                None => self
                    .bell
                    .wait(wishes)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    self.bell
                        .wait_timeout(wishes, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}

impl Deliver for Desk {
    fn frame(&self, frame: Frame) {
        let first = {
            let mut wishes = self.lock();
            wishes.frames += 1;
            wishes.key_frames += u64::from(frame.key);
            wishes.last_frame.replace(now()).is_none()
        };
        (self.frames)(frame);
        if first {
            self.wish(|_| ());
        }
    }

    /// The first fault is the cause, those after it are its consequences.
    fn fault(&self, fault: Fault) {
        self.wish(|wishes| {
            wishes.fault.get_or_insert(fault);
        });
    }
}

/// What the thread owns.
struct Room {
    settings: Settings,
    desk: Arc<Desk>,
    status: watch::Sender<Status>,
    /// How many of the encoders there are have failed in a row, to try the next.
    encoders_failed: usize,
}

impl Room {
    fn work(mut self) {
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

#[expect(
    clippy::disallowed_methods,
    reason = "the camera's thread owns its clock"
)]
fn now() -> Instant {
    Instant::now()
}
