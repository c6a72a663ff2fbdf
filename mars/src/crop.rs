//! Which part of a rover's frame is shown: without the sensor's black edges, in the screen's shape,
//! where there is most to see.
//!
//! Pure; knows no formats.

use image::RgbImage;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Raw frames come with black columns where the sensor is masked. At most this share of a side
/// is taken off, or a night picture would vanish.
const MAX_EDGE: f32 = 0.2;
/// A line whose pixels are all darker than this, of 255, shows nothing.
const BLACK: u8 = 12;

fn without_black_edges(source: &RgbImage) -> Part {
    let (width, height) = source.dimensions();
    let is_black = |pixel: &image::Rgb<u8>| pixel.0.iter().all(|value| *value < BLACK);
    let column = |x: u32| (0..height).all(|y| is_black(source.get_pixel(x, y)));
    let row = |y: u32| (0..width).all(|x| is_black(source.get_pixel(x, y)));
    let across = |size: u32| 0..share(size, MAX_EDGE);
    let left = across(width).take_while(|x| column(*x)).count() as u32;
    let right = across(width).take_while(|x| column(width - 1 - x)).count() as u32;
    let top = across(height).take_while(|y| row(*y)).count() as u32;
    let bottom = across(height).take_while(|y| row(height - 1 - y)).count() as u32;
    Part {
        left,
        top,
        width: width - left - right,
        height: height - top - bottom,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a picture's side, which is a few thousand pixels"
)]
fn share(size: u32, part: f32) -> u32 {
    (size as f32 * part) as u32
}

/// The part in the proportions of `shape` with the most detail; of equals, the middle one.
pub(crate) fn best_part(source: &RgbImage, shape: (u32, u32)) -> Part {
    let frame = without_black_edges(source);
    let (width, height) = if frame.width * shape.1 > frame.height * shape.0 {
        ((frame.height * shape.0 / shape.1).max(1), frame.height)
    } else {
        (frame.width, (frame.width * shape.1 / shape.0).max(1))
    };
    let (spare_x, spare_y) = (frame.width - width, frame.height - height);
    let at = |step: u32| Part {
        left: frame.left + spare_x * step / STEPS,
        top: frame.top + spare_y * step / STEPS,
        width,
        height,
    };
    let mut best = (at(STEPS / 2), f32::MIN);
    for step in MIDDLE_FIRST {
        let part = at(step);
        let shown = detail(source, part);
        if shown > best.1 * CLEARLY_MORE {
            best = (part, shown);
        }
    }
    best.0
}

/// Places tried for the cut along the longer side: even, so that the middle is one of them.
const STEPS: u32 = 8;
const MIDDLE_FIRST: [u32; 9] = [4, 3, 5, 2, 6, 1, 7, 0, 8];
/// A cut away from the middle must show this much more than one nearer to it.
const CLEARLY_MORE: f32 = 1.06;
/// Samples a side when detail is measured: enough to tell sky from rocks.
const SAMPLES: u32 = 96;

/// How much changes from sample to sample.
fn detail(source: &RgbImage, part: Part) -> f32 {
    let sample = |x: u32, y: u32| {
        let x = part.left + (part.width - 1) * x / (SAMPLES - 1);
        let y = part.top + (part.height - 1) * y / (SAMPLES - 1);
        luma(source.get_pixel(x, y).0)
    };
    let mut sum = 1.0;
    for y in 1..SAMPLES {
        for x in 1..SAMPLES {
            let here = sample(x, y);
            sum += (here - sample(x - 1, y)).abs() + (here - sample(x, y - 1)).abs();
        }
    }
    sum
}

/// Brightness as the eye weighs it, 0 to 255.
pub(crate) fn luma([red, green, blue]: [u8; 3]) -> f32 {
    0.2126 * f32::from(red) + 0.7152 * f32::from(green) + 0.0722 * f32::from(blue)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::photo::{self, HEIGHT, WIDTH};

    /// Sky above, a texture below.
    fn plain(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            if y < height / 2 {
                Rgb([190, 150, 110])
            } else {
                Rgb([(x * 7 % 120) as u8, 60, (y % 40) as u8])
            }
        })
    }

    #[test]
    fn black_columns_of_the_sensor_are_cut_off() {
        let mut frame = plain(800, 600);
        for (x, _, pixel) in frame.enumerate_pixels_mut() {
            if !(30..780).contains(&x) {
                *pixel = Rgb([4, 4, 4]);
            }
        }
        assert_eq!(
            without_black_edges(&frame),
            Part {
                left: 30,
                top: 0,
                width: 750,
                height: 600
            }
        );
        let fitted = photo::fit(&frame);
        assert!(
            luma(fitted.get_pixel(0, 20).0) > 100.0,
            "sky begins at the left edge"
        );
    }

    #[test]
    fn a_night_picture_is_not_cut_to_nothing() {
        let night = RgbImage::from_pixel(400, 300, Rgb([2, 2, 2]));
        assert_eq!(
            without_black_edges(&night),
            Part {
                left: 80,
                top: 60,
                width: 240,
                height: 180
            }
        );
        assert_eq!(photo::fit(&night).dimensions(), (WIDTH, HEIGHT));
    }

    #[test]
    fn a_tall_frame_is_cut_where_there_is_something_to_see() {
        let frame = plain(600, 1200);
        let part = best_part(&frame, (WIDTH, HEIGHT));
        assert!(
            part.top >= 525,
            "the sky above row 600 is empty, but the cut starts at {}",
            part.top
        );
        let even = RgbImage::from_pixel(600, 1200, Rgb([90, 60, 40]));
        let part = best_part(&even, (WIDTH, HEIGHT));
        assert_eq!(
            part.top, 375,
            "the middle, where nothing speaks for another place"
        );
    }
}
