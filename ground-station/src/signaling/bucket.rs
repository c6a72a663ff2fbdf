//! A token bucket: so many at once, so many a second.

use std::time::Instant;

/// A rate with room for a burst.
#[derive(Clone, Debug)]
pub struct Bucket {
    burst: f64,
    per_s: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(burst: u32, per_s: f64, now: Instant) -> Self {
        Self {
            burst: f64::from(burst),
            per_s,
            left: f64::from(burst),
            at: now,
        }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_s).min(self.burst);
        self.at = self.at.max(now);
    }

    /// Whether nothing was taken for so long that it is as good as new.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.burst
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::instant;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = instant();
        let mut bucket = Bucket::new(3, 2.0, start);
        let taken = |bucket: &mut Bucket, at_ms| bucket.take(start + Duration::from_millis(at_ms));
        assert_eq!(
            [0; 4].map(|at| taken(&mut bucket, at)),
            [true, true, true, false]
        );
        assert!(!taken(&mut bucket, 499));
        assert!(taken(&mut bucket, 501));
        assert!(!taken(&mut bucket, 501));
        let later = [60_000; 4].map(|at| taken(&mut bucket, at));
        assert_eq!(
            later,
            [true, true, true, false],
            "no more than the burst is saved up"
        );
    }
}
