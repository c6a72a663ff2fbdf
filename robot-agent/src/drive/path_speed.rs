//! How fast an action may be that was this long on its way. Pure.
//!
//! Who steers through a delay steers what was, not what is. Operators then move a little and wait for
//! what comes of it, of themselves (W. R. Ferrell, "Remote manipulation with transmission delay", IEEE
//! Transactions on Human Factors in Electronics, 1965); before that they steer worse, as is reviewed in J. Y. C.
//! Chen, E. C. Haas, M. J. Barnes, "Human performance issues and user interface design for
//! teleoperated robots", IEEE Transactions on Systems, Man, and Cybernetics C, 2007. Where the line begins and
//! ends is our choice, and the owner's: the speed is left alone below the first, falls in a straight line
//! above it, and from the second on the robot goes nowhere and turns slowly, enough to look around.

use std::time::Duration;

/// The fraction of the asked speed that is left where the line ends, and for turning beyond.
const CRAWL: f64 = 0.25;

/// What the owner allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathLimits {
    /// An action of this age may be as fast as it asks.
    pub slow_from: Duration,
    /// An action of this age may only turn, slowly; zero turns all of this off.
    pub turn_only_from: Duration,
}

/// What is left of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Allowed {
    /// Of the speed, in (0, 1].
    pub fraction: f64,
    pub turn_only: bool,
}

impl Allowed {
    pub(super) const ALL: Self = Self {
        fraction: 1.0,
        turn_only: false,
    };
}

impl PathLimits {
    /// What an action may do that took `age`; all, where that is not known.
    pub(super) fn allow(&self, age: Option<Duration>) -> Allowed {
        let Some(age) = age.filter(|_| !self.turn_only_from.is_zero()) else {
            return Allowed::ALL;
        };
        if age >= self.turn_only_from {
            return Allowed {
                fraction: CRAWL,
                turn_only: true,
            };
        }
        let beyond = age.saturating_sub(self.slow_from).as_secs_f64();
        let line = self
            .turn_only_from
            .saturating_sub(self.slow_from)
            .as_secs_f64();
        let fraction = if beyond > 0.0 {
            1.0 - (1.0 - CRAWL) * beyond / line
        } else {
            1.0
        };
        Allowed {
            fraction,
            turn_only: false,
        }
    }
}

impl Default for PathLimits {
    /// Below what drivers notice, all; from where they begin to move and wait, only turning.
    fn default() -> Self {
        Self {
            slow_from: Duration::from_millis(250),
            turn_only_from: Duration::from_millis(700),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(age_ms: u64) -> Allowed {
        PathLimits::default().allow(Some(Duration::from_millis(age_ms)))
    }

    #[test]
    fn a_quick_path_takes_nothing_away_and_a_slow_one_leaves_turning() {
        for (age_ms, fraction, turn_only) in [
            (0, 1.0, false),
            (250, 1.0, false),
            (475, 0.625, false),
            (700, 0.25, true),
            (1000, 0.25, true),
        ] {
            let allowed = allowed(age_ms);
            assert!(
                (allowed.fraction - fraction).abs() < 1e-9,
                "{age_ms}: {allowed:?}"
            );
            assert_eq!(allowed.turn_only, turn_only, "{age_ms}");
        }
    }

    #[test]
    fn more_delay_is_never_more_speed() {
        let fractions: Vec<_> = (0..1000).map(|ms| -allowed(ms).fraction).collect();
        assert!(fractions.is_sorted());
    }

    #[test]
    fn an_unknown_age_and_a_limit_of_zero_take_nothing_away() {
        assert_eq!(PathLimits::default().allow(None), Allowed::ALL);
        let off = PathLimits {
            turn_only_from: Duration::ZERO,
            ..PathLimits::default()
        };
        assert_eq!(off.allow(Some(Duration::from_secs(9))), Allowed::ALL);
    }
}
