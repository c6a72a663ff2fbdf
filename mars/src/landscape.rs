//! The drawn picture for a station that has none from Mars yet: a small sun going down behind
//! layered ridges, in its blue glow as dust makes it there, and dunes in the last light.
//!
//! Always the same, pixel for pixel, and it says in the picture that it is drawn.

use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::FONT_6X10;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::text::{Alignment, Text};
use image::{Rgb, RgbImage};

use super::noise::{Colour, fractal, mix, noise, random, smooth};
use super::picture::{self, HEIGHT, WIDTH};

/// What the picture says about itself, below where a display writes its own lines.
const LABEL: &str = "Drawn, not photographed: no picture from Mars yet";
/// Drawn this many times larger, then reduced: smooth crests without any code for them.
const FINENESS: u32 = 2;

/// The picture in the screen's size.
pub(super) fn draw() -> RgbImage {
    let scene = Scene::new();
    let (width, height) = (WIDTH * FINENESS, HEIGHT * FINENESS);
    let columns = (0..width).map(|x| scene.column((x as f32 + 0.5) / width as f32));
    let columns: Vec<_> = columns.collect();
    let large = RgbImage::from_fn(width, height, |x, y| {
        let y = (y as f32 + 0.5) / height as f32;
        let colour = scene.colour(&columns[x as usize], y);
        Rgb(colour.map(|value| value.clamp(0.0, 255.0) as u8))
    });
    let mut picture = picture::fit(&large);
    label(&mut picture);
    picture
}

/// Where the sun stands; both 0 to 1 from the upper left corner, as all places in the scene.
const SUN: (f32, f32) = (0.69, 0.50);
/// The sun looks two thirds of the size it has on Earth.
const SUN_RADIUS: f32 = 0.017;
const HORIZON: f32 = 0.60;
const ASPECT: f32 = WIDTH as f32 / HEIGHT as f32;

/// A line of hills, one colour, paler the further away.
struct Ridge {
    base: f32,
    height: f32,
    roughness: f32,
    seed: u32,
    colour: Colour,
}

/// A dune: a crest line, a lit and a shaded side.
struct Dune {
    base: f32,
    swing: f32,
    length: f32,
    phase: f32,
    light: Colour,
    shade: Colour,
}

struct Scene {
    ridges: [Ridge; 5],
    dunes: [Dune; 3],
}

impl Scene {
    fn new() -> Self {
        let ridge = |base, height, roughness, seed, colour| Ridge {
            base,
            height,
            roughness,
            seed,
            colour,
        };
        let dune = |base, swing, length, phase, light, shade| Dune {
            base,
            swing,
            length,
            phase,
            light,
            shade,
        };
        Self {
            ridges: [
                ridge(0.575, 0.075, 3.0, 11, [176.0, 128.0, 112.0]),
                ridge(0.600, 0.100, 2.4, 23, [150.0, 100.0, 86.0]),
                ridge(0.625, 0.090, 3.6, 37, [124.0, 76.0, 64.0]),
                ridge(0.655, 0.080, 3.0, 53, [99.0, 57.0, 47.0]),
                ridge(0.690, 0.060, 4.5, 71, [77.0, 42.0, 35.0]),
            ],
            dunes: [
                dune(
                    0.715,
                    0.030,
                    1.30,
                    0.4,
                    [186.0, 104.0, 66.0],
                    [84.0, 43.0, 37.0],
                ),
                dune(
                    0.790,
                    0.045,
                    0.95,
                    2.3,
                    [168.0, 88.0, 54.0],
                    [66.0, 32.0, 30.0],
                ),
                dune(
                    0.890,
                    0.055,
                    0.75,
                    4.4,
                    [142.0, 70.0, 43.0],
                    [48.0, 23.0, 24.0],
                ),
            ],
        }
    }

    fn column(&self, x: f32) -> Column {
        Column {
            x,
            ridges: self.ridges.each_ref().map(|ridge| ridge.crest(x)),
            dunes: self
                .dunes
                .each_ref()
                .map(|dune| (dune.crest(x), dune.lit(x))),
        }
    }

    /// The nearest thing that stands there: a dune, else a ridge, else the sky.
    fn colour(&self, column: &Column, y: f32) -> Colour {
        let x = column.x;
        for (dune, (crest, lit)) in self.dunes.iter().zip(column.dunes).rev() {
            if y > crest {
                return dune.colour(x, y - crest, lit);
            }
        }
        for (ridge, crest) in self.ridges.iter().zip(column.ridges).rev() {
            if y > crest {
                return ridge.colour(x, y, crest);
            }
        }
        sky(x, y)
    }
}

/// What is the same for all pixels of a column.
struct Column {
    x: f32,
    ridges: [f32; 5],
    /// Each dune's crest, and how much of the sun its side gets there.
    dunes: [(f32, f32); 3],
}

const HAZE: Colour = [188.0, 132.0, 104.0];
const SUNLIT: Colour = [214.0, 196.0, 190.0];

fn sky(x: f32, y: f32) -> Colour {
    const ZENITH: Colour = [46.0, 36.0, 45.0];
    const MIDDLE: Colour = [126.0, 86.0, 74.0];
    const LOW: Colour = [206.0, 152.0, 116.0];
    const BLUE: Colour = [150.0, 178.0, 206.0];
    const WHITE: Colour = [250.0, 250.0, 246.0];
    let height = (y / HORIZON).min(1.0);
    let mut colour = mix(ZENITH, MIDDLE, smooth(0.0, 0.62, height));
    colour = mix(colour, LOW, smooth(0.45, 1.0, height));
    let veil = (noise(x * 2.0 + y * 9.0, y * 26.0, 5) - 0.5) * 14.0 * smooth(0.15, 0.6, height);
    colour = colour.map(|value| value + veil);
    // Fine dust scatters blue forward, so Mars has its blue round the sun.
    colour = mix(colour, BLUE, glow(x, y, 0.26) * 0.85);
    colour = mix(colour, WHITE, glow(x, y, 0.055) * 0.8);
    let distance = from_sun(x, y);
    colour = mix(
        colour,
        WHITE,
        1.0 - smooth(SUN_RADIUS * 0.88, SUN_RADIUS * 1.12, distance),
    );
    let star = star(x, y) * (1.0 - smooth(0.1, 0.42, height));
    mix(colour, WHITE, star)
}

/// A few points in the upper sky, one to a cell of a coarse grid and in few of the cells.
fn star(x: f32, y: f32) -> f32 {
    const CELLS: f32 = 22.0;
    let (across, down) = ((x * CELLS * ASPECT).floor(), (y * CELLS).floor());
    let cell = (across as i32, down as i32);
    if random(cell.0, cell.1, 95) < 0.88 {
        return 0.0;
    }
    let at_x = (across + 0.2 + 0.6 * random(cell.0, cell.1, 92)) / (CELLS * ASPECT);
    let at_y = (down + 0.2 + 0.6 * random(cell.0, cell.1, 93)) / CELLS;
    let distance = ((x - at_x) * ASPECT).hypot(y - at_y);
    let bright = 0.35 + 0.6 * random(cell.0, cell.1, 94);
    bright * (1.0 - smooth(0.0012, 0.0040, distance))
}

fn from_sun(x: f32, y: f32) -> f32 {
    ((x - SUN.0) * ASPECT).hypot(y - SUN.1)
}

/// 1 at the sun, fading over `reach` heights of the picture.
fn glow(x: f32, y: f32, reach: f32) -> f32 {
    (-(from_sun(x, y) / reach).powi(2)).exp()
}

impl Ridge {
    /// Mesas rather than peaks: tops are pressed flat, flanks are steep.
    fn crest(&self, x: f32) -> f32 {
        let hills = fractal(x * self.roughness, self.seed);
        let pressed = smooth(0.25, 0.75, hills);
        let fine = (fractal(x * self.roughness * 9.0, self.seed + 1) - 0.5) * 0.07;
        self.base - self.height * (pressed + fine)
    }

    /// Dust lies in the valleys: each ridge fades towards its foot.
    fn colour(&self, x: f32, y: f32, crest: f32) -> Colour {
        let foot = smooth(0.0, 0.11, y - crest) * 0.35;
        let glow = glow(x, y, 0.30) * 0.30;
        mix(mix(self.colour, HAZE, foot), SUNLIT, glow)
    }
}

impl Dune {
    /// 0 to 1: the side that falls away from the sun is dark.
    fn lit(&self, x: f32) -> f32 {
        const RISE: f32 = 0.004;
        let slope = (self.crest(x + RISE) - self.crest(x - RISE)) / (2.0 * RISE);
        let facing = slope * ((x - SUN.0) * 4.0).clamp(-1.0, 1.0);
        smooth(-0.30, 0.35, facing)
    }

    fn crest(&self, x: f32) -> f32 {
        let turn = x / self.length * std::f32::consts::TAU + self.phase;
        self.base + self.swing * (turn.sin() + 0.35 * (2.0 * turn + 1.1).sin())
    }

    /// Light comes over the crest and fades below it.
    fn colour(&self, x: f32, below: f32, lit: f32) -> Colour {
        let lit = lit * (1.0 - 0.72 * smooth(0.0, 0.20, below));
        let bend = noise(x * 5.0, below * 18.0, 7) * 2.4;
        let depth = (below + 0.015).ln() * 15.0;
        let ripple = (depth * 2.1 + x * 16.0 + bend).sin();
        let ripple = ripple * 0.10 * smooth(0.004, 0.05, below);
        let grain = (noise(x * 420.0, below * 420.0, 9) - 0.5) * 9.0;
        let rim = (1.0 - smooth(0.0, 0.007, below)) * 0.34 * (0.35 + glow(x, SUN.1, 0.45));
        let colour = mix(self.shade, self.light, (lit + ripple).clamp(0.0, 1.0));
        mix(colour, SUNLIT, rim).map(|value| value + grain)
    }
}

fn label(picture: &mut RgbImage) {
    const BAND: u32 = 15;
    for y in HEIGHT - BAND..HEIGHT {
        for x in 0..WIDTH {
            let pixel = picture.get_pixel_mut(x, y);
            pixel.0 = pixel.0.map(|value| value / 3);
        }
    }
    let style = MonoTextStyle::new(&FONT_6X10, Rgb888::new(236, 208, 184));
    let at = Point::new(WIDTH as i32 / 2, HEIGHT as i32 - 5);
    let text = Text::with_alignment(LABEL, at, style, Alignment::Center);
    text.draw(&mut Canvas(picture))
        .unwrap_or_else(|never| match never {});
}

/// The picture as something text can be drawn on.
struct Canvas<'a>(&'a mut RgbImage);

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = std::convert::Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Self::Error>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(at, colour) in pixels {
            let inside = u32::try_from(at.x).ok().zip(u32::try_from(at.y).ok());
            if let Some(pixel) = inside.and_then(|(x, y)| self.0.get_pixel_mut_checked(x, y)) {
                pixel.0 = [colour.r(), colour.g(), colour.b()];
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_landscape_is_always_the_same_and_says_that_it_is_drawn() {
        let picture = draw();
        assert_eq!(picture.dimensions(), (WIDTH, HEIGHT));
        assert_eq!(picture, draw());
        let band = (0..WIDTH).map(|x| picture.get_pixel(x, HEIGHT - 9).0[0]);
        let (dark, bright) = band.fold((0, 0), |(dark, bright), value| match value {
            0..=90 => (dark + 1, bright),
            180..=255 => (dark, bright + 1),
            _ => (dark, bright),
        });
        assert!(
            dark > 100 && bright > 20,
            "text on a dark band: {dark} dark, {bright} bright"
        );
        assert!(picture::merit(&picture).fair);
    }
}
