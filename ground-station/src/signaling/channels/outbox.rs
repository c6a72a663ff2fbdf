//! The way to one socket: a queue that never waits, and the word that it must close.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::signaling::FromService;

use crate::signaling::connection::CloseReason;

/// Where messages for one socket go.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    frames: mpsc::Sender<FromService>,
    close: Arc<CloseHandle>,
}

/// Says that a socket must close, and why.
#[derive(Debug, Default)]
pub(crate) struct CloseHandle {
    closed: CancellationToken,
    reason: OnceLock<CloseReason>,
}

impl CloseHandle {
    /// Resolves with the reason, once there is one.
    pub(crate) async fn reason(&self) -> CloseReason {
        self.closed.cancelled().await;
        *self.reason.get().unwrap_or(&CloseReason::OnDemand)
    }
}

#[cfg(test)]
impl CloseHandle {
    pub(super) fn reason_now(&self) -> Option<CloseReason> {
        self.reason.get().copied()
    }
}

impl Outbox {
    pub(super) fn close(&self, reason: CloseReason) {
        let _ = self.close.reason.set(reason);
        self.close.closed.cancel();
    }

    /// Who does not take a message is closed: nobody is ever waited for.
    pub(super) fn send(&self, frame: FromService) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.frames.try_send(frame) {
            self.close(CloseReason::SlowReader);
        }
    }
}

/// What the task of a socket waits for.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// What to write to it.
    pub frames: mpsc::Receiver<FromService>,
    /// When to close it.
    pub close: Arc<CloseHandle>,
}

/// A new outbox with room for `capacity` messages, and its other end.
pub(super) fn outbox(capacity: usize) -> (Outbox, Receiver) {
    let (sender, frames) = mpsc::channel(capacity);
    let close = Arc::new(CloseHandle::default());
    let outbox = Outbox {
        frames: sender,
        close: Arc::clone(&close),
    };
    (outbox, Receiver { frames, close })
}
