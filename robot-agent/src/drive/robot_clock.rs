//! The robot's own clock, as telemetry tells it and actions return it.
//!
//! It counts milliseconds from a number that is drawn anew at every start, so that what was
//! given to an earlier robot-agent is not taken for new. It never jumps, whatever happens to
//! the time of day.

use std::time::{Duration, Instant};

/// Starts are drawn from so many milliseconds: 35,000 years tell one start from another, and a
/// browser's `number` holds far more beyond them.
const STARTS_MS: f64 = (1u64 << 50) as f64;

#[derive(Clone, Copy, Debug)]
pub(super) struct RobotClock {
    start: Instant,
    start_ms: u64,
}

impl RobotClock {
    /// A clock that begins at `start`; `chance` in [0, 1) draws its first number.
    pub(super) fn new(start: Instant, chance: f64) -> Self {
        Self {
            start,
            // Far from zero, so that no small number of somebody's own looks like a time of ours.
            start_ms: (STARTS_MS * (1.0 + chance.clamp(0.0, 1.0))) as u64,
        }
    }

    /// What the clock shows at `now`, in milliseconds.
    pub(super) fn ms(&self, now: Instant) -> u64 {
        self.start_ms + millis(now.saturating_duration_since(self.start))
    }

    /// How long before `now` the clock showed `ms`; `Err` with how far ahead of `now` it is.
    pub(super) fn age(&self, ms: u64, now: Instant) -> Result<Duration, Duration> {
        let shows = self.ms(now);
        match shows.checked_sub(ms) {
            Some(age) => Ok(Duration::from_millis(age)),
            None => Err(Duration::from_millis(ms - shows)),
        }
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
