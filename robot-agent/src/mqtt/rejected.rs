//! How often a rejected message is logged: each in a trickle, a summary in a flood.
//!
//! Pure: `now` goes in, what to log comes out.

use std::time::{Duration, Instant};

/// A person can read so many lines in [`PERIOD`]; more would only push out other lines.
const LINES_PER_PERIOD: u32 = 5;

/// How long a flood is silent before it is summed up.
const PERIOD: Duration = Duration::from_secs(10);

/// What to do with one complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Log it.
    Log,
    /// Log it, and that so many before it were not logged.
    LogAfter(u64),
    /// Count it only.
    Silent,
}

/// Remembers what was logged in the current period.
#[derive(Debug, Default)]
pub struct Complaints {
    period_start: Option<Instant>,
    logged: u32,
    silenced: u64,
}

impl Complaints {
    /// Whether one more complaint at `now` is logged.
    pub fn next(&mut self, now: Instant) -> Line {
        let over = |start: Instant| now.saturating_duration_since(start) >= PERIOD;
        if self.period_start.is_none_or(over) {
            self.period_start = Some(now);
            self.logged = 0;
        }
        if self.logged >= LINES_PER_PERIOD {
            self.silenced += 1;
            return Line::Silent;
        }
        self.logged += 1;
        match std::mem::take(&mut self.silenced) {
            0 => Line::Log,
            silenced => Line::LogAfter(silenced),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test is the clock")]
    fn a_flood_leaves_a_few_lines_and_a_sum() {
        let start = Instant::now();
        let mut complaints = Complaints::default();
        let lines: Vec<Line> = (0..1000)
            .map(|ms| complaints.next(start + Duration::from_millis(ms)))
            .collect();
        assert_eq!(lines.iter().filter(|line| **line == Line::Log).count(), 5);
        assert_eq!(complaints.next(start + PERIOD), Line::LogAfter(995));
        assert_eq!(complaints.next(start + PERIOD), Line::Log);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test is the clock")]
    fn a_trickle_is_logged_line_by_line() {
        let start = Instant::now();
        let mut complaints = Complaints::default();
        for minute in 0..20 {
            let now = start + Duration::from_secs(60 * minute);
            assert_eq!(complaints.next(now), Line::Log);
        }
    }
}
