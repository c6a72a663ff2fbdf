//! An action as it arrives, and why it may not be obeyed.

use std::time::Instant;

use wire::Action;

use super::source::Source;

/// An action, and what is known of its way here.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// What was received.
    pub action: &'a Action,
    /// From where.
    pub source: &'a Source,
    /// The earliest moment at which it can have been sent, as far as the robot knows itself.
    pub sent_after: Option<Instant>,
    /// When it was received.
    pub now: Instant,
    /// The time of day then, in Unix milliseconds.
    pub unix_ms: u64,
}

/// Why a valid action did not move the wheels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// Given too long ago, or nothing says that it was not.
    #[error("given too long ago")]
    Stale,
    /// `seq` is not above the last one seen of that sender.
    #[error("older than, or the same as, the last one of its sender")]
    OutOfOrder,
    /// Somebody else drives, or another's stop holds until its sender has let go.
    #[error("another drives, or has stopped the robot and the key was not let go since")]
    NotDriver,
}
