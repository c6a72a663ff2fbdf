//! Since when the broker can have kept what it sends now. Pure.
//!
//! TCP keeps the order: what is read after the acknowledgement of a report was sent by the
//! broker after that report had reached it. A broker that stood still itself is the exception:
//! it may read and acknowledge many reports at once before it passes on what else has waited.
//! So after a late acknowledgement nothing is known, until a report that was sent well after
//! it has been acknowledged too.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An acknowledgement that takes longer is no ordinary one: three quarters of the second that
/// an action is worth anything.
const LATE: Duration = Duration::from_millis(750);

/// A broker that acknowledged nothing for longer may have stood still since, with what it got
/// meanwhile. Reports go out once a second.
const SILENT: Duration = Duration::from_millis(1200);

/// What waited at a broker that stood still is passed on within this time, once it runs again.
const AFTER_LATE: Duration = Duration::from_millis(300);

/// How often a report is sent while actions come that do not say when they were given.
const REPORT_EVERY: Duration = Duration::from_millis(400);

#[derive(Debug, Default)]
pub(super) struct RoundTrips {
    /// When the reports that are not acknowledged yet were sent, oldest first.
    sent: VecDeque<Instant>,
    /// When the newest acknowledged one was sent.
    proven: Option<Instant>,
    /// When the last acknowledgement came: the broker ran then.
    answered: Option<Instant>,
    /// Reports sent before this prove nothing.
    not_before: Option<Instant>,
}

impl RoundTrips {
    /// A report is about to be sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent.push_back(now);
    }

    /// The broker has acknowledged the oldest one.
    pub(super) fn acknowledged(&mut self, now: Instant) {
        let Some(sent) = self.sent.pop_front() else {
            return;
        };
        let last = self.answered.replace(now).unwrap_or(sent);
        let silent = now.saturating_duration_since(last) > SILENT;
        if silent || now.saturating_duration_since(sent) > LATE {
            self.not_before = Some(now + AFTER_LATE);
        }
        if self.not_before.is_none_or(|from| sent >= from) {
            self.proven = Some(sent);
        } else {
            self.proven = None;
        }
    }

    /// Whether a report has waited for its acknowledgement for longer than `limit`.
    pub(super) fn waits_for(&self, limit: Duration, now: Instant) -> bool {
        self.sent
            .front()
            .is_some_and(|sent| now.saturating_duration_since(*sent) > limit)
    }

    /// The earliest moment at which the broker can have sent what is read now.
    pub(super) fn sent_after(&self, now: Instant) -> Option<Instant> {
        self.proven.filter(|_| !self.waits_for(LATE, now))
    }

    /// Whether it is time for another report, as somebody sends actions that only this proof
    /// can vouch for.
    pub(super) fn wanted(&self, now: Instant) -> bool {
        let newest = self.sent.back().copied().or(self.proven);
        newest.is_none_or(|sent| now.saturating_duration_since(sent) > REPORT_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use proptest::collection;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn nothing_is_known_before_the_first_acknowledgement() {
        let (mut trips, start) = (RoundTrips::default(), clock::now());
        assert_eq!(trips.sent_after(start), None);
        trips.sent(start);
        assert_eq!(trips.sent_after(start + ms(10)), None);
        trips.acknowledged(start + ms(20));
        assert_eq!(trips.sent_after(start + ms(20)), Some(start));
    }

    #[test]
    fn what_is_read_after_an_acknowledgement_was_sent_after_its_report() {
        let (mut trips, start) = (RoundTrips::default(), clock::now());
        for n in 0..10 {
            trips.sent(start + ms(1000 * n));
            trips.acknowledged(start + ms(1000 * n + 30));
        }
        assert_eq!(trips.sent_after(start + ms(9900)), Some(start + ms(9000)));
    }

    #[test]
    fn an_overdue_acknowledgement_is_a_reason_to_doubt() {
        let (mut trips, start) = (RoundTrips::default(), clock::now());
        trips.sent(start);
        trips.acknowledged(start + ms(30));
        trips.sent(start + ms(1000));
        assert!(trips.sent_after(start + ms(1750)).is_some());
        assert_eq!(trips.sent_after(start + ms(1751)), None);
    }

    #[test]
    fn a_broker_that_stood_still_is_believed_once_it_answers_a_report_sent_after_that() {
        let (mut trips, start) = (RoundTrips::default(), clock::now());
        for n in 0..6 {
            trips.sent(start + ms(500 * n));
        }
        // It acknowledges all at once, and only then passes on what waited.
        let thawed = start + ms(3000);
        for _ in 0..6 {
            trips.acknowledged(thawed);
        }
        assert_eq!(trips.sent_after(thawed), None);
        trips.sent(thawed + ms(299));
        trips.acknowledged(thawed + ms(310));
        assert_eq!(trips.sent_after(thawed + ms(310)), None);
        trips.sent(thawed + ms(300));
        trips.acknowledged(thawed + ms(320));
        assert_eq!(trips.sent_after(thawed + ms(320)), Some(thawed + ms(300)));
    }

    #[test]
    fn a_report_from_the_middle_of_a_freeze_vouches_for_nothing() {
        let (mut trips, start) = (RoundTrips::default(), clock::now());
        for sent in [0, 1000] {
            trips.sent(start + ms(sent));
            trips.acknowledged(start + ms(sent + 10));
        }
        // It stands still from 1006 ms on; its acknowledgement at 2617 ms is quick.
        trips.sent(start + ms(2000));
        trips.acknowledged(start + ms(2617));
        assert_eq!(trips.sent_after(start + ms(2617)), None);
    }

    /// Something that reaches the broker's end of a socket.
    #[derive(Clone, Copy, Debug)]
    enum Sent {
        Report,
        /// When it was given.
        Order(u64),
    }

    /// When a broker that stands still during `frozen` (from, to) gets to what came at `ms`.
    fn read_by_broker(ms: u64, frozen: &[(u64, u64)]) -> u64 {
        let mut at = ms;
        for (from, to) in frozen {
            if (*from..*to).contains(&at) {
                at = *to;
            }
        }
        at
    }

    /// From pairs of pause and length; sorted and apart.
    fn spans(pairs: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut end = 0;
        pairs
            .iter()
            .map(|(pause, length)| {
                let from = end + pause;
                end = from + length;
                (from, end)
            })
            .collect()
    }

    proptest! {
        /// The broker stands still, and either way between it and the robot stalls, as often and
        /// as long as they like; TCP keeps the order of each way.
        #[test]
        fn nothing_that_waited_at_the_broker_or_after_it_is_vouched_for(
            frozen in collection::vec((0..4000u64, 0..20_000u64), 0..4),
            up in collection::vec((0..4000u64, 0..20_000u64), 0..4),
            down in collection::vec((0..4000u64, 0..20_000u64), 0..4),
            report_every in prop_oneof![Just(400u64), Just(1000)],
            orders in collection::vec(0..60_000u64, 1..40),
        ) {
            let (frozen, up, down) = (spans(&frozen), spans(&up), spans(&down));
            // (when the broker reads it, 0 for the robot's socket, what, when the robot sent it)
            let reports = (0..60_000 / report_every).map(|n| n * report_every);
            let mut read: Vec<_> = reports
                .map(|sent| (read_by_broker(read_by_broker(sent, &up) + 5, &frozen), 0, Sent::Report))
                .chain(orders.iter().map(|given| (read_by_broker(*given, &frozen), 1, Sent::Order(*given))))
                .collect();
            // Of what waits for it the broker reads the robot's reports first: the worst case.
            read.sort_by_key(|(at, socket, _)| (*at, *socket));
            let mut to_robot: Vec<_> = read
                .into_iter()
                .map(|(at, _, what)| (read_by_broker(at, &down) + 5, what))
                .collect();
            to_robot.sort_by_key(|(at, _)| *at);
            let (mut trips, start) = (RoundTrips::default(), clock::now());
            let mut next_report = 0;
            for (at, what) in to_robot {
                while next_report <= at {
                    trips.sent(start + ms(next_report));
                    next_report += report_every;
                }
                let now = start + ms(at);
                match what {
                    Sent::Report => trips.acknowledged(now),
                    Sent::Order(given) => {
                        let vouched = trips.sent_after(now).is_some_and(|sent| now - sent <= ms(1250));
                        let age = at - given;
                        prop_assert!(!vouched || age <= 1250, "vouched for after {age} ms");
                    }
                }
            }
        }
    }
}
