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

    /// Lays `colour` over one pixel, 255 being opaque. Places outside are ignored.
    pub(super) fn blend(&mut self, x: i32, y: i32, colour: Colour, alpha: u8) {
        if let Some(at) = place(x, y) {
            self.pixels[at] = mix(self.pixels[at], colour, alpha);
        }
    }

    /// Darkens rows `from..to`, from one strength to another along a smooth curve; full on the left,
    /// where the text is, and less to the right, where the picture should be seen.
    pub(super) fn shade(&mut self, from: u32, to: u32, strength: (f32, f32)) {
        let across: Vec<f32> = (0..WIDTH)
            .map(|x| 1.0 - 0.6 * ease((x as f32 / WIDTH as f32 - 0.45).max(0.0) / 0.55))
            .collect();
        for y in from..to.min(HEIGHT) {
            let down = ease((y - from) as f32 / (to - from).max(1) as f32);
            let alpha = (strength.0 + (strength.1 - strength.0) * down) * 255.0;
            let row = &mut self.pixels[(y * WIDTH) as usize..][..WIDTH as usize];
            for (pixel, across) in row.iter_mut().zip(&across) {
                *pixel = mix(*pixel, BLACK, (alpha * across) as u8);
            }
        }
    }

    /// Darkens rows `from..to` alike, from edge to edge.
    pub(super) fn dim(&mut self, from: u32, to: u32, alpha: u8) {
        for pixel in &mut self.pixels[(from * WIDTH) as usize..(to * WIDTH) as usize] {
            *pixel = mix(*pixel, BLACK, alpha);
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, x: i32, y: i32, width: i32, height: i32, colour: Colour) {
        for row in y..y + height {
            for column in x..x + width {
                self.blend(column, row, colour, 255);
            }
        }
    }

    /// A small filled disc with a soft edge.
    pub(super) fn disc(&mut self, x: f32, y: f32, radius: f32, colour: Colour) {
        let reach = radius.ceil() as i32 + 1;
        for row in y as i32 - reach..=y as i32 + reach {
            for column in x as i32 - reach..=x as i32 + reach {
                let distance = (column as f32 - x).hypot(row as f32 - y);
                let inside = (radius + 0.5 - distance).clamp(0.0, 1.0);
                self.blend(column, row, colour, (inside * 255.0) as u8);
            }
        }
    }

    /// Lays letters over everything, each with a soft shadow that holds them off any ground.
    pub(super) fn write(&mut self, ink: &Ink) {
        for (pixel, shadow) in self.pixels.iter_mut().zip(ink.shadow()) {
            *pixel = mix(*pixel, BLACK, shadow);
        }
        for (pixel, (coverage, colour)) in self.pixels.iter_mut().zip(&ink.marks) {
            *pixel = mix(*pixel, *colour, *coverage);
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

/// Letters of a page, before they are laid on it: how much of each pixel they cover, and in what colour.
pub(super) struct Ink {
    marks: Vec<(u8, Colour)>,
}

/// How dark the shadow is around a full letter, from right under it to three pixels away.
const SHADOW: [u16; 4] = [255, 230, 140, 51];
/// How dark the darkest shadow is.
const SHADOW_MOST: u16 = 204;

impl Ink {
    /// No letters yet.
    pub(super) fn new() -> Self {
        Self {
            marks: vec![(0, BLACK); (WIDTH * HEIGHT) as usize],
        }
    }

    /// One pixel of a letter; where two letters meet, the stronger one wins.
    pub(super) fn mark(&mut self, x: i32, y: i32, coverage: f32, colour: Colour) {
        let coverage = (coverage.clamp(0.0, 1.0) * 255.0).round() as u8;
        if let Some(at) = place(x, y)
            && coverage > self.marks[at].0
        {
            self.marks[at] = (coverage, colour);
        }
    }

    /// The letters' coverage, spread to both sides, then up and down.
    fn shadow(&self) -> Vec<u8> {
        let width = WIDTH as usize;
        let letters: Vec<u8> = self
            .marks
            .iter()
            .map(|(coverage, _)| scaled(*coverage, SHADOW_MOST))
            .collect();
        let mut wide = vec![0; letters.len()];
        for (from, to) in letters
            .chunks_exact(width)
            .zip(wide.chunks_exact_mut(width))
        {
            for (x, coverage) in from
                .iter()
                .enumerate()
                .filter(|(_, coverage)| **coverage > 0)
            {
                for near in x.saturating_sub(3)..(x + 4).min(width) {
                    to[near] = to[near].max(scaled(*coverage, SHADOW[x.abs_diff(near)]));
                }
            }
        }
        let mut tall = vec![0; letters.len()];
        for (y, from) in wide.chunks_exact(width).enumerate() {
            for near in y.saturating_sub(3)..(y + 4).min(HEIGHT as usize) {
                let to = &mut tall[near * width..][..width];
                let weight = SHADOW[y.abs_diff(near)];
                to.iter_mut()
                    .zip(from)
                    .for_each(|(to, from)| *to = (*to).max(scaled(*from, weight)));
            }
        }
        tall
    }
}

/// A part of a whole of 255.
fn scaled(value: u8, part: u16) -> u8 {
    ((u16::from(value) * part + 127) / 255) as u8
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

/// Part of the way from one colour to another, 255 being all of it.
pub(super) fn mix(from: Colour, to: Colour, part: u8) -> Colour {
    let (to_part, from_part) = (u32::from(part), 255 - u32::from(part));
    std::array::from_fn(|i| {
        ((u32::from(from[i]) * from_part + u32::from(to[i]) * to_part + 127) / 255) as u8
    })
}
