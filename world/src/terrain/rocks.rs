//! Rocks: where they lie, and how they stand in the ground.

use super::{CELL_M, CELLS, WALL_FROM_M, cells, metres};
use crate::noise::{Random, fractal, smooth};

/// How many there are.
const COUNT: usize = 420;
/// Radius of the smallest and of the largest; small ones are the more frequent.
const SMALLEST_M: f32 = 0.05;
const LARGEST_M: f32 = 0.75;

/// A stone: round seen from far above.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rock {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) radius: f32,
    pub(crate) height: f32,
    seed: u32,
}

/// Rocks all over the floor of the crater, none in `kept_free`.
pub(super) fn scatter(seed: u32, kept_free: &[[f32; 3]]) -> Vec<Rock> {
    let mut random = Random::new(seed ^ 0x0c0f_fee0);
    let mut rocks = Vec::with_capacity(COUNT);
    while rocks.len() < COUNT {
        let distance = WALL_FROM_M * random.next().powf(0.6);
        let (sin, cos) = (std::f32::consts::TAU * random.next()).sin_cos();
        let radius = SMALLEST_M + (LARGEST_M - SMALLEST_M) * random.next().powi(5);
        let rock = Rock {
            x: distance * cos,
            y: distance * sin,
            radius,
            height: radius * (0.6 + 0.8 * random.next()),
            seed: seed.wrapping_add(1000 + rocks.len() as u32),
        };
        let free = |[x, y, kept]: &[f32; 3]| (rock.x - x).hypot(rock.y - y) > kept + radius;
        if kept_free.iter().all(free) {
            rocks.push(rock);
        }
    }
    rocks
}

impl Rock {
    /// Raises the ground where the rock is.
    pub(super) fn place(&self, heights: &mut [f32], rock: &mut [f32]) {
        let reach = self.radius * 1.3;
        let around = |middle: f32| {
            let first = (cells(middle - reach).max(0.0)) as usize;
            let last = (cells(middle + reach) as usize + 1).min(CELLS - 1);
            first..=last
        };
        let foot = heights[cells(self.y) as usize * CELLS + cells(self.x) as usize];
        for j in around(self.y) {
            for i in around(self.x) {
                let (x, y) = (metres(i) - self.x, metres(j) - self.y);
                let at = j * CELLS + i;
                let above = self.above(x, y);
                let top = foot - 0.1 * self.height + above;
                if above > 0.0 && top > heights[at] {
                    heights[at] = top;
                    rock[at] = smooth(above / CELL_M + 0.4);
                }
            }
        }
    }

    /// How high it stands at a place, from its own middle: a flattened ball with edges.
    fn above(&self, x: f32, y: f32) -> f32 {
        let scale = 1.6 / self.radius;
        let rough = 1.0 + 0.38 * fractal(self.seed, x * scale, y * scale, 2);
        let from_middle = x.hypot(y) / (self.radius * rough);
        let facets = 1.0 + 0.22 * fractal(self.seed + 5, x * scale * 1.9, y * scale * 1.9, 2);
        (1.0 - from_middle.powi(3)).max(0.0).powf(0.7) * self.height * facets
    }
}
