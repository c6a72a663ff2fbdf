//! A token bucket: so many at once, so many a second. Pure: the time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

/// What a bucket holds when it is full, and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens that may be taken at once.
    pub burst: f64,
    /// Tokens a second in the long run.
    pub per_s: f64,
}

/// Whoever takes from it may do so at a [`Rate`].
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: Rate,
    /// Missing from a full bucket at `at`.
    missing: f64,
    at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            missing: 0.0,
            at: now,
        }
    }

    /// From now on its rate is this one; the tokens in it stay.
    pub fn set_rate(&mut self, rate: Rate, now: Instant) {
        let tokens = self.rate.burst - self.missing_at(now);
        self.missing = (rate.burst - tokens).max(0.0);
        (self.rate, self.at) = (rate, self.at.max(now));
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        self.take_many(1.0, now)
    }

    /// Takes so many tokens, if there are as many.
    pub fn take_many(&mut self, tokens: f64, now: Instant) -> bool {
        let missing = self.missing_at(now) + tokens;
        if missing > self.rate.burst {
            return false;
        }
        // A clock that goes backwards gives nothing away.
        (self.missing, self.at) = (missing, self.at.max(now));
        true
    }

    /// Puts back a token that was taken.
    pub fn put_back(&mut self) {
        self.missing = (self.missing - 1.0).max(0.0);
    }

    /// Whether nothing is missing, so that it may as well be forgotten.
    pub fn is_full(&self, now: Instant) -> bool {
        self.missing_at(now) <= 0.0
    }

    fn missing_at(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.missing - passed * self.rate.per_s).max(0.0)
    }
}

/// A bucket for each of many, of whom only so many are remembered.
#[derive(Debug)]
pub struct RateLimiter<K> {
    rate: Rate,
    capacity: usize,
    buckets: HashMap<K, TokenBucket>,
}

impl<K: Eq + Hash> RateLimiter<K> {
    /// One that remembers `capacity` keys whose buckets are not full.
    pub fn new(rate: Rate, capacity: usize) -> Self {
        Self {
            rate,
            capacity,
            buckets: HashMap::new(),
        }
    }

    /// Takes a token of `key`. A new key gets none while there are too many: what makes so many
    /// is a flood.
    pub fn take(&mut self, key: K, now: Instant) -> bool {
        if !self.has_room_for(std::slice::from_ref(&key)) {
            return false;
        }
        self.buckets
            .entry(key)
            .or_insert_with(|| TokenBucket::new(self.rate, now))
            .take(now)
    }

    /// Puts back a token of `key`.
    pub fn put_back(&mut self, key: &K) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.put_back();
        }
    }

    /// Whether all of `keys` are remembered or can be.
    pub fn has_room_for(&self, keys: &[K]) -> bool {
        let new = keys.iter().filter(|key| !self.buckets.contains_key(key));
        self.buckets.len() + new.count() <= self.capacity
    }

    /// Makes room for one more key, for those where nobody is to wait for a flood: forgets whose
    /// buckets are full, and where there are none, who has taken least.
    pub fn make_room(&mut self, now: Instant)
    where
        K: Clone,
    {
        if self.buckets.len() < self.capacity {
            return;
        }
        self.sweep(now);
        if self.buckets.len() >= self.capacity {
            let missing = |bucket: &TokenBucket| bucket.missing_at(now);
            let fullest =
                (self.buckets.iter()).min_by(|a, b| missing(a.1).total_cmp(&missing(b.1)));
            let fullest = fullest.map(|(key, _)| key.clone());
            fullest.map(|key| self.buckets.remove(&key));
        }
    }

    /// Whether nothing is missing from the bucket of `key`.
    pub fn is_full(&self, key: &K, now: Instant) -> bool {
        let bucket = self.buckets.get(key);
        bucket.is_none_or(|bucket| bucket.is_full(now))
    }

    /// Forgets whose buckets are full.
    pub fn sweep(&mut self, now: Instant) {
        self.buckets.retain(|_, bucket| !bucket.is_full(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const RATE: Rate = Rate {
        burst: 3.0,
        per_s: 2.0,
    };

    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn instant() -> Instant {
        Instant::now()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = instant();
        let mut bucket = TokenBucket::new(RATE, start);
        let mut taken = |at| bucket.take(start + ms(at));
        assert_eq!([0; 4].map(&mut taken), [true, true, true, false]);
        let later = [499, 500, 999, 1000].map(&mut taken);
        assert_eq!(later, [false, true, false, true]);
        let much_later = [60_000; 4].map(&mut taken);
        assert_eq!(
            much_later,
            [true, true, true, false],
            "no more than the burst is saved up"
        );
        assert!(!bucket.is_full(start + ms(60_000)));
        assert!(bucket.is_full(start + ms(61_500)));
    }

    #[test]
    fn another_rate_gives_no_tokens_away() {
        let start = instant();
        let mut bucket = TokenBucket::new(RATE, start);
        assert!(bucket.take_many(2.5, start));
        let faster = Rate {
            burst: 30.0,
            per_s: 20.0,
        };
        bucket.set_rate(faster, start);
        assert!(!bucket.take(start));
        assert!(bucket.take(start + ms(25)));
        bucket.set_rate(RATE, start + ms(60_000));
        assert!(!bucket.take_many(3.5, start + ms(60_000)));
    }

    #[test]
    fn the_clock_going_backwards_gives_nothing_away() {
        let t = instant() + ms(10_000);
        let mut bucket = TokenBucket::new(RATE, t);
        assert!((0..3).all(|_| bucket.take(t)));
        assert!(!bucket.take(t - ms(5000)));
    }

    #[test]
    fn a_token_that_is_put_back_was_never_taken() {
        let t = instant();
        let mut limiter = RateLimiter::new(RATE, 10);
        for _ in 0..100 {
            assert!(limiter.take("ann", t));
            limiter.put_back(&"ann");
        }
    }

    #[test]
    fn keys_are_bounded_and_forgotten_when_their_buckets_are_full() {
        let t = instant();
        let mut limiter = RateLimiter::new(RATE, 10);
        assert_eq!((0..15).filter(|n| limiter.take(*n, t)).count(), 10);
        assert!(limiter.take(0, t), "who is known goes on");
        assert!(!limiter.take(10, t));
        limiter.sweep(t + ms(500));
        assert!(limiter.take(10, t + ms(500)));
    }

    #[test]
    fn where_nobody_waits_who_has_taken_least_is_forgotten() {
        let t = instant();
        let mut limiter = RateLimiter::new(RATE, 2);
        assert!(limiter.take("much", t) && limiter.take("much", t) && limiter.take("little", t));
        limiter.make_room(t);
        assert!(limiter.take("new", t));
        assert!(limiter.is_full(&"little", t) && !limiter.is_full(&"much", t));
    }
}
