//! Where others leave their wishes and the thread finds them. Only the newest counts, so
//! nothing queues.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pipeline::{Deliver, Fault};
use super::{Frame, now};

/// The desk; wishes and events ring its bell.
pub(super) struct Desk {
    wishes: Mutex<Wishes>,
    bell: Condvar,
    frames: Box<dyn Fn(Frame) + Send + Sync>,
}

/// What is wished for, and what has happened.
#[derive(Default)]
pub(super) struct Wishes {
    pub watched: bool,
    pub kbps: u32,
    pub key_frame: bool,
    pub stop: bool,
    /// Something changed since the thread last looked.
    pub rung: bool,
    pub fault: Option<Fault>,
    pub frames: u64,
    pub key_frames: u64,
    pub last_frame: Option<Instant>,
}

impl Desk {
    pub(super) fn new(kbps: u32, frames: impl Fn(Frame) + Send + Sync + 'static) -> Self {
        Self {
            wishes: Mutex::new(Wishes {
                kbps,
                ..Wishes::default()
            }),
            bell: Condvar::new(),
            frames: Box::new(frames),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        let mut wishes = self.lock();
        change(&mut wishes);
        wishes.rung = true;
        drop(wishes);
        self.bell.notify_one();
    }

    /// Until something changes, or `until`.
    pub(super) fn wait(&self, until: Option<Instant>) -> MutexGuard<'_, Wishes> {
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
