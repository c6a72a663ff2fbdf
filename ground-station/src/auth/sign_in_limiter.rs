//! How often a password may be tried. Pure: the time is an argument.

use daemon::rate_limit::{Rate, RateLimiter};
use std::time::Instant;

/// Wrong passwords for one name or from one address: a few slips of a person, far from a guess.
const ATTEMPTS: Rate = Rate {
    burst: 10.0,
    per_s: 1.0 / 6.0,
};

/// Names and addresses remembered at once. Past that new ones wait: whoever tries so many is
/// guessing.
const REMEMBERED: usize = 10_000;

/// Wrong passwords, per name and per address.
#[derive(Debug)]
pub(super) struct SignInLimiter(RateLimiter<String>);

impl SignInLimiter {
    pub(super) fn new() -> Self {
        Self(RateLimiter::new(ATTEMPTS, REMEMBERED))
    }

    /// Counts an attempt on each of `keys`, in this order, until one of them has
    /// none left; whether all had one.
    pub(super) fn take(&mut self, keys: &[String], now: Instant) -> bool {
        if !self.0.has_room_for(keys) {
            self.0.sweep(now);
        }
        self.0.has_room_for(keys) && keys.iter().all(|key| self.0.take(key.clone(), now))
    }

    /// The password was right: the attempt does not count.
    pub(super) fn put_back(&mut self, keys: &[String]) {
        for key in keys {
            self.0.put_back(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::time::Duration;

    /// After the burst, an attempt for every so much time.
    const ATTEMPT_EVERY: Duration = Duration::from_secs(6);

    fn keys(name: &str, address: &str) -> [String; 2] {
        [format!("from {address}"), format!("user {name}")]
    }

    #[test]
    fn wrong_passwords_run_out_per_name_and_per_address_and_come_back() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        let ann = keys("ann", "::1");
        for _ in 0..10 {
            assert!(limiter.take(&ann, t));
        }
        assert!(!limiter.take(&ann, t));
        assert!(!limiter.take(&keys("bob", "::1"), t));
        assert!(!limiter.take(&keys("ann", "::2"), t));
        assert!(limiter.take(&keys("eve", "::3"), t));
        let later = t + ATTEMPT_EVERY - Duration::from_millis(1);
        assert!(!limiter.take(&ann, later));
        assert!(limiter.take(&ann, t + ATTEMPT_EVERY));
        assert!(!limiter.take(&ann, t + ATTEMPT_EVERY));
    }

    #[test]
    fn an_address_that_has_used_up_its_attempts_does_not_use_up_a_names() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        for _ in 0..10 {
            assert!(limiter.take(&keys("bob", "::1"), t));
        }
        for _ in 0..100 {
            assert!(!limiter.take(&keys("ann", "::1"), t));
        }
        for _ in 0..10 {
            assert!(limiter.take(&keys("ann", "::2"), t));
        }
    }

    #[test]
    fn right_passwords_do_not_count() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        let ann = keys("ann", "::1");
        for _ in 0..100 {
            assert!(limiter.take(&ann, t));
            limiter.put_back(&ann);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        let mut take = |n: usize, t| limiter.take(&[format!("user {n}")], t);
        let taken = (0..REMEMBERED + 5).filter(|n| take(*n, t)).count();
        assert_eq!(taken, REMEMBERED);
        assert!(take(0, t), "who is remembered has the other attempts");
        assert!(
            take(REMEMBERED, t + ATTEMPT_EVERY),
            "the others are forgotten"
        );
    }

    #[test]
    fn where_there_is_no_room_for_all_nothing_is_taken() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        for n in 1..REMEMBERED {
            assert!(limiter.take(&[format!("user {n}")], t));
        }
        assert!(!limiter.take(&keys("ann", "::1"), t));
        assert!(limiter.take(&["from ::2".to_owned()], t));
    }
}
