//! What a robot's own clock shows, as the station makes it out from the robot's reports. Pure.
//!
//! A report tells the clock as it was when the report was written, so it puts the clock behind
//! by as long as it was on its way; the fastest of the last seconds comes closest. Whatever the
//! delays, an action that is stamped by it seems older than it is, never younger.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use wire::action::MAX_INTEGER;

/// Long enough to hold a fast report of a path that is mostly slow, and so short that two
/// clocks drift apart by a millisecond at most.
const WINDOW: Duration = Duration::from_secs(10);

/// A report that is so much later than the fastest is late, or the clock stood still.
const LATE_US: i64 = 250_000;

/// Reports that were all late for so long were not: the robot was suspended or restarted.
const LATE_FOR: Duration = Duration::from_secs(1);

/// Ten reports a second for the whole window, and some more; a flood forgets the oldest.
const MAX_REPORTS: usize = 128;

#[derive(Clone, Debug, Default)]
pub(super) struct ClockEstimate {
    /// From where this station's time is counted: the first report.
    origin: Option<Instant>,
    /// Each with a smaller offset than the one before it: the others count for nothing.
    reports: VecDeque<Report>,
    /// Since when all reports were late.
    late_since: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Report {
    received: Instant,
    /// By how much the robot's clock seems to be ahead of this station's time.
    offset_us: i64,
}

impl ClockEstimate {
    /// Takes up a report that showed `clock_ms` and was received at `received`.
    pub(super) fn observe(&mut self, clock_ms: u64, received: Instant) {
        if clock_ms > MAX_INTEGER {
            return;
        }
        let origin = *self.origin.get_or_insert(received);
        let offset_us = clock_ms as i64 * 1000 - micros(origin, received);
        let age = |since: Instant| received.saturating_duration_since(since);
        if self
            .offset_us()
            .is_some_and(|best| offset_us < best - LATE_US)
        {
            let since = *self.late_since.get_or_insert(received);
            if age(since) > LATE_FOR {
                self.reports.clear();
                self.late_since = None;
            }
        } else {
            self.late_since = None;
        }
        while self
            .reports
            .front()
            .is_some_and(|r| age(r.received) > WINDOW)
        {
            self.reports.pop_front();
        }
        while self
            .reports
            .back()
            .is_some_and(|r| r.offset_us <= offset_us)
        {
            self.reports.pop_back();
        }
        if self.reports.len() == MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(Report {
            received,
            offset_us,
        });
    }

    /// The robot's clock at `at`, in milliseconds; none before its first report.
    pub(super) fn at(&self, at: Instant) -> Option<u64> {
        let clock_us = self.offset_us()? + micros(self.origin?, at);
        Some(clock_us.div_euclid(1000).max(0) as u64)
    }

    fn offset_us(&self) -> Option<i64> {
        self.reports.front().map(|report| report.offset_us)
    }
}

/// From `origin` to `at`, which may be earlier.
fn micros(origin: Instant, at: Instant) -> i64 {
    let after = at.saturating_duration_since(origin).as_micros() as i64;
    after - origin.saturating_duration_since(at).as_micros() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where the robot's clock is when the test begins.
    const START_MS: u64 = 1 << 52;

    fn begin() -> Instant {
        crate::clock::instant()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn before_the_first_report_nothing_is_known() {
        assert_eq!(ClockEstimate::default().at(begin()), None);
        let mut clock = ClockEstimate::default();
        clock.observe(u64::MAX, begin());
        assert_eq!(clock.at(begin()), None, "no clock shows that");
    }

    #[test]
    fn the_fastest_report_of_the_last_ten_seconds_counts() {
        let t = begin();
        let mut clock = ClockEstimate::default();
        for (written_ms, delay_ms) in [(0, 200), (1000, 20), (2000, 150), (3000, 190)] {
            clock.observe(START_MS + written_ms, t + ms(written_ms + delay_ms));
        }
        assert_eq!(clock.at(t + ms(5000)), Some(START_MS + 4980));
        // Before the first report, too: a request may have come before it.
        assert_eq!(clock.at(t), Some(START_MS - 20));
        clock.observe(START_MS + 11_100, t + ms(11_200));
        assert_eq!(clock.at(t + ms(12_000)), Some(START_MS + 11_900));
    }

    #[test]
    fn a_robot_that_restarts_or_was_suspended_is_followed() {
        let t = begin();
        // What its clock shows from the sixth second on, and how soon that is believed.
        let suspended = |at: u64| START_MS + at - 5_000;
        let restarted_behind = |at: u64| at;
        let restarted_ahead = |at: u64| START_MS + 1_000_000 + at;
        let cases: [(&dyn Fn(u64) -> u64, u64); 3] = [
            (&suspended, 1_100),
            (&restarted_behind, 1_100),
            (&restarted_ahead, 0),
        ];
        for (shows, believed_after_ms) in cases {
            let mut clock = ClockEstimate::default();
            clock.observe(START_MS, t);
            let mut believed = (6_000..9_000).step_by(100).filter(|at| {
                clock.observe(shows(*at), t + ms(*at));
                clock.at(t + ms(*at)) == Some(shows(*at))
            });
            assert_eq!(believed.next(), Some(6_000 + believed_after_ms));
            assert!(believed.eq((6_100 + believed_after_ms..9_000).step_by(100)));
        }
    }

    #[test]
    fn late_reports_for_less_than_a_second_change_nothing() {
        let t = begin();
        let mut clock = ClockEstimate::default();
        clock.observe(START_MS, t);
        for at in (1_000..2_000).step_by(100) {
            clock.observe(START_MS + at - 400, t + ms(at));
        }
        assert_eq!(clock.at(t + ms(2_000)), Some(START_MS + 2_000));
        // One that is not late ends the doubt.
        clock.observe(START_MS + 1_990, t + ms(2_000));
        for at in (2_100..3_000).step_by(100) {
            clock.observe(START_MS + at - 400, t + ms(at));
        }
        assert_eq!(clock.at(t + ms(3_000)), Some(START_MS + 3_000));
    }

    #[test]
    fn a_flood_of_reports_takes_no_more_memory() {
        let t = begin();
        let mut clock = ClockEstimate::default();
        for n in 0..10_000 {
            // Each a little later than the one before, so that none makes another worthless.
            clock.observe(START_MS, t + Duration::from_micros(n));
        }
        assert_eq!(clock.reports.len(), MAX_REPORTS);
    }

    proptest! {
        /// The estimate is behind by the delay of a report at most, and never ahead, so that
        /// no action seems younger than it is.
        #[test]
        fn no_action_seems_younger_than_it_is(
            reports in prop::collection::vec((1u64..3_000, 0u64..5_000), 1..100),
            later_ms in 0u64..20_000,
        ) {
            let t = begin();
            let (mut clock, mut received_ms) = (ClockEstimate::default(), 0);
            for (pause_ms, delay_ms) in reports {
                received_ms += pause_ms;
                clock.observe(START_MS + received_ms - delay_ms, t + ms(received_ms));
                let truth = START_MS + received_ms + later_ms;
                let estimate = clock.at(t + ms(received_ms + later_ms)).unwrap();
                prop_assert!(estimate <= truth);
                prop_assert!(estimate >= truth - 5_000);
            }
        }

        /// A report that came as fast as the path allows is relied on for ten seconds, however
        /// late the others are, unless all others are late for more than a second.
        #[test]
        fn jitter_does_not_make_actions_older(
            delays in prop::collection::vec(0u64..240, 1..80),
        ) {
            let t = begin();
            let mut clock = ClockEstimate::default();
            clock.observe(START_MS, t);
            for (n, delay_ms) in delays.into_iter().enumerate() {
                let at = n as u64 * 100 + 300;
                clock.observe(START_MS + at - delay_ms, t + ms(at));
                prop_assert_eq!(clock.at(t + ms(at)), Some(START_MS + at));
            }
        }
    }
}
