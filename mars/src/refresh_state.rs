//! When a source is asked again: at most so often when it answers, ever more rarely when it does
//! not. Pure: `now` is an argument, in Unix seconds, because it outlives a restart.

use std::time::Duration;

/// The first wait after a failure; a display asks every five minutes, so its next request finds
/// the source asked again.
const FIRST_WAIT_S: u64 = 30;
/// The longest wait of our own; longer only if the source asks for it.
const LONGEST_WAIT_S: u64 = 3600;
/// A source may ask to be left alone for a day at most, so a later time was written by a clock
/// that has been set back since.
const PLAUSIBLE_WAIT_S: u64 = 25 * 3600;
/// Data counts as stale once a second refresh in a row is overdue.
const STALE_AFTER: u64 = 2;

/// When something was last confirmed, and when it may be asked for again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pace {
    /// The last good answer; 0 if there was none.
    pub(super) checked_at: u64,
    failures: u32,
    not_before: u64,
    /// A request is under way or about to be: no second one is made.
    pub(super) asked: bool,
}

impl Pace {
    /// The pace of something that was kept since `checked_at`.
    pub(super) fn since(checked_at: u64) -> Self {
        Self {
            checked_at,
            ..Self::default()
        }
    }

    /// Whether it is time to ask. A clock that jumped back makes things due rather than never.
    pub(super) fn is_due(&self, now: u64, every: Duration) -> bool {
        let waiting = now < self.not_before && self.not_before - now <= PLAUSIBLE_WAIT_S;
        let fresh = self.checked_at <= now && now - self.checked_at < every.as_secs();
        !self.asked && !waiting && !fresh
    }

    /// Whether what is kept is older than it should be.
    pub(super) fn is_stale(&self, now: u64, every: Duration) -> bool {
        self.age(now)
            .is_none_or(|age| age > STALE_AFTER * every.as_secs())
    }

    /// Seconds since the last good answer.
    pub(super) fn age(&self, now: u64) -> Option<u64> {
        (self.checked_at > 0).then(|| now.saturating_sub(self.checked_at))
    }

    pub(super) fn succeeded(&mut self, now: u64) {
        *self = Self::since(now);
    }

    /// `requested` is the source's own wish; `chance`, from 0 to 1, spreads those who wait.
    pub(super) fn failed(&mut self, now: u64, requested: Option<Duration>, chance: f64) {
        let doubled = FIRST_WAIT_S << self.failures.min(16);
        let own = doubled.min(LONGEST_WAIT_S) as f64 * (0.75 + 0.5 * chance);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most an hour and a quarter"
        )]
        let wait = (own as u64).max(requested.map_or(0, |wait| wait.as_secs()));
        self.failures += 1;
        self.not_before = now + wait;
        self.asked = false;
    }

    /// When it may be asked again after a failure.
    pub(super) fn retry_at(&self) -> u64 {
        self.not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: u64 = 1_795_000_000;

    #[test]
    fn a_good_answer_lasts_its_time() {
        let mut pace = Pace::default();
        assert!(pace.is_due(NOW, HOUR));
        pace.succeeded(NOW);
        assert!(!pace.is_due(NOW + 3599, HOUR));
        assert!(pace.is_due(NOW + 3600, HOUR));
        assert_eq!(pace.age(NOW + 70), Some(70));
        assert!(!pace.is_stale(NOW + 7200, HOUR));
        assert!(pace.is_stale(NOW + 7201, HOUR));
    }

    #[test]
    fn what_was_asked_is_not_asked_twice() {
        let pace = Pace {
            asked: true,
            ..Pace::default()
        };
        assert!(!pace.is_due(NOW, HOUR));
    }

    #[test]
    fn failures_wait_longer_each_time_and_an_hour_at_most() {
        let mut pace = Pace::default();
        let mut waits = Vec::new();
        for _ in 0..40 {
            pace.failed(NOW, None, 0.5);
            waits.push(pace.retry_at() - NOW);
        }
        assert_eq!(waits[..4], [30, 60, 120, 240]);
        assert_eq!(waits.last(), Some(&3600));
        assert!(!pace.is_due(NOW + 3599, HOUR));
        assert!(pace.is_due(NOW + 3600, HOUR));
        pace.succeeded(NOW + 3600);
        pace.failed(NOW + 7300, None, 0.5);
        assert_eq!(
            pace.retry_at(),
            NOW + 7330,
            "a success forgets the failures before it"
        );
    }

    #[test]
    fn a_source_that_asks_for_patience_gets_it() {
        let mut pace = Pace::default();
        pace.failed(NOW, Some(Duration::from_secs(7000)), 0.5);
        assert!(!pace.is_due(NOW + 6999, HOUR));
        assert!(pace.is_due(NOW + 7000, HOUR));
    }

    #[test]
    fn those_who_failed_together_do_not_come_back_together() {
        let waits = [0.0, 1.0].map(|chance| {
            let mut pace = Pace::default();
            pace.failed(NOW, None, chance);
            pace.retry_at() - NOW
        });
        assert_eq!(waits, [22, 37]);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_anything() {
        let mut pace = Pace::since(NOW + 100_000);
        assert!(pace.is_due(NOW, HOUR), "confirmed in the future");
        assert_eq!(pace.age(NOW), Some(0));
        pace.failed(NOW + 90_000_000, None, 0.5);
        assert!(pace.is_due(NOW, HOUR), "not before years from now");
    }
}
