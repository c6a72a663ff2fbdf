//! Value noise on a lattice: smooth, without a period, the same for the same seed everywhere.

/// A pseudo-random value of −1 to 1 for a point of the lattice.
fn lattice(seed: u32, x: i32, y: i32) -> f32 {
    let mut bits = seed
        .wrapping_add(x.cast_unsigned().wrapping_mul(0x9e37_79b1))
        .wrapping_add(y.cast_unsigned().wrapping_mul(0x85eb_ca77));
    // The finaliser of MurmurHash3.
    bits = (bits ^ bits >> 16).wrapping_mul(0x85eb_ca6b);
    bits = (bits ^ bits >> 13).wrapping_mul(0xc2b2_ae35);
    bits ^= bits >> 16;
    // 24 bits are what an f32 holds.
    (bits >> 8) as f32 / 8_388_608.0 - 1.0
}

/// Between the lattice's points, continuous in value and slope; −1 to 1.
pub(crate) fn value(seed: u32, x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (s, t) = (smooth(x - left), smooth(y - top));
    let (i, j) = (left as i32, top as i32);
    let row = |j| mix(lattice(seed, i, j), lattice(seed, i + 1, j), s);
    mix(row(j), row(j + 1), t)
}

/// Octaves of [`value`], each of twice the frequency and half the height of the one before;
/// about −1 to 1.
pub(crate) fn fractal(seed: u32, x: f32, y: f32, octaves: u32) -> f32 {
    let (mut sum, mut scale) = (0.0, 1.0_f32);
    for octave in 0..octaves {
        sum += value(seed.wrapping_add(octave), x * scale, y * scale) / scale;
        scale *= 2.0;
    }
    sum / 1.5
}

/// A sequence of pseudo-random numbers of 0 to 1.
pub(crate) struct Random {
    seed: u32,
    drawn: i32,
}

impl Random {
    pub(crate) fn new(seed: u32) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(crate) fn next(&mut self) -> f32 {
        self.drawn += 1;
        f32::midpoint(lattice(self.seed, self.drawn, 0), 1.0)
    }
}

/// 0 at 0, 1 at 1, level at both.
pub(crate) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

pub(crate) fn mix(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}
