//! Usage plans: a token bucket and a daily quota per caller, and how often a password may be
//! tried. Pure: the time is an argument.

use super::Denied;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How much a caller may ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests per second in the long run.
    pub rate: f64,
    /// Requests that may come at once.
    pub burst: u32,
    /// Requests per day (UTC).
    pub quota: Option<u64>,
}

/// What one caller has left.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Missing from a full bucket at `at`.
    missing: f64,
    at: Instant,
    day: u64,
    spent: u64,
    saved: u64,
}

impl Bucket {
    /// A full bucket, of which `spent` requests were taken earlier on `day`.
    pub fn new(now: Instant, day: u64, spent: u64) -> Self {
        Self {
            missing: 0.0,
            at: now,
            day,
            spent,
            saved: spent,
        }
    }

    /// Takes one request.
    ///
    /// # Errors
    /// [`Denied::TooMany`] when none is left; nothing is taken then.
    pub fn take(&mut self, limits: Limits, now: Instant, day: u64) -> Result<(), Denied> {
        let missing = self.missing_at(limits, now);
        let spent = if day == self.day { self.spent } else { 0 };
        if missing + 1.0 > f64::from(limits.burst) || limits.quota.is_some_and(|q| spent >= q) {
            return Err(Denied::TooMany);
        }
        if day != self.day {
            self.saved = 0;
        }
        (self.missing, self.at, self.day, self.spent) = (missing + 1.0, now, day, spent + 1);
        Ok(())
    }

    /// Whether nothing is missing from it, so that it may as well be forgotten.
    pub fn is_full(&self, limits: Limits, now: Instant) -> bool {
        self.missing_at(limits, now) <= 0.0
    }

    /// Requests spent on `day`, if that is more than was said last time.
    pub fn unsaved(&mut self, day: u64) -> Option<u64> {
        if self.day != day || self.spent == self.saved {
            return None;
        }
        self.saved = self.spent;
        Some(self.spent)
    }

    fn missing_at(&self, limits: Limits, now: Instant) -> f64 {
        let refilled = now.saturating_duration_since(self.at).as_secs_f64() * limits.rate;
        (self.missing - refilled).max(0.0)
    }
}

/// Wrong passwords that may come at once, for one name or from one address: a few slips of a
/// person, far from a guess.
const ATTEMPTS: u32 = 10;

/// After that, one more for every so much time.
const ATTEMPT_EVERY: Duration = Duration::from_secs(6);

/// Names and addresses remembered at once. Past that everybody waits: whoever tries so many
/// is guessing.
const REMEMBERED: usize = 10_000;

/// Wrong passwords, per name and per address.
#[derive(Debug, Default)]
pub struct Attempts {
    buckets: HashMap<String, Bucket>,
}

impl Attempts {
    /// Counts an attempt on every one of `asked`.
    ///
    /// # Errors
    /// [`Denied::TooMany`] when one of them has none left.
    pub fn take(&mut self, asked: &[String], now: Instant) -> Result<(), Denied> {
        let limits = Self::limits();
        if self.buckets.len() + asked.len() > REMEMBERED {
            self.buckets
                .retain(|_, bucket| !bucket.is_full(limits, now));
            if self.buckets.len() + asked.len() > REMEMBERED {
                return Err(Denied::TooMany);
            }
        }
        for one in asked {
            self.buckets
                .entry(one.clone())
                .or_insert_with(|| Bucket::new(now, 0, 0))
                .take(limits, now, 0)?;
        }
        Ok(())
    }

    /// The password was right: the attempt does not count.
    pub fn give_back(&mut self, asked: &[String]) {
        for one in asked {
            if let Some(bucket) = self.buckets.get_mut(one) {
                bucket.missing = (bucket.missing - 1.0).max(0.0);
            }
        }
    }

    fn limits() -> Limits {
        Limits {
            rate: 1.0 / ATTEMPT_EVERY.as_secs_f64(),
            burst: ATTEMPTS,
            quota: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const LIMITS: Limits = Limits {
        rate: 2.0,
        burst: 3,
        quota: Some(5),
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let t = clock::instant();
        let mut bucket = Bucket::new(t, 0, 0);
        let limits = Limits {
            quota: None,
            ..LIMITS
        };
        for _ in 0..3 {
            bucket.take(limits, t, 0).unwrap();
        }
        assert_eq!(bucket.take(limits, t, 0), Err(Denied::TooMany));
        assert_eq!(bucket.take(limits, t + ms(499), 0), Err(Denied::TooMany));
        bucket.take(limits, t + ms(500), 0).unwrap();
        assert_eq!(bucket.take(limits, t + ms(999), 0), Err(Denied::TooMany));
        bucket.take(limits, t + ms(1000), 0).unwrap();
        assert!(!bucket.is_full(limits, t + ms(1000)));
        assert!(bucket.is_full(limits, t + ms(2500)));
    }

    #[test]
    fn a_quota_ends_the_day_and_the_next_day_begins_anew() {
        let t = clock::instant();
        let mut bucket = Bucket::new(t, 7, 4);
        bucket.take(LIMITS, t, 7).unwrap();
        assert_eq!(bucket.take(LIMITS, t + ms(9000), 7), Err(Denied::TooMany));
        assert_eq!(bucket.unsaved(7), Some(5));
        assert_eq!(bucket.unsaved(7), None);
        bucket.take(LIMITS, t + ms(9000), 8).unwrap();
        assert_eq!(bucket.unsaved(8), Some(1));
    }

    #[test]
    fn the_clock_going_backwards_gives_nothing_away() {
        let t = clock::instant() + ms(10_000);
        let mut bucket = Bucket::new(t, 0, 0);
        for _ in 0..3 {
            bucket.take(LIMITS, t, 0).unwrap();
        }
        assert!(bucket.take(LIMITS, t - ms(5000), 0).is_err());
    }

    #[test]
    fn wrong_passwords_run_out_per_name_and_per_address_and_come_back() {
        let t = clock::instant();
        let mut attempts = Attempts::default();
        let ann = ["user ann".to_owned(), "from ::1".to_owned()];
        for _ in 0..ATTEMPTS {
            attempts.take(&ann, t).unwrap();
        }
        assert!(attempts.take(&ann, t).is_err());
        let bob_from_there = ["user bob".to_owned(), "from ::1".to_owned()];
        assert!(attempts.take(&bob_from_there, t).is_err());
        let ann_from_elsewhere = ["user ann".to_owned(), "from ::2".to_owned()];
        assert!(attempts.take(&ann_from_elsewhere, t).is_err());
        let bob = ["user eve".to_owned(), "from ::3".to_owned()];
        attempts.take(&bob, t).unwrap();
        attempts.take(&ann, t + ATTEMPT_EVERY).unwrap();
    }

    #[test]
    fn right_passwords_do_not_count() {
        let t = clock::instant();
        let mut attempts = Attempts::default();
        let ann = ["user ann".to_owned()];
        for _ in 0..100 {
            attempts.take(&ann, t).unwrap();
            attempts.give_back(&ann);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let t = clock::instant();
        let mut attempts = Attempts::default();
        let refused = (0..REMEMBERED + 5)
            .filter(|n| attempts.take(&[format!("user {n}")], t).is_err())
            .count();
        assert_eq!(refused, 5);
        attempts
            .take(&["user x".to_owned()], t + ATTEMPT_EVERY)
            .unwrap();
    }
}
