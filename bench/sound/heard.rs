//! What was heard, against what was said. Pure.

use bench::figures::percentile;
use serde::Deserialize;

use crate::signal::{BURSTS_HZ, PERIOD_MS, SPACING_MS};

/// A burst: which of the tones, and when, in Unix milliseconds.
pub(crate) type Burst = (usize, f64);

/// What one end noticed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Heard {
    pub bursts: Vec<Burst>,
    /// When the pilot was missing, in Unix milliseconds, and for how long.
    pub holes: Vec<(f64, f64)>,
    /// Of the bursts, as a part of full scale.
    pub level: f64,
}

/// Two clocks that are read in steps may be so far apart.
const SOONEST_MS: f64 = -5.0;

/// Nothing is on its way for longer.
const LONGEST_MS: f64 = PERIOD_MS - SPACING_MS;

/// How long each burst was on its way, with when it was heard.
pub(crate) fn delays(said: &[Burst], heard: &[Burst]) -> Vec<(f64, f64)> {
    let way = |(tone, at): &Burst| {
        let before = said.iter().rev().find_map(|(other, said)| {
            let took = at - said;
            (other == tone && took >= SOONEST_MS).then_some(took)
        })?;
        (before <= LONGEST_MS).then_some((*at, before))
    };
    heard.iter().filter_map(way).collect()
}

/// What a recording says that began on a whole second and has been played since, for as long as `heard` is.
pub(crate) fn recording(heard: &[Burst]) -> Vec<Burst> {
    let Some((first, last)) = heard.first().zip(heard.last()) else {
        return Vec::new();
    };
    let from = (first.1 / 1000.0).floor() * 1000.0 - PERIOD_MS;
    let count = ((last.1 - from) / SPACING_MS).ceil() as usize + BURSTS_HZ.len();
    let begun = |shift: usize| {
        let burst = move |n: usize| {
            (
                n % BURSTS_HZ.len(),
                from + shift as f64 * 1000.0 + n as f64 * SPACING_MS,
            )
        };
        (0..count).map(burst).collect::<Vec<Burst>>()
    };
    // The second in which it began is that by which it was the least on its way.
    let seconds = (PERIOD_MS / 1000.0) as usize;
    let candidates = (0..seconds).map(begun);
    let judged = candidates.map(|said| {
        let median = quantile(&delays(&said, heard), 0.5).unwrap_or(f64::INFINITY);
        (median, said)
    });
    let best = judged.min_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, said)| said).unwrap_or_default()
}

/// The delay that the fraction `q` of them is not above.
pub(crate) fn quantile(delays: &[(f64, f64)], q: f64) -> Option<f64> {
    let mut sorted: Vec<_> = delays.iter().map(|(_, took)| *took).collect();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| percentile(&sorted, q))
}

impl Heard {
    /// The longest hole between two moments, in milliseconds.
    pub(crate) fn longest_hole_ms(&self, from: f64, to: f64) -> f64 {
        let inside = self.holes.iter().filter(|(at, _)| (from..to).contains(at));
        inside.map(|(_, long)| *long).fold(0.0, f64::max)
    }

    /// How much of that time was holes, in percent.
    pub(crate) fn missing_pct(&self, from: f64, to: f64) -> f64 {
        let inside = self.holes.iter().filter(|(at, _)| (from..to).contains(at));
        let missing: f64 = inside.map(|(_, long)| *long).sum();
        100.0 * missing.abs() / (to - from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_found_again_and_what_is_lost_is_not_made_up() {
        let said = [(0, 0.0), (1, 500.0), (2, 1000.0), (0, 3000.0)];
        let heard = [(0, 90.0), (2, 1110.0), (0, 3080.0), (5, 3100.0)];
        let found = delays(&said, &heard);
        assert_eq!(found, [(90.0, 90.0), (1110.0, 110.0), (3080.0, 80.0)]);
        assert_eq!(quantile(&found, 0.5), Some(90.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_second_in_which_a_recording_began_is_found() {
        // Burst n is said at 7_000 + n × 500.
        let heard: Vec<Burst> = (4..40)
            .map(|n| (n % 6, 7_120.0 + n as f64 * 500.0))
            .collect();
        let found = delays(&recording(&heard), &heard);
        assert_eq!(found.len(), heard.len());
        assert!(
            found.iter().all(|(_, took)| (took - 120.0).abs() < 1e-6),
            "{found:?}"
        );
    }

    #[test]
    fn holes_are_counted_where_they_are() {
        let heard = Heard {
            holes: vec![(10.0, 20.0), (100.0, 5.0), (2000.0, 900.0)],
            ..Heard::default()
        };
        assert_eq!(heard.longest_hole_ms(0.0, 1000.0), 20.0);
        assert_eq!(heard.missing_pct(0.0, 1000.0), 2.5);
    }
}
