//! The sky: butterscotch at the horizon, darker above, bright around the sun, with hills far
//! away.

use std::f32::consts::TAU;

use crate::color::Yuv;
use crate::noise::{fractal, smooth};
use crate::terrain::SUN;

/// What distance turns everything to.
pub(super) const HAZE: Yuv = Yuv::rgb(0.80, 0.60, 0.46);
const ZENITH: Yuv = Yuv::rgb(0.46, 0.35, 0.30);
const HILLS: Yuv = Yuv::rgb(0.62, 0.42, 0.31);
const SUNLIGHT: Yuv = Yuv::rgb(0.97, 0.95, 0.93);

/// Upward as a tangent: where the sky has become dark, and how high hills are at most.
const DARK: f32 = 0.9;
const HILLS_HIGH: f32 = 0.16;

/// Of the glow around the sun, in squared radians.
const GLOW: f32 = 0.02;

/// Pixels of the panorama for a whole turn, and for a tangent of one upward.
const AROUND: usize = 2048;
const PER_TANGENT: f32 = 400.0;
/// Its lowest and its highest row, as tangents.
const LOWEST: f32 = -0.25;
const ROWS: usize = 640;

/// A panorama, column by column from its lowest row.
#[derive(Clone)]
pub(super) struct Sky {
    pixels: Vec<[u8; 3]>,
}

/// The sky in one direction, upward.
pub(super) struct SkyColumn<'a>(&'a [[u8; 3]]);

impl Sky {
    pub(super) fn new(seed: u32) -> Self {
        let mut pixels = Vec::with_capacity(AROUND * ROWS);
        for column in 0..AROUND {
            let azimuth = column as f32 / AROUND as f32 * TAU;
            let hills = hills(seed, azimuth);
            let row = |row| color(azimuth, row as f32 / PER_TANGENT + LOWEST, hills).bytes();
            pixels.extend((0..ROWS).map(row));
        }
        Self { pixels }
    }

    pub(super) fn column(&self, azimuth: f32) -> SkyColumn<'_> {
        let column = (azimuth.rem_euclid(TAU) / TAU * AROUND as f32) as usize % AROUND;
        SkyColumn(&self.pixels[column * ROWS..(column + 1) * ROWS])
    }
}

impl SkyColumn<'_> {
    /// At a height over the horizon, as a tangent.
    pub(super) fn color(&self, up: f32) -> [u8; 3] {
        let row = ((up - LOWEST) * PER_TANGENT).max(0.0) as usize;
        self.0[row.min(ROWS - 1)]
    }
}

/// How high the hills are in one direction, as a tangent.
fn hills(seed: u32, azimuth: f32) -> f32 {
    let (sin, cos) = azimuth.sin_cos();
    let profile = fractal(seed + 40, cos * 4.0 + 9.0, sin * 4.0 + 9.0, 5);
    HILLS_HIGH * (0.5 + 0.7 * profile)
}

fn color(azimuth: f32, up: f32, hills: f32) -> Yuv {
    let [x, y, z] = SUN;
    let (sin, cos) = (azimuth - y.atan2(x)).sin_cos();
    let from_sun = sin.atan2(cos).powi(2) + (up - z / x.hypot(y)).powi(2);
    if up < hills {
        // Dust is thickest at their foot.
        return HILLS.mix(HAZE, 0.75 - 0.5 * (up / hills).clamp(0.0, 1.0));
    }
    let glow = GLOW / (GLOW + from_sun);
    HAZE.mix(ZENITH, smooth(up / DARK)).mix(SUNLIGHT, glow)
}
