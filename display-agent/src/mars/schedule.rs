//! When to ask again. Pure: results and a random number in, a duration out.
//!
//! A hiccup is over in seconds, so the first tries come quickly; an outage may last days, so the
//! next ones spread out to the normal interval, each a little off its time, lest a thousand displays
//! come back to a recovering server in the same second.

use std::time::Duration;

use daemon::backoff::Backoff;

use super::error::{Error, Kind};

/// Quick tries after a failure; the original made five.
const QUICK_TRIES: u32 = 5;
/// Between quick tries: longer than a dropped packet, shorter than a person waits.
const QUICK: Duration = Duration::from_secs(2);
/// The first slow step; doubled from there.
const SLOW: Duration = Duration::from_secs(15);
/// How far a slow step may be off its time, as a part of it.
const JITTER: f64 = 0.2;
/// The longest that a server's Retry-After is believed: a day, beyond which it is a mistake.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// Counts failures in a row.
#[derive(Clone, Debug)]
pub struct PollSchedule {
    interval: Duration,
    failures: u32,
    slow: Backoff,
}

impl PollSchedule {
    /// Once every `interval` while all goes well.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            failures: 0,
            slow: Backoff::new(SLOW, interval).with_jitter(1.0 - JITTER, 1.0 + JITTER),
        }
    }

    /// How long to wait after this result. `chance` is in [0, 1].
    pub fn after(&mut self, result: Option<&Error>, chance: f64) -> Duration {
        let Some(error) = result else {
            *self = Self::new(self.interval);
            return self.interval;
        };
        self.failures = self.failures.saturating_add(1);
        // Every failure doubles the slow steps, whatever its kind.
        let slow = (self.failures > QUICK_TRIES).then(|| self.slow.next_wait(chance));
        let step = match error.kind {
            Kind::Key | Kind::Address => self.interval,
            _ => slow.unwrap_or(QUICK),
        };
        let asked = error.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        step.min(self.interval).max(asked)
    }

    /// True once the quick tries are used up: this is not a hiccup.
    pub fn is_lasting(&self) -> bool {
        self.failures >= QUICK_TRIES
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Part;
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(300);

    fn error(kind: Kind) -> Error {
        Error::new(Part::Answer, kind, "")
    }

    fn climb(kind: Kind, steps: usize) -> Vec<u64> {
        let mut schedule = PollSchedule::new(INTERVAL);
        (0..steps)
            .map(|_| schedule.after(Some(&error(kind)), 0.5).as_secs())
            .collect()
    }

    #[test]
    fn hiccups_are_retried_quickly_and_outages_ever_more_slowly() {
        for kind in [
            Kind::Network,
            Kind::TooSlow,
            Kind::Busy,
            Kind::Server,
            Kind::Nonsense,
        ] {
            assert_eq!(
                climb(kind, 12),
                [2, 2, 2, 2, 2, 15, 30, 60, 120, 240, 300, 300],
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_wrong_key_is_not_hurried() {
        assert_eq!(climb(Kind::Key, 3), [300, 300, 300]);
        assert_eq!(climb(Kind::Address, 3), [300, 300, 300]);
    }

    #[test]
    fn failures_of_any_kind_make_the_slow_steps_longer() {
        let mut schedule = PollSchedule::new(INTERVAL);
        for _ in 0..6 {
            assert_eq!(schedule.after(Some(&error(Kind::Key)), 0.5), INTERVAL);
        }
        let step = schedule.after(Some(&error(Kind::Server)), 0.5);
        assert_eq!(step.as_secs(), 30);
    }

    #[test]
    fn one_success_forgets_all_failures() {
        let mut schedule = PollSchedule::new(INTERVAL);
        for _ in 0..20 {
            schedule.after(Some(&error(Kind::Server)), 0.5);
        }
        assert!(schedule.is_lasting());
        assert_eq!(schedule.after(None, 0.5), INTERVAL);
        assert!(!schedule.is_lasting());
        assert_eq!(schedule.after(Some(&error(Kind::Server)), 0.5), QUICK);
    }

    #[test]
    fn retry_after_is_obeyed_within_reason() {
        let mut schedule = PollSchedule::new(INTERVAL);
        let mut busy = error(Kind::Busy);
        busy.retry_after = Some(Duration::from_secs(1000));
        assert_eq!(schedule.after(Some(&busy), 0.5).as_secs(), 1000);
        busy.retry_after = Some(Duration::from_secs(1));
        assert_eq!(schedule.after(Some(&busy), 0.5), QUICK);
        busy.retry_after = Some(Duration::from_secs(u64::MAX));
        assert_eq!(schedule.after(Some(&busy), 0.5), RETRY_AFTER_MAX);
    }

    #[test]
    fn slow_steps_spread_but_never_pass_the_interval() {
        let mut steps = std::collections::BTreeSet::new();
        for chance in [0.0, 0.25, 0.5, 0.75, 0.999] {
            let mut schedule = PollSchedule::new(INTERVAL);
            let all: Vec<_> = (0..100)
                .map(|_| schedule.after(Some(&error(Kind::Network)), chance))
                .collect();
            assert!(all.iter().all(|step| *step <= INTERVAL));
            steps.insert(all[5]);
        }
        assert_eq!(steps.len(), 5);
    }
}
