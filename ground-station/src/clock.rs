//! The one place that reads the clocks, for the edges: request handlers, loops, commands.
//! What decides anything takes the time as an argument instead.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// Monotonic time.
#[expect(
    clippy::disallowed_methods,
    reason = "the edges take their time from here"
)]
pub fn instant() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970; 0 on a machine whose clock is before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the edges take their time from here"
)]
pub fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Seconds since 1970.
pub fn unix_s() -> u64 {
    unix_ms() / 1000
}

/// The time of day, as certificates want it.
pub fn utc() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix_s() as i64).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
