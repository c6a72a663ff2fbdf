//! Grains and pebbles too small for the terrain's cells: a texture that repeats, in halves of its
//! size for the distance.

use crate::noise::{mix, value};

/// Pixels along an edge; one is half a centimetre.
const SIZE: usize = 512;
const PIXELS_PER_M: f32 = 200.0;
const LEVELS: usize = 8;

/// Farther than any place on the ground is from the middle.
const FAR_M: f32 = 1024.0;

/// How much darker and brighter than its mean.
const CONTRAST: f32 = 0.34;

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
    factors: Vec<f32>,
}

impl Detail {
    pub(super) fn new(seed: u32) -> Self {
        let mut factors = Vec::with_capacity(SIZE * SIZE);
        for y in 0..SIZE {
            factors.extend((0..SIZE).map(|x| grain(seed, x, y)));
        }
        let finest = Level {
            size: SIZE,
            per_metre: PIXELS_PER_M,
            factors,
        };
        let levels = std::iter::successors(Some(finest), |level| Some(level.half()));
        Self {
            levels: levels.take(LEVELS).collect(),
        }
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
    /// At a place on the ground, metres: between its pixels where they are larger than the
    /// camera's.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        // Shifted to where truncation is rounding down.
        let [x, y] = [x, y].map(|metres| (metres + FAR_M) * self.per_metre);
        let [i, j] = [x, y].map(|pixels| pixels as u32);
        let within = self.size - 1;
        if self.size < SIZE {
            return self.factors[(j as usize & within) * self.size + (i as usize & within)];
        }
        let [s, t] = [x - i as f32, y - j as f32];
        let [left, right] = [i, i + 1].map(|i| i as usize & within);
        let row = |j: u32| {
            let row = (j as usize & within) * self.size;
            mix(self.factors[row + left], self.factors[row + right], s)
        };
        mix(row(j), row(j + 1), t)
    }

    fn half(&self) -> Self {
        let size = self.size / 2;
        let at = |x: usize, y: usize| self.factors[y * self.size + x];
        let factors = (0..size * size)
            .map(|pixel| {
                let (x, y) = (pixel % size * 2, pixel / size * 2);
                (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
            })
            .collect();
        Self {
            size,
            per_metre: self.per_metre / 2.0,
            factors,
        }
    }
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
