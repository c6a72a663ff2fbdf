//! The way to one socket: a queue that never waits, and the word that it must close.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::signaling::FromService;

use crate::signaling::connection::Reason;

/// Messages that wait to be written to one socket: all that may have been held for it, and as
/// much again.
pub(super) const LINE_FRAMES: usize = 2 * super::MAX_HELD;

/// The way to one socket.
#[derive(Clone, Debug)]
pub(super) struct Line {
    frames: mpsc::Sender<FromService>,
    end: Arc<End>,
}

/// Says that a socket must close, and why.
#[derive(Debug, Default)]
pub(crate) struct End {
    cut: CancellationToken,
    reason: OnceLock<Reason>,
}

impl End {
    /// Resolves with the reason, once there is one.
    pub(crate) async fn reason(&self) -> Reason {
        self.cut.cancelled().await;
        *self.reason.get().unwrap_or(&Reason::OnDemand)
    }
}

#[cfg(test)]
impl End {
    pub(super) fn reason_now(&self) -> Option<Reason> {
        self.reason.get().copied()
    }
}

impl Line {
    pub(super) fn cut(&self, reason: Reason) {
        let _ = self.end.reason.set(reason);
        self.end.cut.cancel();
    }

    pub(super) fn deliver(&self, frame: FromService) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.frames.try_send(frame) {
            self.cut(Reason::SlowReader);
        }
    }
}

/// What a new connection listens to.
#[derive(Debug)]
pub(crate) struct Ears {
    pub frames: mpsc::Receiver<FromService>,
    pub end: Arc<End>,
}

/// A new line, and its other end.
pub(super) fn line() -> (Line, Ears) {
    let (sender, frames) = mpsc::channel(LINE_FRAMES);
    let end = Arc::new(End::default());
    let line = Line {
        frames: sender,
        end: Arc::clone(&end),
    };
    (line, Ears { frames, end })
}
