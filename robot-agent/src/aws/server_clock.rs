//! The server's time. A signature is good for five minutes, and a Raspberry Pi has no clock
//! of its own, so the time that the server writes on its answers signs requests, and names a
//! clock that is wrong. Pure.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use time::{Duration, OffsetDateTime};

/// Less than this may be the network's.
const TOLERATED: Duration = Duration::seconds(60);

/// How far the server is ahead of this computer.
#[derive(Debug, Default)]
pub(crate) struct ServerClock(Mutex<Offsets>);

#[derive(Debug, Default)]
struct Offsets {
    /// By the server's last answer.
    measured: Option<Duration>,
    /// What is added to this computer's time: nothing while the clocks agree.
    correction: Duration,
}

impl ServerClock {
    /// The server's time when this computer's is `wall`.
    pub(crate) fn at(&self, wall: SystemTime) -> SystemTime {
        wall + self.offsets().correction
    }

    /// How far the server was ahead by its last answer, which has whole seconds.
    pub(crate) fn measured(&self) -> Option<Duration> {
        self.offsets().measured
    }

    /// Compares `wall` with the server's `time`, which just came. Returns what to warn of, once
    /// for each time that this computer's clock turns wrong, or right.
    pub(crate) fn update(&self, time: SystemTime, wall: SystemTime) -> Option<String> {
        let ahead = OffsetDateTime::from(time) - wall;
        let mut offsets = self.offsets();
        offsets.measured = Some(ahead);
        if (ahead - offsets.correction).abs() <= TOLERATED {
            return None;
        }
        if ahead.abs() <= TOLERATED {
            offsets.correction = Duration::ZERO;
            return Some("this computer's clock is right again".to_owned());
        }
        offsets.correction = ahead;
        let minutes = (ahead.abs() + Duration::seconds(30)).whole_minutes();
        let direction = if ahead.is_positive() { "slow" } else { "fast" };
        Some(format!(
            "this computer's clock is {minutes} minutes {direction}: set it (timedatectl set-ntp \
             true); until then requests are signed with the server's time"
        ))
    }

    fn offsets(&self) -> MutexGuard<'_, Offsets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_s: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(unix_s)
    }

    #[test]
    fn a_clock_ten_minutes_off_is_named_once_and_corrected() {
        for (wall, direction) in [(999_400, "slow"), (1_000_600, "fast")] {
            let clock = ServerClock::default();
            let (server, wall) = (at(1_000_000), at(wall));
            let warning = clock.update(server, wall).unwrap();
            assert!(
                warning.contains("10 minutes") && warning.contains(direction),
                "{warning}"
            );
            assert_eq!(clock.update(server, wall), None);
            assert_eq!(clock.at(wall), server);
        }
    }

    #[test]
    fn a_clock_that_was_set_is_believed_again() {
        let clock = ServerClock::default();
        let server = at(1_000_000);
        assert!(clock.update(server, at(999_000)).is_some());
        assert!(clock.update(server, at(999_998)).is_some());
        assert_eq!(clock.at(server), server);
    }

    #[test]
    fn seconds_of_difference_change_nothing() {
        let clock = ServerClock::default();
        assert_eq!(clock.update(at(1_000_000), at(1_000_050)), None);
        assert_eq!(clock.at(at(5)), at(5));
        assert_eq!(clock.measured(), Some(Duration::seconds(-50)));
    }
}
