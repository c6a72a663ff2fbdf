//! The crate's one clock. What decides takes the time as an argument; only loops that own
//! sockets, devices and timers read it here.

#![expect(
    clippy::disallowed_methods,
    reason = "here, and nowhere else, the clocks are read"
)]

use std::time::{Instant, SystemTime};

use time::OffsetDateTime;

/// The monotonic clock: for everything that waits.
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day: for signatures, expiry and what clocks of others say.
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// [`wall`] as a date, UTC.
pub fn utc() -> OffsetDateTime {
    wall().into()
}
