//! The service's time. A signature is good for five minutes, and a Raspberry Pi has no clock
//! of its own, so the time that the service writes on its answers is kept: it signs
//! requests, and names a clock that is wrong.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::clock::wall;

/// Less than this may be the network's.
const TOLERATED_S: i64 = 60;

/// How far the service is ahead of this computer.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_s: AtomicI64,
}

impl Clock {
    /// The service's time.
    pub(crate) fn now(&self) -> SystemTime {
        self.at(wall())
    }

    /// The service's time when this computer's says `ours`.
    fn at(&self, ours: SystemTime) -> SystemTime {
        let ahead = self.ahead_s.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let corrected = if ahead < 0 {
            ours.checked_sub(by)
        } else {
            ours.checked_add(by)
        };
        corrected.unwrap_or(ours)
    }

    /// Reads the `Date` of an answer that just came.
    pub(crate) fn hear(&self, date: &str) {
        if let Some(complaint) = self.compare(date, wall()) {
            tracing::warn!("{complaint}");
        }
    }

    /// What to complain of, once for each time that it gets wrong.
    fn compare(&self, date: &str, ours: SystemTime) -> Option<String> {
        let theirs = httpdate::parse_http_date(date).ok()?;
        let ahead = match theirs.duration_since(ours) {
            Ok(ahead) => i64::try_from(ahead.as_secs()).ok()?,
            Err(behind) => -i64::try_from(behind.duration().as_secs()).ok()?,
        };
        let known = self.ahead_s.load(Ordering::Relaxed);
        if (ahead - known).abs() <= TOLERATED_S {
            return None;
        }
        let ahead = if ahead.abs() <= TOLERATED_S { 0 } else { ahead };
        self.ahead_s.store(ahead, Ordering::Relaxed);
        if ahead == 0 {
            return Some("this computer's clock is right again".to_owned());
        }
        let (minutes, way) = (
            (ahead.abs() + 30) / 60,
            if ahead > 0 { "slow" } else { "fast" },
        );
        Some(format!(
            "this computer's clock is {minutes} minutes {way}: set it (timedatectl set-ntp \
             true); until then requests are signed with the service's time"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(unix_s: u64) -> (String, SystemTime) {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(unix_s);
        (httpdate::fmt_http_date(at), at)
    }

    #[test]
    fn a_clock_ten_minutes_off_is_named_once_and_corrected() {
        for (ours, way) in [(999_400, "slow"), (1_000_600, "fast")] {
            let clock = Clock::default();
            let (theirs, their_time) = date(1_000_000);
            let ours = date(ours).1;
            let said = clock.compare(&theirs, ours).unwrap();
            assert!(said.contains("10 minutes") && said.contains(way), "{said}");
            assert_eq!(clock.compare(&theirs, ours), None);
            assert_eq!(clock.at(ours), their_time);
        }
    }

    #[test]
    fn a_clock_that_was_set_is_believed_again() {
        let clock = Clock::default();
        let (theirs, their_time) = date(1_000_000);
        assert!(clock.compare(&theirs, date(999_000).1).is_some());
        assert!(clock.compare(&theirs, date(999_998).1).is_some());
        assert_eq!(clock.at(their_time), their_time);
    }

    #[test]
    fn seconds_of_difference_and_no_date_change_nothing() {
        let clock = Clock::default();
        assert_eq!(clock.compare(&date(1_000_000).0, date(1_000_050).1), None);
        assert_eq!(clock.compare("yesterday", date(1_000_000).1), None);
        let now = date(5).1;
        assert_eq!(clock.at(now), now);
    }
}
