//! A token bucket: so many at once, so many a second. Pure.

use std::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(super) struct TokenBucket {
    tokens: f64,
    per_s: f64,
    /// Most tokens it holds.
    burst: f64,
    refilled: Instant,
}

impl TokenBucket {
    /// A full one.
    pub(super) fn new(per_s: f64, burst: f64, now: Instant) -> Self {
        Self {
            tokens: burst,
            per_s,
            burst,
            refilled: now,
        }
    }

    /// From now on.
    pub(super) fn set_rate(&mut self, per_s: f64, burst: f64, now: Instant) {
        self.refill(now);
        (self.per_s, self.burst) = (per_s, burst);
    }

    /// Takes so many tokens, if there are as many.
    pub(super) fn take(&mut self, tokens: f64, now: Instant) -> bool {
        self.refill(now);
        let there = self.tokens >= tokens;
        if there {
            self.tokens -= tokens;
        }
        there
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = now;
        self.tokens = (self.tokens + elapsed * self.per_s).min(self.burst);
    }
}
