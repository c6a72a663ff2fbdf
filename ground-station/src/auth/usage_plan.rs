//! Usage plans: how often a caller may ask, and how often in a day.

use daemon::rate_limit::{Rate, TokenBucket};
use std::time::Instant;

/// How much a caller may ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests at once and in the long run.
    pub rate: Rate,
    /// Requests per day (UTC).
    pub quota: Option<u64>,
}

/// What one caller has left.
#[derive(Clone, Debug)]
pub(super) struct UsagePlan {
    bucket: TokenBucket,
    quota: Option<u64>,
    day: u64,
    spent: u64,
    saved: u64,
}

impl UsagePlan {
    /// A plan of which `spent` requests were taken earlier on `day` (days since 1970).
    pub(super) fn new(limits: Limits, now: Instant, day: u64, spent: u64) -> Self {
        Self {
            bucket: TokenBucket::new(limits.rate, now),
            quota: limits.quota,
            day,
            spent,
            saved: spent,
        }
    }

    /// Takes one request, if there is one left.
    pub(super) fn take(&mut self, now: Instant, day: u64) -> bool {
        let (spent, saved) = if day == self.day {
            (self.spent, self.saved)
        } else {
            (0, 0)
        };
        if self.quota.is_some_and(|quota| spent >= quota) || !self.bucket.take(now) {
            return false;
        }
        (self.day, self.spent, self.saved) = (day, spent + 1, saved);
        true
    }

    /// Whether nothing is missing from its bucket.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.bucket.is_full(now)
    }

    /// Requests spent on `day`, if that is more than was said last time.
    pub(super) fn unsaved(&mut self, day: u64) -> Option<u64> {
        if self.day != day || self.spent == self.saved {
            return None;
        }
        self.saved = self.spent;
        Some(self.spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::time::Duration;

    #[test]
    fn a_quota_ends_the_day_and_the_next_day_begins_anew() {
        let limits = Limits {
            rate: Rate {
                burst: 3.0,
                per_s: 2.0,
            },
            quota: Some(5),
        };
        let t = clock::instant();
        let later = t + Duration::from_secs(9);
        let mut plan = UsagePlan::new(limits, t, 7, 4);
        assert!(plan.take(t, 7));
        assert!(!plan.take(later, 7));
        assert_eq!(plan.unsaved(7), Some(5));
        assert_eq!(plan.unsaved(7), None);
        assert!(plan.take(later, 8));
        assert_eq!(plan.unsaved(8), Some(1));
    }
}
