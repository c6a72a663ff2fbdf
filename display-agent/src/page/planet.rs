//! Mars, drawn rather than photographed: the ground of pages that have no picture.

use super::canvas::{self, Canvas, Colour, ease};

const CENTRE: (f32, f32) = (268.0, 316.0);
const RADIUS: f32 = 172.0;
/// Where the sun stands, from the middle of the planet; of length one.
const SUN: (f32, f32, f32) = (-0.66, -0.58, 0.48);
const SPACE_TOP: Colour = [14, 9, 14];
const SPACE_BOTTOM: Colour = [34, 15, 14];
const DUST: Colour = [222, 138, 84];
const ROCK: Colour = [122, 54, 34];
const GLOW: Colour = [255, 176, 120];
/// One place in so many has a star.
const STARS: u32 = 900;

/// A dark sky with the limb of Mars rising from the lower right corner.
pub(super) fn backdrop() -> Canvas {
    Canvas::painted(|x, y| {
        let (dx, dy) = (
            (x as f32 - CENTRE.0) / RADIUS,
            (y as f32 - CENTRE.1) / RADIUS,
        );
        let distance = dx.hypot(dy);
        let sky = sky(x, y, distance);
        if distance >= 1.0 + 1.0 / RADIUS {
            return sky;
        }
        // The last pixel of the limb is partly sky.
        mix(
            sky,
            ground(dx, dy, distance.min(1.0)),
            (1.0 - distance) * RADIUS + 1.0,
        )
    })
}

fn sky(x: u32, y: u32, distance: f32) -> Colour {
    let space = mix(SPACE_TOP, SPACE_BOTTOM, y as f32 / 240.0);
    let luck = scatter(x as i32, y as i32);
    let starry = if luck.is_multiple_of(STARS) {
        mix(
            space,
            [255, 244, 230],
            0.25 + (luck / STARS % 100) as f32 / 140.0,
        )
    } else {
        space
    };
    // The air glows over the lit edge and fades within a few pixels.
    mix(
        starry,
        GLOW,
        0.5 * (-(distance - 1.0).max(0.0) * 26.0).exp(),
    )
}

fn ground(dx: f32, dy: f32, distance: f32) -> Colour {
    let dz = (1.0 - distance * distance).max(0.0).sqrt();
    let light = (dx * SUN.0 + dy * SUN.1 + dz * SUN.2).max(0.0);
    // Bands run a little askew, as the planet's axis does.
    let (u, v) = (dx * 2.4 + dy * 0.9, dy * 5.2 - dx * 1.6);
    let texture = 0.55 * noise(u * 1.3, v * 0.8)
        + 0.3 * noise(u * 4.0, v * 3.0)
        + 0.15 * noise(u * 11.0, v * 9.0);
    let surface = mix(ROCK, DUST, (texture * 1.5 - 0.2).clamp(0.0, 1.0));
    let lit = mix([10, 5, 6], surface, 0.05 + 0.95 * light.powf(0.8));
    mix(lit, GLOW, 0.45 * light * distance.powi(14))
}

/// Smooth noise in [0, 1].
fn noise(x: f32, y: f32) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let (u, v) = (ease(x - x0), ease(y - y0));
    let at = |i: i32, j: i32| (scatter(x0 as i32 + i, y0 as i32 + j) % 1024) as f32 / 1023.0;
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * u;
    let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * u;
    top + (bottom - top) * v
}

/// The same number for the same place, and no pattern to the eye.
fn scatter(x: i32, y: i32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    for shift in [15, 13, 16] {
        h = (h ^ (h >> shift)).wrapping_mul(0x2C1B_3C6D);
    }
    h ^ (h >> 15)
}

fn mix(from: Colour, to: Colour, part: f32) -> Colour {
    canvas::mix(from, to, (part.clamp(0.0, 1.0) * 255.0) as u8)
}
