//! Grains and pebbles too small for the terrain's cells: a texture that repeats, in halves of its
//! size for the distance.

use crate::noise::value;

/// Pixels along an edge; one is half a centimetre.
const SIZE: usize = 512;
const PIXELS_PER_M: f32 = 200.0;
const LEVELS: usize = 8;

/// How much darker and brighter than its mean.
const CONTRAST: f32 = 0.34;

/// A factor of 1, as it is kept.
const ONE: f32 = 128.0;

/// Positions count pixels in steps of this many, and wrap.
const PER_PIXEL: f32 = 65_536.0;

/// Factors of brightness around 1.
#[derive(Clone)]
pub(super) struct Detail {
    levels: Vec<Level>,
}

#[derive(Clone)]
pub(super) struct Level {
    /// Pixels along an edge, a power of two.
    size: usize,
    per_metre: f32,
    /// Of each pixel its own factor, and those of the pixels right of it, below it, and right of that,
    /// from the lowest byte: one read is enough to mix them.
    factors: Vec<u32>,
}

/// Along one line on the ground, from row to row of a picture.
pub(super) struct Line<'a> {
    level: &'a Level,
    /// Where its first row lies, and from one to the next.
    from: [u32; 2],
    step: [u32; 2],
}

impl Detail {
    pub(super) fn new(seed: u32) -> Self {
        let mut factors = Vec::with_capacity(SIZE * SIZE);
        for y in 0..SIZE {
            factors.extend((0..SIZE).map(|x| grain(seed, x, y)));
        }
        let mut levels = Vec::with_capacity(LEVELS);
        let (mut size, mut per_metre) = (SIZE, PIXELS_PER_M);
        for _ in 0..LEVELS {
            levels.push(Level::new(size, per_metre, &factors));
            factors = half(size, &factors);
            (size, per_metre) = (size / 2, per_metre / 2.0);
        }
        Self { levels }
    }

    /// For a pixel of the camera that covers so much ground.
    pub(super) fn level(&self, metres: f32) -> &Level {
        let pixels = (metres * PIXELS_PER_M).max(1.0);
        // The exponent is the logarithm to base two, rounded down.
        let level = (pixels.to_bits() >> (f32::MANTISSA_DIGITS - 1)) as usize - 127;
        &self.levels[level.min(LEVELS - 1)]
    }
}

impl Level {
    fn new(size: usize, per_metre: f32, factors: &[f32]) -> Self {
        let byte = |x: usize, y: usize| {
            let factor = factors[y % size * size + x % size] * ONE;
            u32::from(factor.round() as u8)
        };
        let pixel = |at: usize| {
            let (x, y) = (at % size, at / size);
            byte(x, y) | byte(x + 1, y) << 8 | byte(x, y + 1) << 16 | byte(x + 1, y + 1) << 24
        };
        Self {
            size,
            per_metre,
            factors: (0..size * size).map(pixel).collect(),
        }
    }

    /// From a place on the ground, and from there by so much for each row; metres.
    pub(super) fn line(&self, from: [f32; 2], step: [f32; 2]) -> Line<'_> {
        let scale = self.per_metre * PER_PIXEL;
        // A place outside of the range is a repetition of one inside.
        let wrapped = |metres: f32| (metres * scale) as i64 as u32;
        Line {
            level: self,
            from: from.map(wrapped),
            step: step.map(wrapped),
        }
    }
}

impl Line<'_> {
    /// In a row, counted from the first; in steps of 1 / 128.
    #[inline]
    pub(super) fn at(&self, row: u32) -> u32 {
        let x = self.from[0].wrapping_add(self.step[0].wrapping_mul(row));
        let y = self.from[1].wrapping_add(self.step[1].wrapping_mul(row));
        let within = self.level.size - 1;
        let pixel = (y >> 16) as usize & within;
        let factors = self.level.factors[pixel * self.level.size + ((x >> 16) as usize & within)];
        let (right, below) = ((x >> 8) & 0xff, (y >> 8) & 0xff);
        // Both rows at once, a factor in each half.
        let row = (factors & 0x00ff_00ff) * (256 - right) + ((factors >> 8) & 0x00ff_00ff) * right;
        (((row >> 8) & 0xff) * (256 - below) + (row >> 24) * below) >> 8
    }
}

/// The same at half the size.
fn half(size: usize, factors: &[f32]) -> Vec<f32> {
    let at = |x: usize, y: usize| factors[y * size + x];
    (0..size * size / 4)
        .map(|pixel| {
            let (x, y) = (pixel % (size / 2) * 2, pixel / (size / 2) * 2);
            (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
        })
        .collect()
}

/// Noise that fits itself at the edges: mixed from four copies.
fn grain(seed: u32, x: usize, y: usize) -> f32 {
    let octave = |scale: f32, seed: u32| {
        let share = [x, y].map(|axis| axis as f32 / SIZE as f32);
        let at = |dx: f32, dy: f32| {
            let [x, y] = [x as f32 - dx, y as f32 - dy];
            value(seed, x / scale, y / scale)
        };
        let size = SIZE as f32;
        let row = |dy| at(0.0, dy) * (1.0 - share[0]) + at(size, dy) * share[0];
        row(0.0) * (1.0 - share[1]) + row(size) * share[1]
    };
    let sand = 0.7 * octave(1.0, seed + 20)
        + 0.35 * octave(3.5, seed + 21)
        + 0.35 * octave(31.0, seed + 22);
    let pebbles = (octave(3.3, seed + 23) - 0.5).max(0.0) * 3.0;
    1.0 + CONTRAST * (sand - pebbles)
}
