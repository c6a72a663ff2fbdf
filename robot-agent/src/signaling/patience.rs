//! How long to wait before the next attempt. Pure.

use std::time::Duration;

/// The first wait: a socket that the service closed is wanted back at once.
const FIRST: Duration = Duration::from_millis(100);

/// The longest: an owner who mends the network looks at the robot about so long.
const LONGEST: Duration = Duration::from_secs(20);

/// A socket that lived this long was a good one. Two masters on one channel throw each other
/// out much sooner than that.
const GOOD: Duration = Duration::from_secs(30);

/// Sockets lost young, in a row, that are no accident.
const TAKEN_OVER: u32 = 4;

/// Attempts so far.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: u32,
    lost_young: u32,
}

impl Patience {
    /// An attempt failed. `chance` in [0, 1) spreads robots that lost the same service.
    pub(super) fn after_failure(&mut self, chance: f64) -> Duration {
        let longest = FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(LONGEST);
        self.failures += 1;
        longest.mul_f64(0.5 + chance / 2.0)
    }

    /// A socket was lost after `lived`.
    pub(super) fn after_loss(&mut self, lived: Duration, chance: f64) -> Duration {
        if lived >= GOOD {
            *self = Self::default();
        } else {
            self.lost_young += 1;
        }
        self.after_failure(chance)
    }

    /// Whether it looks as if another robot used the channel too.
    pub(super) fn suspects_another(&self) -> bool {
        self.lost_young == TAKEN_OVER
    }

    /// The cloud answered.
    pub(super) fn calmed(&mut self) {
        if self.lost_young == 0 {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_are_spread() {
        let mut patience = Patience::default();
        let waits: Vec<_> = (0..12).map(|_| patience.after_failure(0.99)).collect();
        assert!(waits[0] <= FIRST);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(waits[11] <= LONGEST && waits[11] > LONGEST / 2);
        assert!(patience.after_failure(0.0) >= LONGEST / 2);
    }

    #[test]
    fn a_good_socket_is_replaced_at_once() {
        let mut patience = Patience::default();
        for _ in 0..10 {
            patience.after_failure(0.5);
        }
        assert!(patience.after_loss(GOOD, 0.5) <= FIRST);
    }

    #[test]
    fn two_masters_on_one_channel_do_not_fight_for_ever() {
        let mut patience = Patience::default();
        let mut last = Duration::ZERO;
        for round in 1..=12 {
            last = patience.after_loss(Duration::from_secs(1), 0.5);
            assert_eq!(patience.suspects_another(), round == TAKEN_OVER);
            patience.calmed();
        }
        assert!(last > LONGEST / 2, "{last:?}");
    }
}
