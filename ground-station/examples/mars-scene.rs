//! Draws the large picture that stands in for a rover's in `docs/mars/` and in the tests: a stony
//! plain at noon before distant mesas. Not a photograph, and not NASA's.
//!
//! `cargo run --release -p ground-station --example mars-scene -- docs/mars/before.jpg`

use std::error::Error;
use std::fs::File;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

/// The size of a Mastcam-Z frame, less a quarter.
const WIDTH: u32 = 1236;
const HEIGHT: u32 = 900;
const QUALITY: u8 = 82;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("give the path of the JPEG to write")?;
    let picture = scene();
    JpegEncoder::new_with_quality(File::create(path)?, QUALITY).encode_image(&picture)?;
    Ok(())
}

type Colour = [f32; 3];

/// Light comes from the upper left, a little from behind the viewer.
const SUN: [f32; 3] = [-0.55, 0.62, -0.56];
const HORIZON: f32 = 0.36;
/// Height of the camera over the ground, in metres, and how much it sees.
const MAST: f32 = 2.0;
const LENS: f32 = 1.05;
/// The colour of far things.
const DUST: Colour = [206.0, 176.0, 140.0];

fn scene() -> RgbImage {
    let mut canvas = Canvas {
        pixels: vec![[0.0; 3]; (WIDTH * HEIGHT) as usize],
    };
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (across, down) = (x as f32 / HEIGHT as f32, y as f32 / HEIGHT as f32);
            canvas.set(x, y, background(across, down));
        }
    }
    for stone in stones() {
        stone.shadow(&mut canvas);
        stone.draw(&mut canvas);
    }
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let grain = (random(x as i32, y as i32, 3) - 0.5) * 5.0;
        let vignette = 1.0 - 0.16 * from_centre(x, y);
        Rgb(canvas
            .get(x, y)
            .map(|value| ((value + grain) * vignette).clamp(0.0, 255.0) as u8))
    })
}

fn from_centre(x: u32, y: u32) -> f32 {
    let across = x as f32 / WIDTH as f32 - 0.5;
    let down = y as f32 / HEIGHT as f32 - 0.5;
    (across * across + down * down) * 2.0
}

struct Canvas {
    pixels: Vec<Colour>,
}

impl Canvas {
    fn get(&self, x: u32, y: u32) -> Colour {
        self.pixels[(y * WIDTH + x) as usize]
    }

    fn set(&mut self, x: u32, y: u32, colour: Colour) {
        self.pixels[(y * WIDTH + x) as usize] = colour;
    }
}

fn background(x: f32, y: f32) -> Colour {
    let mut colour = sky(x, y);
    let mesas = [
        (0.345, 0.085, 2.1, 5, [178.0, 140.0, 112.0]),
        (0.352, 0.055, 3.4, 17, [160.0, 114.0, 88.0]),
        (0.362, 0.030, 5.0, 31, [146.0, 96.0, 70.0]),
    ];
    for (base, height, roughness, seed, paint) in mesas {
        let fine = 0.12 * (fractal2(x * roughness * 8.0, 0.7, seed + 3, 4) - 0.5);
        let pressed = smooth(0.40, 0.66, fractal2(x * roughness, 0.3, seed, 6));
        let crest = base - height * pressed * (1.0 + fine);
        if y > crest {
            let layers = fractal2(x * 3.0, (y - crest) * 160.0, seed + 7, 4);
            let gullies = fractal2(x * 70.0, (y - crest) * 14.0, seed + 9, 4);
            let light = 0.80 + 0.22 * layers + 0.22 * gullies;
            colour = mix(paint.map(|value| value * light), DUST, 0.30);
        }
    }
    if y > HORIZON { ground(x, y) } else { colour }
}

fn sky(x: f32, y: f32) -> Colour {
    let height = y / HORIZON;
    let veil = fractal2(x * 2.0, y * 9.0, 71, 4) * 10.0 - 5.0;
    mix(
        [160.0, 132.0, 104.0],
        [214.0, 188.0, 152.0],
        smooth(0.0, 1.0, height),
    )
    .map(|it| it + veil)
}

/// The plain: where the line of sight meets it, roughened and lit.
fn ground(x: f32, y: f32) -> Colour {
    let far = MAST / ((y - HORIZON) * LENS).max(1e-4);
    let (east, north) = ((x - 0.69) * far * LENS, far);
    let bump = |east: f32, north: f32| {
        let waves = (north * 2.2 + fractal2(east * 0.35, north * 0.35, 41, 3) * 9.0).sin();
        fractal2(east * 0.8, north * 0.8, 43, 4) * 0.50
            + fractal2(east * 7.0, north * 7.0, 45, 4) * 0.075
            + waves * 0.030 * smooth(0.45, 0.62, fractal2(east * 0.13, north * 0.13, 47, 3))
    };
    let step = 0.012 * far.max(0.5);
    let here = bump(east, north);
    let slope_east = (bump(east + step, north) - here) / step;
    let slope_north = (bump(east, north + step) - here) / step;
    let light = lit(unit([-slope_east, 1.0, -slope_north]));
    let sand = [188.0, 130.0, 92.0];
    let bedrock = [172.0, 134.0, 106.0];
    let dark = [120.0, 78.0, 58.0];
    let mut paint = mix(
        sand,
        bedrock,
        smooth(0.50, 0.60, fractal2(east * 0.5, north * 0.22, 49, 5)),
    );
    paint = mix(
        paint,
        dark,
        0.75 * smooth(0.56, 0.70, fractal2(east * 0.9, north * 0.5, 51, 5)),
    );
    let shaded = paint.map(|value| value * light);
    mix(shaded, DUST, 0.85 * smooth(4.0, 130.0, far))
}

struct Stone {
    x: f32,
    y: f32,
    radius: f32,
    flat: f32,
    seed: u32,
    paint: Colour,
    far: f32,
}

/// Many pebbles and a few boulders, the furthest first.
fn stones() -> Vec<Stone> {
    const COUNT: i32 = 2600;
    let mut stones: Vec<_> = (0..COUNT).filter_map(stone).collect();
    stones.sort_by(|one, other| other.far.total_cmp(&one.far));
    stones
}

fn stone(number: i32) -> Option<Stone> {
    let roll = |seed| random(number, 7, seed);
    let far = 2.6 + 46.0 * roll(61).powf(1.7);
    let east = (roll(62) - 0.5) * 2.4 * far;
    let drift = fractal2(east * 0.3, far * 0.3, 63, 3);
    if drift < 0.47 {
        return None;
    }
    let metres = 0.020 + 0.26 * roll(64).powf(11.0) + 0.05 * roll(65).powf(3.0);
    let paint = mix([126.0, 92.0, 74.0], [186.0, 138.0, 104.0], roll(66));
    Some(Stone {
        x: east / (far * LENS) + 0.69,
        y: HORIZON + MAST / (far * LENS),
        radius: metres / (far * LENS),
        flat: 0.55 + 0.3 * roll(67),
        seed: 1000 + number as u32 * 3,
        paint: mix(paint, [96.0, 88.0, 86.0], 0.5 * roll(68)),
        far,
    })
}

impl Stone {
    /// The dark ellipse that the stone throws to the right and towards the viewer.
    fn shadow(&self, canvas: &mut Canvas) {
        let reach = self.radius * 2.6;
        let depth = (self.radius * 0.36).max(1e-4);
        self.each_pixel(canvas, reach, |canvas, x, y, across, down| {
            let along = (across - self.radius * 0.75) / (self.radius * 1.7);
            let aside = (down - self.radius * 0.10) / depth;
            let dark = 1.0 - smooth(0.55, 1.0, along.hypot(aside));
            let fade = 0.62 * (1.0 - smooth(6.0, 60.0, self.far) * 0.7);
            let ground = canvas.get(x, y);
            let shade = [ground[0] * 0.36, ground[1] * 0.34, ground[2] * 0.38];
            canvas.set(
                x,
                y,
                mix(ground, shade, dark * fade * 1.4_f32.min(1.0 / fade)),
            );
        });
    }

    /// A lump with facets: a ball, dented by noise.
    fn draw(&self, canvas: &mut Canvas) {
        self.each_pixel(canvas, self.radius * 1.3, |canvas, x, y, across, down| {
            let (u, v) = (across / self.radius, -down / (self.radius * self.flat));
            let angle = v.atan2(u);
            let outline = 0.74
                + 0.52
                    * (fractal2(
                        angle.cos() * 1.3 + 9.0,
                        angle.sin() * 1.3 + 9.0,
                        self.seed,
                        4,
                    ) - 0.5);
            let edge = u.hypot(v + 0.1) / outline;
            let solid = 1.0
                - smooth(
                    1.0 - 1.2 / (self.radius * HEIGHT as f32).max(1.3),
                    1.0,
                    edge,
                );
            // Sand lies against the foot.
            let foot =
                -0.62 + 0.30 * u * u + 0.16 * (fractal2(u * 3.0, 0.5, self.seed + 5, 3) - 0.5);
            let solid = solid * smooth(foot - 0.05, foot + 0.05, v);
            if solid <= 0.0 {
                return;
            }
            let facet = |seed| fractal2(u * 2.1 + 5.0, v * 2.1 + 5.0, self.seed + seed, 3) - 0.5;
            let rise = (1.0 - (edge * edge).min(1.0)).sqrt();
            let normal = unit([u + 1.9 * facet(1), v + 0.15 + 1.9 * facet(2), -rise - 0.2]);
            let rough = 0.86 + 0.30 * fractal2(u * 9.0, v * 9.0, self.seed + 2, 3);
            let dusty = 0.35 * smooth(0.2, 0.9, normal[1]);
            let paint = mix(self.paint, [198.0, 138.0, 94.0], dusty);
            let light = lit(normal) * rough;
            let shaded = mix(
                paint.map(|it| it * light),
                DUST,
                0.8 * smooth(6.0, 110.0, self.far),
            );
            canvas.set(x, y, mix(canvas.get(x, y), shaded, solid));
        });
    }

    /// Calls `paint` for the pixels within `reach`, with their distance from the stone's middle.
    fn each_pixel(
        &self,
        canvas: &mut Canvas,
        reach: f32,
        paint: impl Fn(&mut Canvas, u32, u32, f32, f32),
    ) {
        let size = HEIGHT as f32;
        let from = |middle: f32| ((middle - reach) * size).max(0.0) as u32;
        let to =
            |middle: f32, end: u32| (((middle + reach) * size).ceil().max(0.0) as u32).min(end);
        for y in from(self.y)..to(self.y, HEIGHT) {
            for x in from(self.x)..to(self.x, WIDTH) {
                let across = (x as f32 + 0.5) / size - self.x;
                let down = (y as f32 + 0.5) / size - self.y + self.radius * self.flat * 0.4;
                paint(canvas, x, y, across, down);
            }
        }
    }
}

/// How bright a surface is: the sun, and the dusty sky that fills shadows.
fn lit(normal: [f32; 3]) -> f32 {
    let sun = unit(SUN);
    let facing = (0..3)
        .map(|axis| normal[axis] * sun[axis])
        .sum::<f32>()
        .max(0.0);
    0.36 + 0.16 * normal[1].max(0.0) + 0.78 * facing
}

fn unit(vector: [f32; 3]) -> [f32; 3] {
    let length = vector
        .iter()
        .map(|it| it * it)
        .sum::<f32>()
        .sqrt()
        .max(1e-6);
    vector.map(|it| it / length)
}

fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    std::array::from_fn(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn random(x: i32, y: i32, seed: u32) -> f32 {
    let mut hash = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    hash ^= seed.wrapping_mul(0xc2b2_ae3d);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    hash = (hash ^ (hash >> 12)).wrapping_mul(0x297a_2d39);
    (hash ^ (hash >> 15)) as f32 / u32::MAX as f32
}

fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (smooth(0.0, 1.0, x - left), smooth(0.0, 1.0, y - top));
    let (left, top) = (left as i32, top as i32);
    let row = |y| {
        let here = random(left, y, seed);
        here + (random(left + 1, y, seed) - here) * across
    };
    row(top) + (row(top + 1) - row(top)) * down
}

/// Noise at several scales, each half as strong as the one before, 0 to 1.
fn fractal2(x: f32, y: f32, seed: u32, scales: u32) -> f32 {
    let (mut sum, mut whole, mut weight, mut finer) = (0.0, 0.0, 1.0, 1.0);
    for scale in 0..scales {
        sum += noise(x * finer, y * finer, seed + scale * 101) * weight;
        whole += weight;
        weight *= 0.5;
        finer *= 2.03;
    }
    sum / whole
}
