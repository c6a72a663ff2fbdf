//! The one place that reads the clock, for the edges; what decides takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; 0 on a machine whose clock is before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the edges take their time from here"
)]
pub(crate) fn unix_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
