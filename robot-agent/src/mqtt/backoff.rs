//! How long to wait before the next attempt to reach the broker, and whether the way the
//! last sessions ended looks like another client that uses the robot's name.
//!
//! Pure: what happened goes in, what to do comes out.

use std::time::Duration;

/// The shortest wait. A broker that restarts is back in about a second.
pub const FIRST: Duration = Duration::from_millis(250);

/// The longest wait: an owner who brings the network back looks at the robot about so long.
pub const LONGEST: Duration = Duration::from_secs(30);

/// A session of this length was a good one: the next wait is the shortest again.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// A session that the broker ended sooner counts as thrown out. Two robots with one name
/// and growing waits throw each other out within twice [`LONGEST`].
const THROWN_OUT_WITHIN: Duration = Duration::from_secs(60);

/// So many in a row are no accident.
const THROWN_OUT_TIMES: u32 = 3;

/// How a session, or the attempt at one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// No session came about.
    NeverConnected,
    /// The subscription stood for `lived`.
    Lost {
        /// From the broker's welcome to the end.
        lived: Duration,
        /// The broker closed the connection, rather than the network losing it.
        by_broker: bool,
    },
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How long to wait.
    pub wait: Duration,
    /// How often in a row the broker has thrown the robot out, once that is no accident.
    pub thrown_out: Option<u32>,
}

/// Remembers how the last attempts went.
#[derive(Debug)]
pub struct Backoff {
    least: Duration,
    thrown_out: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            least: FIRST,
            thrown_out: 0,
        }
    }
}

impl Backoff {
    /// The wait after `ending`: between `least` and twice that, where `least` doubles with
    /// every failure. `jitter` in [0, 1] chooses within, so that a fleet does not return to
    /// a restarted broker in one moment.
    pub fn after(&mut self, ending: Ending, jitter: f64) -> Retry {
        self.count(ending);
        if let Ending::Lost { lived, .. } = ending
            && lived >= GOOD_SESSION
        {
            self.least = FIRST;
        }
        let wait = self.least.mul_f64(1.0 + jitter.clamp(0.0, 1.0));
        self.least = (self.least * 2).min(LONGEST / 2);
        Retry {
            wait,
            thrown_out: (self.thrown_out >= THROWN_OUT_TIMES).then_some(self.thrown_out),
        }
    }

    /// Attempts that never connected say nothing about rivals, good or bad.
    fn count(&mut self, ending: Ending) {
        if let Ending::Lost { lived, by_broker } = ending {
            if by_broker && lived < THROWN_OUT_WITHIN {
                self.thrown_out += 1;
            } else {
                self.thrown_out = 0;
            }
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
        let mut backoff = Backoff::default();
        let mut waits = (0..9).map(|_| backoff.after(Ending::NeverConnected, 0.0).wait.as_millis());
        let expected = [250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000];
        assert!(expected.into_iter().eq(waits.by_ref()));
        assert_eq!(backoff.after(Ending::NeverConnected, 1.0).wait, LONGEST);
    }

    #[test]
    fn ten_good_seconds_reset_the_wait_and_nine_do_not() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.after(Ending::NeverConnected, 0.0);
        }
        assert!(backoff.after(lost(9, false), 0.0).wait > FIRST);
        assert_eq!(backoff.after(lost(10, false), 0.0).wait, FIRST);
    }

    #[test]
    fn three_short_sessions_ended_by_the_broker_look_like_a_rival() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.after(lost(2, true), 0.5).thrown_out, None);
        assert_eq!(backoff.after(Ending::NeverConnected, 0.5).thrown_out, None);
        assert_eq!(backoff.after(lost(1, true), 0.5).thrown_out, None);
        assert_eq!(backoff.after(lost(30, true), 0.5).thrown_out, Some(3));
        assert_eq!(backoff.after(lost(1, true), 0.5).thrown_out, Some(4));
        assert_eq!(backoff.after(lost(90, true), 0.5).thrown_out, None);
    }

    #[test]
    fn a_network_that_comes_and_goes_is_no_rival() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            assert_eq!(backoff.after(lost(1, false), 0.5).thrown_out, None);
        }
    }

    proptest! {
        #[test]
        fn every_wait_is_within_the_bounds(
            endings in proptest::collection::vec((ending(), 0.0f64..=1.0), 1..40),
        ) {
            let mut backoff = Backoff::default();
            for (ending, jitter) in endings {
                let wait = backoff.after(ending, jitter).wait;
                prop_assert!((FIRST..=LONGEST).contains(&wait), "{:?}", wait);
            }
        }
    }
}
