//! The one camera: a thread that owns the GStreamer pipeline, starts it, watches it, and
//! starts it again when it fails. Its frames go to whoever [`start`] was given; it knows
//! nothing of viewers but whether there are any.
//!
//! - [`thread`]: the work of the thread.
//! - [`requests`]: where others leave their wishes for it.
//! - [`source`], [`devices`]: where pictures come from.
//! - [`encoder`]: who makes H.264 of them.
//! - [`pipeline`]: the pipeline between the two.
//! - [`control`]: what to tell a running pipeline, and when it counts as dead.
//! - [`test_timestamp`]: the clock in the test picture.

mod control;
mod devices;
mod encoder;
mod pipeline;
mod requests;
mod source;
mod test_timestamp;
#[cfg(test)]
mod tests;
mod thread;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;

pub use encoder::{Choice, Encoder};
use requests::Desk;
pub use source::Source;
#[cfg(test)]
pub(super) use test_timestamp::read as read_timestamp;
use thread::Operator;

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
    let desk = Arc::new(Desk::new(settings.bitrate_kbps, frames));
    let operator = Operator::new(settings, Arc::clone(&desk), status);
    let thread = std::thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || operator.work())
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

#[expect(
    clippy::disallowed_methods,
    reason = "the camera's thread owns its clock"
)]
fn now() -> Instant {
    Instant::now()
}
