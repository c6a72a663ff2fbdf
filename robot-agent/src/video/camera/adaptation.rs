//! How large pictures are and how many a second, where the bitrate alone would turn them into mud. Pure.
//!
//! Each change of size begins with a key frame, so none follows every wave of the bitrate: smaller after
//! [`LOWER_AFTER`], larger only with some to spare, after [`RAISE_AFTER`].

use std::time::{Duration, Instant};

use super::source::Format;

/// What becomes of the source's pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reduction {
    /// What is left of width and height, in eighths.
    pub eighths: u32,
    /// One of so many pictures is encoded.
    pub every: u32,
}

impl Reduction {
    pub(super) const NONE: Self = Self {
        eighths: 8,
        every: 1,
    };
}

/// Eighths of width and height, and what of the pictures, at 30 a second. Where a robot drives its hand needs
/// many pictures more than large ones: size goes first. Those of libwebrtc, without its smallest.
const STEPS: [(u32, u32); 5] = [(8, 1), (6, 1), (4, 1), (4, 2), (3, 2)];

/// A rate that is spared before any size is.
const RATE: u32 = 30;

/// Pictures a second below which it is of no use to drive by them.
const FEWEST: u32 = 10;

/// Bits for a pixel below which a smaller picture, made large again, shows more. Of pictures of a robot that
/// drives on Mars, in 640×480 by `x264enc`, the half size came 2 dB closer to the source at 150 kbit/s
/// and one at 600; but only the whole has letters that can be read.
const BITS_PER_PIXEL: f64 = 0.05;

/// Down to this part of the ceiling the whole size stays in any case: its owner has chosen it for that.
const OF_CEILING: f64 = 0.5;

/// What a larger picture needs more than that, or it would be left again at once.
const TO_SPARE: f64 = 1.3;

/// How long the bitrate has to be too low. A path that has just narrowed is given half of what it takes,
/// until its queue has gone.
const LOWER_AFTER: Duration = Duration::from_millis(500);

/// How long it has to be high enough.
const RAISE_AFTER: Duration = Duration::from_secs(3);

pub(super) struct Adaptation {
    /// From all to least, with the kbit/s that each needs.
    steps: Vec<(Reduction, f64)>,
    /// None before the first.
    step: Option<usize>,
    /// Whether it is to be lower, or higher, and since when.
    pending: Option<(bool, Instant)>,
}

impl Adaptation {
    /// For pictures of this format at `ceiling_kbps` and less, and an encoder that can change their size while
    /// it runs, or not.
    pub(super) fn new(format: Format, ceiling_kbps: u32, resizes: bool) -> Self {
        let spared = (format.fps / RATE).max(1);
        let lower = STEPS.iter().map(|(eighths, every)| Reduction {
            eighths: if resizes { *eighths } else { 8 },
            every: every * spared,
        });
        let mut reductions: Vec<_> = std::iter::once(Reduction::NONE)
            .chain(lower.filter(|step| step.every == 1 || format.fps / step.every >= FEWEST))
            .collect();
        reductions.dedup();
        let pixels = f64::from(format.width) * f64::from(format.height) * f64::from(format.fps);
        let whole = (pixels * BITS_PER_PIXEL / 1000.0).min(f64::from(ceiling_kbps) * OF_CEILING);
        let needs = |reduction: Reduction| {
            let share = (f64::from(reduction.eighths) / 8.0).powi(2) / f64::from(reduction.every);
            (reduction, whole * share)
        };
        Self {
            steps: reductions.into_iter().map(needs).collect(),
            step: None,
            pending: None,
        }
    }

    /// The next [`follow`](Self::follow) does not wait: nobody watches.
    pub(super) fn reset(&mut self) {
        self.step = None;
        self.pending = None;
    }

    /// What becomes of the pictures from now on, if that is new.
    pub(super) fn follow(&mut self, kbps: u32, now: Instant) -> Option<Reduction> {
        let Some(step) = self.step else {
            return Some(self.change(self.best(kbps, 1.0)));
        };
        let (enough, to_spare) = (self.best(kbps, 1.0), self.best(kbps, TO_SPARE));
        let lower = enough > step;
        if !lower && to_spare >= step {
            self.pending = None;
            return None;
        }
        let pending = self.pending.filter(|(as_before, _)| *as_before == lower);
        let (_, since) = *self.pending.insert(pending.unwrap_or((lower, now)));
        let due = now >= since + Self::delay(lower);
        due.then(|| self.change(if lower { enough } else { to_spare }))
    }

    /// When to follow again, though the bitrate stays.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending
            .map(|(lower, since)| since + Self::delay(lower))
    }

    fn delay(lower: bool) -> Duration {
        if lower { LOWER_AFTER } else { RAISE_AFTER }
    }

    fn change(&mut self, step: usize) -> Reduction {
        self.step = Some(step);
        self.pending = None;
        self.steps[step].0
    }

    /// The step with the most that so much is enough for, or the last.
    fn best(&self, kbps: u32, margin: f64) -> usize {
        let enough = |(_, needs): &(Reduction, f64)| f64::from(kbps) >= needs * margin;
        let last = self.steps.len() - 1;
        self.steps.iter().position(enough).unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn format(width: u32, height: u32, fps: u32) -> Format {
        Format { width, height, fps }
    }

    fn vga() -> Adaptation {
        Adaptation::new(format(640, 480, 30), 1500, true)
    }

    fn reduction(eighths: u32, every: u32) -> Reduction {
        Reduction { eighths, every }
    }

    #[test]
    fn the_less_there_is_the_smaller_the_picture_and_last_the_rarer() {
        let at = |mut adaptation: Adaptation, kbps| adaptation.follow(kbps, now());
        for (kbps, eighths, every) in [
            (1500, 8, 1),
            (470, 8, 1),
            (300, 6, 1),
            (150, 4, 1),
            (100, 4, 2),
            (50, 3, 2),
            (0, 3, 2),
        ] {
            assert_eq!(at(vga(), kbps), Some(reduction(eighths, every)), "{kbps}");
        }
        let fixed = || Adaptation::new(format(640, 480, 30), 1500, false);
        assert_eq!(at(fixed(), 500), Some(Reduction::NONE));
        assert_eq!(at(fixed(), 150), Some(reduction(8, 2)));
        let quick = || Adaptation::new(format(640, 480, 60), 1500, true);
        assert_eq!(at(quick(), 700), Some(reduction(8, 2)));
        assert_eq!(at(quick(), 80), Some(reduction(4, 4)));
        let slow = Adaptation::new(format(640, 480, 15), 1500, true);
        assert_eq!(at(slow, 0), Some(reduction(4, 1)), "7 a second are too few");
    }

    #[test]
    fn a_size_that_was_chosen_for_a_low_ceiling_is_shown_at_it() {
        let mut adaptation = Adaptation::new(format(1920, 1080, 30), 1500, true);
        assert_eq!(adaptation.follow(1500, now()), Some(Reduction::NONE));
    }

    #[test]
    fn waves_of_the_bitrate_change_nothing_and_what_lasts_does() {
        let start = now();
        let mut adaptation = vga();
        let mut changes = Vec::new();
        for ms in (0..20_000).step_by(50) {
            let now = start + Duration::from_millis(ms);
            let kbps = match ms {
                // A dip, a narrow path, a peak in between, and wide again.
                1000..1400 | 3000..6000 | 6500..9000 => 150,
                _ => 1500,
            };
            changes.extend(adaptation.follow(kbps, now).map(|to| (ms, to)));
        }
        assert_eq!(
            changes,
            [
                (0, Reduction::NONE),
                (3500, reduction(4, 1)),
                (12_000, Reduction::NONE),
            ]
        );
    }

    #[test]
    fn a_bitrate_at_the_border_does_not_flap() {
        let start = now();
        let mut adaptation = vga();
        let changes = (0..600).filter_map(|tenths: u32| {
            let kbps = if (tenths / 40).is_multiple_of(2) {
                430
            } else {
                520
            };
            adaptation.follow(kbps, start + Duration::from_millis(100) * tenths)
        });
        assert_eq!(changes.collect::<Vec<_>>(), [reduction(6, 1)]);
    }

    #[test]
    fn it_says_when_it_will_have_lasted() {
        let start = now();
        let mut adaptation = vga();
        adaptation.follow(1500, start);
        assert_eq!(adaptation.due(), None);
        adaptation.follow(150, start);
        let due = adaptation.due().unwrap();
        assert_eq!(due, start + LOWER_AFTER);
        assert_eq!(adaptation.follow(150, due), Some(reduction(4, 1)));
        assert_eq!(adaptation.due(), None);
    }
}
