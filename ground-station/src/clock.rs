//! The one place that reads the clocks, for the edges: request handlers, loops, commands.
//! What decides anything takes the time as an argument instead.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
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

/// When something that starts at `now_s` and lasts `life` is over: at least a second later,
/// since that is all the wire can say.
pub fn expiry_s(now_s: u64, life: Duration) -> u64 {
    now_s + whole_s(life)
}

/// `life` in whole seconds, at least one.
pub fn whole_s(life: Duration) -> u64 {
    life.as_secs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_expires_lasts_at_least_a_second() {
        assert_eq!(expiry_s(100, Duration::from_secs(3)), 103);
        assert_eq!(expiry_s(100, Duration::from_millis(1)), 101);
    }
}
