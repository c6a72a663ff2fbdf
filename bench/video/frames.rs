//! What painted frames say of a while. Pure.

use bench::figures::percentile;
use bench::peer::Painted;

/// Time from frame to frame at 30 a second.
const FRAME_MS: f64 = 1000.0 / 30.0;

/// A gap this much longer than a frame is a freeze, as WebRTC's statistics have it.
const FREEZE_MS: f64 = 150.0;

/// The frames painted in one while.
pub(crate) struct Frames(Vec<Painted>);

impl Frames {
    /// Those painted from one moment to another, both in Unix milliseconds.
    pub(crate) fn between(all: &[Painted], from_ms: f64, to_ms: f64) -> Self {
        let inside = |frame: &&Painted| (from_ms..to_ms).contains(&frame.at_ms);
        Self(all.iter().filter(inside).copied().collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The age that the fraction `q` of the frames is not above.
    pub(crate) fn age_ms(&self, q: f64) -> Option<f64> {
        let mut ages: Vec<_> = self.0.iter().filter_map(|frame| frame.age_ms).collect();
        ages.sort_by(f64::total_cmp);
        (!ages.is_empty()).then(|| percentile(&ages, q))
    }

    /// Frames whose clock is torn.
    pub(crate) fn torn(&self) -> usize {
        let torn = self.0.iter().filter(|frame| frame.age_ms.is_none());
        torn.count()
    }

    /// Of those whose clock can be read.
    pub(crate) fn oldest_ms(&self) -> Option<f64> {
        self.age_ms(1.0)
    }

    /// How long the picture stood still, in all.
    pub(crate) fn frozen_ms(&self) -> f64 {
        let beyond = self.gaps().map(|gap| gap - FRAME_MS);
        let frozen: f64 = beyond.filter(|beyond| *beyond > FREEZE_MS).sum();
        // The sum of none is -0.
        frozen.abs()
    }

    /// The longest time between two frames.
    pub(crate) fn longest_gap_ms(&self) -> f64 {
        self.gaps().fold(0.0, f64::max)
    }

    /// The longest of these times, if it is a freeze.
    pub(crate) fn longest_freeze_ms(&self) -> f64 {
        let longest = self.longest_gap_ms();
        if longest - FRAME_MS > FREEZE_MS {
            longest
        } else {
            0.0
        }
    }

    /// The time between two frames that the fraction `q` of them is not above.
    pub(crate) fn interval_ms(&self, q: f64) -> Option<f64> {
        let mut gaps: Vec<_> = self.gaps().collect();
        gaps.sort_by(f64::total_cmp);
        (!gaps.is_empty()).then(|| percentile(&gaps, q))
    }

    /// When the first of them was painted, in Unix milliseconds.
    pub(crate) fn first_at_ms(&self) -> Option<f64> {
        self.0.first().map(|frame| frame.at_ms)
    }

    fn gaps(&self) -> impl Iterator<Item = f64> {
        self.0.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms)
    }
}

/// The busiest second of what was sent, in bits.
pub(crate) fn busiest_second_bits(sent: &[(f64, usize)]) -> f64 {
    let mut most = 0;
    let (mut oldest, mut sum) = (0, 0);
    for (at, bytes) in sent {
        sum += bytes;
        while sent[oldest].0 < at - 1000.0 {
            sum -= sent[oldest].1;
            oldest += 1;
        }
        most = most.max(sum);
    }
    most as f64 * 8.0
}

pub(crate) fn bits(sent: &[(f64, usize)]) -> f64 {
    sent.iter().map(|(_, bytes)| *bytes as f64 * 8.0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(frames: &[(f64, f64)]) -> Vec<Painted> {
        let painted = |(at, age): &(f64, f64)| Painted::from((*at, Some(*age)));
        frames.iter().map(painted).collect()
    }

    #[test]
    fn a_gap_of_a_few_frames_is_no_freeze_and_half_a_second_is() {
        let all = painted(&[(0.0, 30.0), (100.0, 30.0), (600.0, 90.0), (633.0, 30.0)]);
        let frames = Frames::between(&all, 0.0, 1000.0);
        assert!((frames.frozen_ms() - (500.0 - FRAME_MS)).abs() < 1e-9);
        assert_eq!(frames.longest_gap_ms(), 500.0);
        assert_eq!(frames.longest_freeze_ms(), 500.0);
        assert_eq!(frames.interval_ms(0.5), Some(100.0));
        assert_eq!(frames.first_at_ms(), Some(0.0));
        assert_eq!(frames.oldest_ms(), Some(90.0));
        assert_eq!(frames.age_ms(0.5), Some(30.0));
        assert_eq!(Frames::between(&all, 50.0, 601.0).len(), 2);
        let smooth = Frames::between(&all, 0.0, 150.0);
        assert!(smooth.frozen_ms().is_sign_positive());
        assert_eq!(smooth.longest_freeze_ms(), 0.0);
        assert_eq!(Frames::between(&all, 2000.0, 3000.0).oldest_ms(), None);
    }

    #[test]
    fn the_busiest_second_may_begin_anywhere() {
        let sent = [(0.0, 10), (900.0, 10), (1500.0, 10), (4000.0, 10)];
        assert_eq!(busiest_second_bits(&sent), 160.0);
        assert_eq!(bits(&sent), 320.0);
    }
}
