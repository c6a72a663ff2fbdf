//! What others want of the camera's thread, for each codec, and what its pipeline has delivered.
//! Only the newest counts, so nothing queues.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::clock::now;
use crate::video::codec::Codec;

/// One encoded picture. Of H.264 a whole access unit in Annex B form, with its parameter sets if it
/// is a key frame.
#[derive(Clone, Debug)]
pub(in crate::video) struct Frame {
    pub codec: Codec,
    pub data: Bytes,
    /// Whether a viewer can begin here.
    pub key: bool,
    /// When the picture was taken, as far as the source can tell.
    pub captured: Instant,
}

/// What went wrong in the pipeline, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct PipelineError {
    pub message: String,
    pub from_encoder: bool,
}

impl PipelineError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            from_encoder: false,
        }
    }
}

#[derive(Default)]
pub(super) struct Requests {
    pub h264: EncoderRequests,
    pub vp8: EncoderRequests,
    pub stop: bool,
    pub error: Option<PipelineError>,
    /// Something changed since the thread last looked.
    pub changed: bool,
}

/// What concerns the encoder of one codec.
#[derive(Default)]
pub(super) struct EncoderRequests {
    pub watched: bool,
    pub kbps: u32,
    pub key_frame: bool,
    /// Of this encoder alone.
    pub error: Option<PipelineError>,
    pub frames: u64,
    pub key_frames: u64,
    pub last_frame: Option<Instant>,
}

impl Requests {
    pub(super) fn of(&mut self, codec: Codec) -> &mut EncoderRequests {
        match codec {
            Codec::H264 => &mut self.h264,
            Codec::Vp8 => &mut self.vp8,
        }
    }

    /// Whether anybody watches, in whatever codec.
    pub(super) fn watched(&self) -> bool {
        self.h264.watched || self.vp8.watched
    }
}

/// The requests, and the bell that wakes the thread when they change.
pub(super) struct SharedRequests {
    requests: Mutex<Requests>,
    changed: Condvar,
    frames: Mutex<Box<dyn FnMut(Frame) + Send>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedRequests {
    pub(super) fn new(kbps: u32, frames: impl FnMut(Frame) + Send + 'static) -> Self {
        let mut requests = Requests::default();
        for codec in Codec::ALL {
            requests.of(codec).kbps = kbps;
        }
        Self {
            requests: Mutex::new(requests),
            changed: Condvar::new(),
            frames: Mutex::new(Box::new(frames)),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Requests> {
        lock(&self.requests)
    }

    /// Changes them and wakes the thread.
    pub(super) fn update(&self, change: impl FnOnce(&mut Requests)) {
        let mut requests = self.lock();
        change(&mut requests);
        requests.changed = true;
        drop(requests);
        self.changed.notify_one();
    }

    /// Until something changes, or `until`.
    pub(super) fn wait(&self, until: Option<Instant>) -> MutexGuard<'_, Requests> {
        let left = || {
            until.map_or(Duration::MAX, |until| {
                until.saturating_duration_since(now())
            })
        };
        let mut requests = self.lock();
        while !requests.changed && !left().is_zero() {
            let woken = self.changed.wait_timeout(requests, left());
            requests = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        requests.changed = false;
        requests
    }

    /// Called by the pipeline with every frame.
    pub(super) fn deliver(&self, frame: Frame) {
        let mut requests = self.lock();
        let encoder = requests.of(frame.codec);
        encoder.frames += 1;
        encoder.key_frames += u64::from(frame.key);
        let is_first = encoder.last_frame.replace(now()).is_none();
        drop(requests);
        lock(&self.frames)(frame);
        if is_first {
            self.update(|_| ());
        }
    }

    /// The first error is the cause, those after it are its consequences.
    pub(super) fn fail(&self, error: PipelineError) {
        self.update(|requests| _ = requests.error.get_or_insert(error));
    }

    /// An error that only the VP8 encoder has.
    pub(super) fn fail_vp8(&self, error: PipelineError) {
        self.update(|requests| _ = requests.vp8.error.get_or_insert(error));
    }
}
