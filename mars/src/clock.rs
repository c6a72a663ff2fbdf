//! The one place that reads the clock, for the edges; what decides takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since 1970; 0 on a machine whose clock is before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the edges take their time from here"
)]
pub(crate) fn unix_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The moment as RFC 3339 has it; none for one that no calendar has.
pub(crate) fn rfc3339(unix_s: i64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(unix_s).ok()?;
    moment.format(&Rfc3339).ok()
}
