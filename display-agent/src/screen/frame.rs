//! One frame: 320×240 pixels in the panels' own format.

use std::convert::Infallible;
use std::fmt;

use embedded_graphics::pixelcolor::{Rgb565, Rgb888};
use embedded_graphics::prelude::*;

use crate::bitmap::{HEIGHT, WIDTH};

/// 320×240 pixels as panels want them: five bits red, six green, five blue.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    pixels: Box<[Rgb565]>,
}

impl Frame {
    /// All black.
    pub fn black() -> Self {
        Self {
            pixels: vec![Rgb565::BLACK; (WIDTH * HEIGHT) as usize].into(),
        }
    }

    /// Row by row from the top.
    pub fn pixels(&self) -> &[Rgb565] {
        &self.pixels
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({WIDTH}×{HEIGHT})")
    }
}

impl OriginDimensions for Frame {
    fn size(&self) -> Size {
        Size::new(WIDTH, HEIGHT)
    }
}

/// Pages are drawn in true colour; the frame rounds each pixel up or down in a fixed pattern, so that
/// skies and shades do not fall into bands.
impl DrawTarget for Frame {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(Point { x, y }, colour) in pixels {
            if (0..WIDTH as i32).contains(&x) && (0..HEIGHT as i32).contains(&y) {
                self.pixels[(y * WIDTH as i32 + x) as usize] = dithered(x, y, colour);
            }
        }
        Ok(())
    }
}

/// Bayer's 4×4 matrix.
const BAYER: [[u32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// A colour the panel has must come out as itself, though its true-colour form was rounded by half a
/// unit in 255: the thresholds stay that far (in 256ths of a step) clear of both ends.
fn dithered(x: i32, y: i32, colour: Rgb888) -> Rgb565 {
    let place = BAYER[(y & 3) as usize][(x & 3) as usize];
    let fewer = |channel: u8, most: u32, clear: u32| {
        let threshold = clear + place * ((256 - 2 * clear) / 15);
        ((u32::from(channel) * most * 256 + threshold * 255) / (255 * 256)) as u8
    };
    Rgb565::new(
        fewer(colour.r(), 31, 17),
        fewer(colour.g(), 63, 33),
        fewer(colour.b(), 31, 17),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_of_the_panel_stays_itself_and_others_are_right_on_average() {
        let mut frame = Frame::black();
        for green in 0..64 {
            let colour = Rgb565::new(green / 2, green, 31 - green / 2);
            frame.clear(Rgb888::from(colour)).unwrap();
            assert!(
                frame.pixels().iter().all(|pixel| *pixel == colour),
                "{colour:?}"
            );
        }
        frame.clear(Rgb888::WHITE).unwrap();
        assert!(frame.pixels().iter().all(|p| *p == Rgb565::WHITE));
        frame.clear(Rgb888::new(100, 100, 100)).unwrap();
        let square = (0..4).flat_map(|y| &frame.pixels()[y * 320..y * 320 + 4]);
        let sixteen: u32 = square.map(|pixel| u32::from(pixel.r())).sum();
        // Within an eighth of the panel's step.
        assert!(
            (sixteen * 255).abs_diff(100 * 31 * 16) <= 2 * 255,
            "{sixteen}"
        );
    }
}
