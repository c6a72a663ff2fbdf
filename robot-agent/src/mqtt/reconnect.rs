//! How long to wait before the next attempt to reach the broker, and whether the way the
//! last sessions ended looks like another client that uses the robot's name. Pure.

use std::time::Duration;

use daemon::backoff::Backoff;

/// The shortest wait. A broker that restarts is back in about a second.
const FIRST: Duration = Duration::from_millis(250);

/// The longest wait: an owner who brings the network back looks at the robot about so long.
const LONGEST: Duration = Duration::from_secs(30);

/// A session that the broker ended sooner counts as taken over. Two robots with one name
/// and growing waits take over from each other within twice [`LONGEST`].
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(60);

/// So many in a row are no accident.
const TAKEN_OVER_TIMES: u32 = 3;

/// How a session, or the attempt at one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    NeverConnected,
    /// The subscription stood for `lived`.
    Lost {
        lived: Duration,
        /// The broker closed the connection, rather than the network losing it.
        by_broker: bool,
    },
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retry {
    pub(super) wait: Duration,
    /// How often in a row the session was taken over, once that is no accident.
    pub(super) taken_over: Option<u32>,
}

/// Remembers how the last attempts went.
#[derive(Debug)]
pub(super) struct ReconnectPolicy {
    backoff: Backoff,
    taken_over: u32,
}

impl Default for ReconnectPolicy {
    /// Each wait is spread over twice its length, so that a fleet does not return to a restarted
    /// broker in one moment.
    fn default() -> Self {
        Self {
            backoff: Backoff::new(FIRST, LONGEST / 2).with_jitter(1.0, 2.0),
            taken_over: 0,
        }
    }
}

impl ReconnectPolicy {
    /// What follows `ending`. `chance` in [0, 1] chooses within the jitter.
    pub(super) fn after(&mut self, ending: Ending, chance: f64) -> Retry {
        // Attempts that never connected say nothing about rivals, good or bad.
        if let Ending::Lost { lived, by_broker } = ending {
            self.taken_over = if by_broker && lived < TAKEN_OVER_WITHIN {
                self.taken_over + 1
            } else {
                0
            };
            // Any session shows that the broker is there. Only two who take over from each other
            // must not do so four times a second.
            if self.taken_over < TAKEN_OVER_TIMES {
                self.backoff.reset();
            }
        }
        Retry {
            wait: self.backoff.next_wait(chance),
            taken_over: (ending != Ending::NeverConnected && self.taken_over >= TAKEN_OVER_TIMES)
                .then_some(self.taken_over),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lost(seconds: u64, by_broker: bool) -> Ending {
        Ending::Lost {
            lived: Duration::from_secs(seconds),
            by_broker,
        }
    }

    fn ending() -> impl Strategy<Value = Ending> {
        prop_oneof![
            Just(Ending::NeverConnected),
            (0u64..200, any::<bool>()).prop_map(|(seconds, by_broker)| lost(seconds, by_broker)),
        ]
    }

    #[test]
    fn waits_grow_from_a_quarter_of_a_second_to_half_a_minute() {
        let mut policy = ReconnectPolicy::default();
        let mut waits = (0..9).map(|_| policy.after(Ending::NeverConnected, 0.0).wait.as_millis());
        let expected = [250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000];
        assert!(expected.into_iter().eq(waits.by_ref()));
        assert_eq!(policy.after(Ending::NeverConnected, 1.0).wait, LONGEST);
    }

    #[test]
    fn a_session_that_came_online_resets_the_wait_however_short_it_was() {
        for by_broker in [false, true] {
            let mut policy = ReconnectPolicy::default();
            for _ in 0..8 {
                policy.after(Ending::NeverConnected, 0.0);
            }
            assert_eq!(policy.after(lost(0, by_broker), 0.0).wait, FIRST);
        }
    }

    #[test]
    fn two_robots_with_one_name_take_over_from_each_other_more_and_more_seldom() {
        let mut policy = ReconnectPolicy::default();
        let mut wait = || policy.after(lost(1, true), 0.0).wait.as_millis();
        let waits: Vec<_> = (0..10).map(|_| wait()).collect();
        assert_eq!(
            waits,
            [250, 250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]
        );
        assert_eq!(policy.after(lost(61, true), 0.0).wait, FIRST);
    }

    #[test]
    fn three_short_sessions_ended_by_the_broker_look_like_a_rival() {
        let mut policy = ReconnectPolicy::default();
        assert_eq!(policy.after(lost(2, true), 0.5).taken_over, None);
        assert_eq!(policy.after(Ending::NeverConnected, 0.5).taken_over, None);
        assert_eq!(policy.after(lost(1, true), 0.5).taken_over, None);
        assert_eq!(policy.after(lost(30, true), 0.5).taken_over, Some(3));
        assert_eq!(policy.after(lost(1, true), 0.5).taken_over, Some(4));
        assert_eq!(policy.after(lost(90, true), 0.5).taken_over, None);
    }

    #[test]
    fn a_network_that_comes_and_goes_is_no_rival() {
        let mut policy = ReconnectPolicy::default();
        for _ in 0..10 {
            assert_eq!(policy.after(lost(1, false), 0.5).taken_over, None);
        }
    }

    proptest! {
        #[test]
        fn every_wait_is_within_the_bounds(
            endings in proptest::collection::vec((ending(), 0.0f64..=1.0), 1..40),
        ) {
            let mut policy = ReconnectPolicy::default();
            for (ending, chance) in endings {
                let wait = policy.after(ending, chance).wait;
                prop_assert!((FIRST..=LONGEST).contains(&wait), "{:?}", wait);
            }
        }
    }
}
