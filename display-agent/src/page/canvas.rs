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

pub(super) const BLACK: Colour = [0, 0, 0];

/// The pixels, row by row.
pub(super) struct Canvas {
    pub(super) pixels: Vec<Colour>,
}

impl Canvas {
    /// A picture as the ground of a page.
    pub(super) fn over(picture: &Picture) -> Self {
        Self {
            pixels: picture.rgb().as_chunks::<3>().0.to_vec(),
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

/// From 0 to 1 without corners.
fn ease(way: f32) -> f32 {
    let way = way.clamp(0.0, 1.0);
    way * way * (3.0 - 2.0 * way)
}

/// Where the pixel is in its row of rows; none outside.
pub(super) fn place(x: i32, y: i32) -> Option<usize> {
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
