//! The one camera: a thread that owns the GStreamer pipeline, starts it, watches it, and
//! starts it again when it fails. Its frames go to whoever [`start`] was given; it knows
//! nothing of viewers but whether there are any.
//!
//! - [`thread`]: the thread, from start to restart; [`running`]: while a pipeline runs.
//! - [`requests`]: what others want of it, and what the pipeline has delivered.
//! - [`control`]: what a running encoder is told, and when it counts as dead.
//! - [`adaptation`]: how large its pictures are, and how many; [`reducer`]: who makes them so.
//! - [`source`], [`devices`]: where pictures come from; [`jpeg`]: which of them are none.
//! - [`encoder`]: who makes H.264 of them; [`vp8`]: who makes VP8 of them, as long as it is wanted.
//! - [`pipeline`]: what runs between the two; [`tap`]: where raw pictures part; [`frames`]: what
//!   comes out.
//! - [`drawn`]: what is drawn over pictures of our own.
//! - [`test_timestamp`]: the wall clock in the test picture.

mod adaptation;
mod control;
mod devices;
mod drawn;
mod encoder;
mod frames;
mod jpeg;
mod pipeline;
mod reducer;
mod requests;
mod running;
mod source;
mod tap;
mod test_timestamp;
#[cfg(test)]
pub(super) mod tests;
mod thread;
mod vp8;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use crate::clock::now;
use crate::video::codec::Codec;
#[cfg(test)]
pub(super) use control::KEY_FRAME_GAP;
pub(crate) use drawn::Painter;
pub(crate) use encoder::Encoder;
pub(super) use requests::Frame;
use requests::{Requests, SharedRequests};
use running::Status;
pub(crate) use source::{Format, VideoSource};
#[cfg(test)]
pub(super) use test_timestamp::read as read_timestamp;
pub(crate) use thread::CameraConfig;
use thread::Thread;

/// The camera's handle; clones are one camera.
#[derive(Clone)]
pub(super) struct Camera {
    requests: Arc<SharedRequests>,
    status: watch::Receiver<Status>,
}

/// Holds the camera's thread. Dropped, it takes the pipeline down and waits for that, which
/// blocks as long as a driver does.
pub(super) struct CameraThread {
    requests: Arc<SharedRequests>,
    thread: Option<JoinHandle<()>>,
}

/// How often [`probe`] looks at the status.
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// Starts the camera's thread. `frames` is called on GStreamer's thread with every frame and
/// must not block.
pub(super) fn start(
    config: CameraConfig,
    frames: impl FnMut(Frame) + Send + 'static,
) -> anyhow::Result<(Camera, CameraThread)> {
    gstreamer::init().context("GStreamer does not start")?;
    let requests = Arc::new(SharedRequests::new(config.bitrate_kbps, frames));
    let (to, status) = watch::channel(Status::default());
    let camera = Camera {
        requests: Arc::clone(&requests),
        status,
    };
    let thread = Thread {
        config,
        requests: Arc::clone(&requests),
        status: to,
        encoders_failed: 0,
        sources_failed: 0,
    };
    let thread = std::thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || thread.run())
        .context("the camera gets no thread")?;
    let thread = Some(thread);
    Ok((camera, CameraThread { requests, thread }))
}

/// Starts the camera, waits for its first picture, and stops it: what it is, or what is
/// wrong, in words. Blocks for up to `limit` and as long as a driver does.
pub(crate) fn probe(config: &CameraConfig, limit: Duration) -> Result<String, String> {
    let config = CameraConfig {
        warm: true,
        ..config.clone()
    };
    let (camera, _thread) = start(config, |_| ()).map_err(|error| format!("{error:#}"))?;
    let until = now() + limit;
    loop {
        let status = camera.status().borrow().clone();
        match (status.running, status.error) {
            (Some(running), _) if vp8::is_installed() => {
                return Ok(format!(
                    "{running}, and {} where it is wanted",
                    vp8::ELEMENT
                ));
            }
            (Some(running), _) => {
                return Ok(format!(
                    "{running}, no VP8 (GStreamer has no {}: install gstreamer1.0-plugins-good)",
                    vp8::ELEMENT
                ));
            }
            (None, Some(error)) => return Err(error),
            (None, None) if now() > until => return Err(format!("no picture within {limit:?}")),
            (None, None) => std::thread::sleep(PROBE_EVERY),
        }
    }
}

impl Camera {
    /// Whether this machine has an encoder of `codec`. H.264 it has to have; without, the camera
    /// reports it.
    pub(super) fn encodes(&self, codec: Codec) -> bool {
        codec == Codec::H264 || vp8::is_installed()
    }

    /// Whether anybody watches in `codec`. Without a viewer its encoder rests.
    pub(super) fn set_watched(&self, codec: Codec, watched: bool) {
        self.set(watched, move |requests| &mut requests.of(codec).watched);
    }

    /// The next frame is to be a key frame, or the first after [`control::KEY_FRAME_GAP`].
    pub(super) fn key_frame(&self, codec: Codec) {
        self.requests
            .update(|requests| requests.of(codec).key_frame = true);
    }

    /// The encoder's bitrate from now on.
    pub(super) fn set_bitrate(&self, codec: Codec, kbps: u32) {
        self.set(kbps, move |requests| &mut requests.of(codec).kbps);
    }

    /// Wakes the thread only for what is new to it.
    fn set<T: PartialEq>(&self, value: T, place: impl Fn(&mut Requests) -> &mut T) {
        if *place(&mut self.requests.lock()) != value {
            self.requests.update(|requests| *place(requests) = value);
        }
    }

    pub(super) fn status(&self) -> &watch::Receiver<Status> {
        &self.status
    }
}

impl CameraThread {
    /// Stops it without blocking the runtime.
    pub(super) async fn stop(self) {
        let _ = tokio::task::spawn_blocking(|| drop(self)).await;
    }
}

impl Drop for CameraThread {
    fn drop(&mut self) {
        self.requests.update(|requests| requests.stop = true);
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the camera's thread panicked");
        }
    }
}
