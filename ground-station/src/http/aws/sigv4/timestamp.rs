//! Times as signatures write them: `yyyymmddThhmmssZ`.

use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Unix seconds.
pub(super) fn unix_s(timestamp: &str) -> Option<i64> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let at = PrimitiveDateTime::parse(timestamp, &format).ok()?;
    Some(at.assume_utc().unix_timestamp())
}

/// The reverse of [`unix_s`].
pub(super) fn timestamp(unix_s: i64) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    OffsetDateTime::from_unix_timestamp(unix_s)
        .ok()
        .and_then(|at| at.format(&format).ok())
        .unwrap_or_else(|| unix_s.to_string())
}
