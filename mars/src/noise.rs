//! Numbers that look random and are always the same, and the blends that landscapes are made of.

/// Red, green and blue, 0 to 255.
pub(super) type Colour = [f32; 3];

pub(super) fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    std::array::from_fn(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

/// 0 below `from`, 1 above `to`, an even curve between.
pub(super) fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A number from 0 to 1 that depends on nothing but its arguments.
pub(super) fn random(x: i32, y: i32, seed: u32) -> f32 {
    let mut hash = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    hash ^= seed.wrapping_mul(0xc2b2_ae3d);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    hash = (hash ^ (hash >> 12)).wrapping_mul(0x297a_2d39);
    (hash ^ (hash >> 15)) as f32 / u32::MAX as f32
}

/// Random values at whole places, smooth between them.
pub(super) fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (smooth(0.0, 1.0, x - left), smooth(0.0, 1.0, y - top));
    let (left, top) = (left as i32, top as i32);
    let row = |y| {
        let here = random(left, y, seed);
        here + (random(left + 1, y, seed) - here) * across
    };
    row(top) + (row(top + 1) - row(top)) * down
}

/// Noise in one direction at five scales, each half as strong as the one before.
pub(super) fn fractal(x: f32, seed: u32) -> f32 {
    const SCALES: u32 = 5;
    let mut sum = 0.0;
    for scale in 0..SCALES {
        let finer = (1 << scale) as f32;
        sum += noise(x * finer, 0.5, seed + scale * 101) / finer;
    }
    sum / 1.9375
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_steady_smooth_and_within_its_range() {
        for step in 0..2000 {
            let x = step as f32 * 0.013 - 9.0;
            let here = noise(x, 0.4, 3);
            assert!((0.0..=1.0).contains(&here));
            assert!((0.0..=1.0).contains(&fractal(x, 3)));
            assert!((here - noise(x + 0.001, 0.4, 3)).abs() < 0.01, "at {x}");
        }
    }
}
