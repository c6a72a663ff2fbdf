//! A page in the making: 320×240 true-colour pixels that can be shaded and blended over.
//!
//! A panel cannot be read back, and legible letters over a photograph need what is under them; so a
//! page is composed here and goes to its target whole. Knows nothing of what is written.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;

use crate::bitmap::{HEIGHT, Picture, WIDTH};

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

const BLACK: Colour = [0, 0, 0];

/// The pixels, row by row.
pub(super) struct Canvas {
    pixels: Vec<Colour>,
}

impl Canvas {
    /// A picture as the ground of a page.
    pub(super) fn over(picture: &Picture) -> Self {
        Self {
            pixels: picture.rgb().as_chunks::<3>().0.to_vec(),
        }
    }

    /// Every pixel from its place.
    pub(super) fn painted(paint: impl Fn(u32, u32) -> Colour) -> Self {
        let places = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
        Self {
            pixels: places.map(|(x, y)| paint(x, y)).collect(),
        }
    }

    /// Lays `colour` over one pixel; `alpha` is in [0, 1]. Places outside are ignored.
    pub(super) fn blend(&mut self, x: i32, y: i32, colour: Colour, alpha: f32) {
        if let Some(at) = place(x, y) {
            self.pixels[at] = mix(self.pixels[at], colour, alpha);
        }
    }

    /// Darkens rows `from..to`, from one strength to another along a smooth curve; full on the left,
    /// where the text is, and less to the right, where the picture should be seen.
    pub(super) fn shade(&mut self, from: u32, to: u32, strength: (f32, f32)) {
        for y in from..to.min(HEIGHT) {
            let down = ease((y - from) as f32 / (to - from).max(1) as f32);
            let alpha = strength.0 + (strength.1 - strength.0) * down;
            for x in 0..WIDTH {
                let right = ease((x as f32 / WIDTH as f32 - 0.45).max(0.0) / 0.55);
                self.blend(x as i32, y as i32, BLACK, alpha * (1.0 - 0.6 * right));
            }
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, x: i32, y: i32, width: i32, height: i32, colour: Colour) {
        for row in y..y + height {
            for column in x..x + width {
                self.blend(column, row, colour, 1.0);
            }
        }
    }

    /// A small filled disc with a soft edge.
    pub(super) fn disc(&mut self, x: f32, y: f32, radius: f32, colour: Colour) {
        let reach = radius.ceil() as i32 + 1;
        for row in y as i32 - reach..=y as i32 + reach {
            for column in x as i32 - reach..=x as i32 + reach {
                let distance = (column as f32 - x).hypot(row as f32 - y);
                self.blend(
                    column,
                    row,
                    colour,
                    (radius + 0.5 - distance).clamp(0.0, 1.0),
                );
            }
        }
    }

    /// Lays letters over everything, each with a soft shadow that holds them off any ground.
    pub(super) fn write(&mut self, ink: &Ink) {
        for (at, shadow) in ink.shadow().into_iter().enumerate() {
            if shadow > 0.0 {
                self.pixels[at] = mix(self.pixels[at], BLACK, shadow);
            }
        }
        for (at, (coverage, colour)) in ink.marks.iter().enumerate() {
            if *coverage > 0.0 {
                self.pixels[at] = mix(self.pixels[at], *colour, *coverage);
            }
        }
    }

    /// Sends the finished page to its target.
    pub(super) fn send<D>(&self, target: &mut D) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        let whole = Rectangle::new(Point::zero(), Size::new(WIDTH, HEIGHT));
        let colours = self
            .pixels
            .iter()
            .map(|[r, g, b]| D::Color::from(Rgb888::new(*r, *g, *b)));
        target.fill_contiguous(&whole, colours)
    }
}

/// Letters of a page, before they are laid on it.
pub(super) struct Ink {
    marks: Vec<(f32, Colour)>,
}

/// How dark the shadow of a full letter is.
const SHADOW: f32 = 0.8;
/// How far the shadow reaches around a letter, in pixels.
const SHADOW_REACH: i32 = 3;

impl Ink {
    /// No letters yet.
    pub(super) fn new() -> Self {
        Self {
            marks: vec![(0.0, BLACK); (WIDTH * HEIGHT) as usize],
        }
    }

    /// One pixel of a letter.
    pub(super) fn mark(&mut self, x: i32, y: i32, coverage: f32, colour: Colour) {
        if let Some(at) = place(x, y)
            && coverage > self.marks[at].0
        {
            self.marks[at] = (coverage.min(1.0), colour);
        }
    }

    /// The letters' coverage, spread to both sides, then up and down.
    fn shadow(&self) -> Vec<f32> {
        let letters: Vec<f32> = self.marks.iter().map(|(coverage, _)| *coverage).collect();
        let wide = spread(&letters, |at, by| {
            let x = at as i32 % WIDTH as i32 + by;
            (0..WIDTH as i32)
                .contains(&x)
                .then(|| (at as i32 + by) as usize)
        });
        spread(&wide, |at, by| {
            let to = at as i32 + by * WIDTH as i32;
            (0..(WIDTH * HEIGHT) as i32)
                .contains(&to)
                .then_some(to as usize)
        })
        .into_iter()
        .map(|coverage| coverage * SHADOW)
        .collect()
    }
}

/// The strongest neighbour within reach, weaker the farther it is.
fn spread(from: &[f32], neighbour: impl Fn(usize, i32) -> Option<usize>) -> Vec<f32> {
    const WEIGHTS: [f32; SHADOW_REACH as usize + 1] = [1.0, 0.9, 0.55, 0.2];
    let mut to = vec![0.0_f32; from.len()];
    for (at, coverage) in from
        .iter()
        .enumerate()
        .filter(|(_, coverage)| **coverage > 0.0)
    {
        for by in -SHADOW_REACH..=SHADOW_REACH {
            if let Some(near) = neighbour(at, by) {
                to[near] = to[near].max(coverage * WEIGHTS[by.unsigned_abs() as usize]);
            }
        }
    }
    to
}

/// From 0 to 1 without corners.
pub(super) fn ease(way: f32) -> f32 {
    let way = way.clamp(0.0, 1.0);
    way * way * (3.0 - 2.0 * way)
}

fn place(x: i32, y: i32) -> Option<usize> {
    let inside = (0..WIDTH as i32).contains(&x) && (0..HEIGHT as i32).contains(&y);
    inside.then(|| (y * WIDTH as i32 + x) as usize)
}

/// Part of the way from one colour to another.
pub(super) fn mix(from: Colour, to: Colour, part: f32) -> Colour {
    let part = part.clamp(0.0, 1.0);
    std::array::from_fn(|i| {
        (f32::from(from[i]) + (f32::from(to[i]) - f32::from(from[i])) * part).round() as u8
    })
}
