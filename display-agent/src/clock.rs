//! The one place that reads clocks. Everything else is told what time it is.
//!
//! A clock may run faster than the wall's: a day of operation then takes seconds, with every
//! decision made as it would be in a real day. Knows nothing of what the time is used for.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time as the agent sees it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    unix_origin: Duration,
    scale: u32,
}

/// One moment, on the clock that never jumps and on the one people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For ages and deadlines.
    pub steady: Instant,
    /// Seconds since 1970, for words; a Pi without network may have this wrong by years.
    pub unix: i64,
}

impl Now {
    /// What the wall clock would have shown at `then`, by what it shows now.
    pub fn wall_at(&self, then: Instant) -> i64 {
        let ago = self.steady.saturating_duration_since(then);
        self.unix.saturating_sub_unsigned(ago.as_secs())
    }
}

impl Clock {
    /// The clock on the wall.
    pub fn real() -> Self {
        Self::scaled(1)
    }

    /// A clock on which `scale` seconds pass in one.
    pub fn scaled(scale: u32) -> Self {
        Self {
            origin: steady(),
            unix_origin: unix(),
            scale: scale.max(1),
        }
    }

    /// This moment.
    pub fn now(&self) -> Now {
        if self.scale == 1 {
            return Now {
                steady: steady(),
                unix: unix().as_secs() as i64,
            };
        }
        let passed = (steady() - self.origin) * self.scale;
        Now {
            steady: self.origin + passed,
            unix: (self.unix_origin + passed).as_secs() as i64,
        }
    }

    /// How long to really wait for `wait` to pass on this clock.
    pub fn real_wait(&self, wait: Duration) -> Duration {
        wait / self.scale
    }
}

#[expect(clippy::disallowed_methods, reason = "this module owns the clock")]
fn steady() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this module owns the clock")]
fn unix() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
