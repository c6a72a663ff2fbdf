//! How long to wait before the next attempt: twice as long after each failure, up to a limit,
//! each wait spread a little, so that those who lost the same server do not come back to it in
//! the same moment. Pure: the random number is an argument.

use std::time::Duration;

/// Counts the failures since the last [`Backoff::reset`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    jitter: (f64, f64),
    failures: u32,
}

impl Backoff {
    /// Waits of `first`, twice that and so on, up to `longest`, all without jitter.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            jitter: (1.0, 1.0),
            failures: 0,
        }
    }

    /// Each wait is multiplied by a number between `least` and `most`, after the limit is applied.
    pub const fn with_jitter(self, least: f64, most: f64) -> Self {
        let jitter = (least, most);
        Self { jitter, ..self }
    }

    /// The wait after one more failure. `chance`, in [0, 1], chooses within the jitter.
    pub fn next_wait(&mut self, chance: f64) -> Duration {
        // 2^16 milliseconds are more than a minute, and no limit is 2^16 times its first wait.
        let doubled = self.first.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let (least, most) = self.jitter;
        doubled
            .min(self.longest)
            .mul_f64(least + (most - least) * chance.clamp(0.0, 1.0))
    }

    /// The next wait is the first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(ms(250), ms(15_000));
        let waits: Vec<_> = (0..9).map(|_| backoff.next_wait(0.5).as_millis()).collect();
        assert_eq!(
            waits,
            [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]
        );
        backoff.reset();
        assert_eq!(backoff.next_wait(0.5), ms(250));
    }

    #[test]
    fn chance_spreads_each_wait_between_the_two_ends_of_the_jitter() {
        let backoff = Backoff::new(ms(1000), ms(8000)).with_jitter(0.75, 1.25);
        let waits = [0.0, 0.5, 1.0].map(|chance| { backoff }.next_wait(chance).as_millis());
        assert_eq!(waits, [750, 1000, 1250]);
    }

    proptest! {
        #[test]
        fn no_wait_leaves_the_bounds(chances in proptest::collection::vec(0.0f64..=1.0, 1..100)) {
            let mut backoff = Backoff::new(ms(100), ms(20_000)).with_jitter(0.5, 1.0);
            for chance in chances {
                prop_assert!((ms(50)..=ms(20_000)).contains(&backoff.next_wait(chance)));
            }
        }
    }
}
