//! How often the same thing is logged: each time in a trickle, now and then in a flood, with
//! the number of those in between. Pure: `now` is an argument.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Allows so many lines in each period.
#[derive(Clone, Debug)]
pub struct LogLimiter {
    lines: u32,
    period: Duration,
    period_start: Option<Instant>,
    logged: u32,
    suppressed: u64,
    text: String,
}

impl LogLimiter {
    /// At most `lines` in each `period`, which begins with its first line.
    pub const fn new(lines: u32, period: Duration) -> Self {
        Self {
            lines,
            period,
            period_start: None,
            logged: 0,
            suppressed: 0,
            text: String::new(),
        }
    }

    /// Whether one more line is logged at `now`: none if not, else how many were suppressed
    /// since the last one that was.
    pub fn allow(&mut self, now: Instant) -> Option<u64> {
        let over = |start: Instant| now.saturating_duration_since(start) >= self.period;
        if self.period_start.is_none_or(over) {
            self.period_start = Some(now);
            self.logged = 0;
        }
        if self.logged >= self.lines {
            self.suppressed += 1;
            return None;
        }
        self.logged += 1;
        Some(std::mem::take(&mut self.suppressed))
    }

    /// Like [`LogLimiter::allow`], but only the same text again counts as the same thing: another
    /// one is logged at once.
    pub fn allow_text(&mut self, text: &str, now: Instant) -> Option<u64> {
        if self.text != text {
            self.reset();
            text.clone_into(&mut self.text);
        }
        self.allow(now)
    }

    /// The next line is allowed, whatever was logged before.
    pub fn reset(&mut self) {
        *self = Self::new(self.lines, self.period);
    }
}

/// A [`LogLimiter`] of what many tasks log.
#[derive(Debug)]
pub struct SharedLogLimiter(Mutex<LogLimiter>);

impl SharedLogLimiter {
    /// At most `lines` in each `period`.
    pub const fn new(lines: u32, period: Duration) -> Self {
        Self(Mutex::new(LogLimiter::new(lines, period)))
    }

    /// See [`LogLimiter::allow`].
    pub fn allow(&self, now: Instant) -> Option<u64> {
        let mut limiter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limiter.allow(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);

    #[expect(clippy::disallowed_methods, reason = "the test is the clock")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_flood_leaves_a_few_lines_and_a_sum() {
        let start = start();
        let mut limiter = LogLimiter::new(5, PERIOD);
        let lines = (0..1000).map(|ms| limiter.allow(start + Duration::from_millis(ms)));
        assert_eq!(lines.filter(|line| *line == Some(0)).count(), 5);
        assert_eq!(limiter.allow(start + PERIOD), Some(995));
        assert_eq!(limiter.allow(start + PERIOD), Some(0));
    }

    #[test]
    fn a_trickle_is_logged_line_by_line() {
        let start = start();
        let mut limiter = LogLimiter::new(5, PERIOD);
        for minute in 0..20 {
            let now = start + Duration::from_secs(60 * minute);
            assert_eq!(limiter.allow(now), Some(0));
        }
    }

    #[test]
    fn another_text_is_logged_at_once_and_the_same_one_is_not() {
        let start = start();
        let mut limiter = LogLimiter::new(1, PERIOD);
        assert_eq!(limiter.allow_text("no network", start), Some(0));
        assert_eq!(limiter.allow_text("no network", start), None);
        assert_eq!(limiter.allow_text("no server", start), Some(0));
        assert_eq!(limiter.allow_text("no server", start), None);
        assert_eq!(limiter.allow_text("no server", start + PERIOD), Some(1));
        limiter.reset();
        assert_eq!(limiter.allow_text("no server", start + PERIOD), Some(0));
    }
}
