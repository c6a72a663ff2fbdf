//! The last good answer of a source, and when the source is asked again: at most so often while it
//! answers, ever more rarely while it does not. Pure: `now` is an argument, in Unix seconds,
//! because it outlives a restart.

use std::time::Duration;

use daemon::backoff::Backoff;
use serde::{Deserialize, Serialize};

/// The first wait after a failure; a display asks every five minutes, so its next request finds
/// the source asked again.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait of our own; longer only if the source asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// A source may ask to be left alone for a day at most, so a later time was written by a clock
/// that has been set back since.
const PLAUSIBLE_WAIT_S: u64 = 25 * 3600;
/// Data counts as stale once a second refresh in a row is overdue.
const STALE_AFTER: u64 = 2;

/// A good answer, and when its source last confirmed it, in Unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Confirmed<T> {
    pub(crate) checked_at: u64,
    pub(crate) value: T,
}

/// The last good answer, and when the next one may be fetched.
pub(crate) struct RefreshState<T> {
    pub(crate) last: Option<Confirmed<T>>,
    backoff: Backoff,
    not_before: u64,
    /// A fetch is under way or about to be: no second one is started.
    pub(crate) in_flight: bool,
}

impl<T> RefreshState<T> {
    pub(crate) fn new(last: Option<Confirmed<T>>) -> Self {
        Self {
            last,
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT).with_jitter(0.75, 1.25),
            not_before: 0,
            in_flight: false,
        }
    }

    /// Whether it is time to fetch. A clock that jumped back makes things due rather than never.
    pub(crate) fn is_due(&self, now: u64, every: Duration) -> bool {
        let waiting = now < self.not_before && self.not_before - now <= PLAUSIBLE_WAIT_S;
        let fresh = self
            .last
            .as_ref()
            .is_some_and(|last| last.checked_at <= now && now - last.checked_at < every.as_secs());
        !self.in_flight && !waiting && !fresh
    }

    /// Whether the last answer is older than it should be, or missing.
    pub(crate) fn is_stale(&self, now: u64, every: Duration) -> bool {
        self.age_s(now)
            .is_none_or(|age| age > STALE_AFTER * every.as_secs())
    }

    /// Seconds since the last good answer.
    pub(crate) fn age_s(&self, now: u64) -> Option<u64> {
        let last = self.last.as_ref()?;
        Some(now.saturating_sub(last.checked_at))
    }

    /// Nothing to show yet, but a fetch is under way.
    pub(crate) fn is_awaited(&self) -> bool {
        self.last.is_none() && self.in_flight
    }

    pub(crate) fn succeeded(&mut self, confirmed: Confirmed<T>) {
        *self = Self::new(Some(confirmed));
    }

    /// Records a failure and gives back the seconds until the next fetch. `requested` is the
    /// source's own wish; `chance`, from 0 to 1, spreads those who wait.
    pub(crate) fn failed(&mut self, now: u64, requested: Option<Duration>, chance: f64) -> u64 {
        let wait = self.backoff.next_wait(chance);
        let wait_s = wait.max(requested.unwrap_or_default()).as_secs();
        self.not_before = now + wait_s;
        self.in_flight = false;
        wait_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: u64 = 1_795_000_000;

    fn confirmed(checked_at: u64) -> Confirmed<()> {
        Confirmed {
            checked_at,
            value: (),
        }
    }

    #[test]
    fn a_good_answer_lasts_its_time() {
        let mut state = RefreshState::new(None);
        assert!(state.is_due(NOW, HOUR));
        state.succeeded(confirmed(NOW));
        assert!(!state.is_due(NOW + 3599, HOUR));
        assert!(state.is_due(NOW + 3600, HOUR));
        assert_eq!(state.age_s(NOW + 70), Some(70));
        assert!(!state.is_stale(NOW + 7200, HOUR));
        assert!(state.is_stale(NOW + 7201, HOUR));
    }

    #[test]
    fn what_is_being_fetched_is_not_fetched_twice() {
        let mut state = RefreshState::<()>::new(None);
        state.in_flight = true;
        assert!(!state.is_due(NOW, HOUR));
    }

    #[test]
    fn failures_wait_longer_each_time_and_an_hour_at_most() {
        let mut state = RefreshState::new(None);
        let waits: Vec<_> = (0..40).map(|_| state.failed(NOW, None, 0.5)).collect();
        assert_eq!(waits[..4], [30, 60, 120, 240]);
        assert_eq!(waits.last(), Some(&3600));
        assert!(!state.is_due(NOW + 3599, HOUR));
        assert!(state.is_due(NOW + 3600, HOUR));
        state.succeeded(confirmed(NOW + 3600));
        let wait = state.failed(NOW + 7300, None, 0.5);
        assert_eq!(wait, 30, "a success forgets the failures before it");
    }

    #[test]
    fn a_source_that_asks_to_be_left_alone_is() {
        let mut state = RefreshState::<()>::new(None);
        state.failed(NOW, Some(Duration::from_secs(7000)), 0.5);
        assert!(!state.is_due(NOW + 6999, HOUR));
        assert!(state.is_due(NOW + 7000, HOUR));
    }

    #[test]
    fn those_who_failed_together_do_not_come_back_together() {
        let wait = |chance| RefreshState::<()>::new(None).failed(NOW, None, chance);
        assert_eq!([0.0, 1.0].map(wait), [22, 37]);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_anything() {
        let mut state = RefreshState::new(Some(confirmed(NOW + 100_000)));
        assert!(state.is_due(NOW, HOUR), "confirmed in the future");
        assert_eq!(state.age_s(NOW), Some(0));
        state.failed(NOW + 90_000_000, None, 0.5);
        assert!(state.is_due(NOW, HOUR), "not before years from now");
    }
}
