//! From whatever a rover sent to the 320×240 of the screen: decoded with limits, cut to the part
//! that shows most, reduced in linear light.
//!
//! Knows no network and no palette.

use std::io::Cursor;

use fast_image_resize::images::Image;
use fast_image_resize::{PixelType, ResizeOptions, Resizer, create_srgb_mapper};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

/// The screen's width in pixels.
pub(super) const WIDTH: u32 = 320;
/// The screen's height in pixels.
pub(super) const HEIGHT: u32 = 240;

/// The largest frame in the sizes that are asked for is 1648×1200; four times that is refused,
/// so that the worst picture costs 24 MB decoded and twice that in linear light.
const MAX_PIXELS: u64 = 8_000_000;
/// What a decoder may allocate for a picture of `MAX_PIXELS`, 16 bits and alpha included.
const MAX_ALLOC: u64 = 96 << 20;

/// Decodes a JPEG, PNG or BMP; the error says what is wrong with it.
pub(super) fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| format!("the picture cannot be read: {error}"))?;
    let known = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp];
    if !reader
        .format()
        .is_some_and(|format| known.contains(&format))
    {
        return Err("what came is no JPEG, PNG or BMP".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let broken = |error| format!("the picture is broken: {error}");
    let decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "a picture of {width}×{height} pixels is too large to decode"
        ));
    }
    if width == 0 || height == 0 {
        return Err("the picture has no pixels".to_owned());
    }
    Ok(DynamicImage::from_decoder(decoder)
        .map_err(broken)?
        .into_rgb8())
}

/// The screen's picture of `source`.
pub(super) fn fit(source: &RgbImage) -> RgbImage {
    let frame = without_black_edges(source);
    reduce(source, best_part(source, frame))
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
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

/// The 4:3 part of `frame` with the most detail; of equals, the middle one.
fn best_part(source: &RgbImage, frame: Part) -> Part {
    let (width, height) = if frame.width * HEIGHT > frame.height * WIDTH {
        ((frame.height * WIDTH / HEIGHT).max(1), frame.height)
    } else {
        (frame.width, (frame.width * HEIGHT / WIDTH).max(1))
    };
    let (spare_x, spare_y) = (frame.width - width, frame.height - height);
    let at = |step: u32| Part {
        left: frame.left + spare_x * step / STEPS,
        top: frame.top + spare_y * step / STEPS,
        width,
        height,
    };
    let middle_first = (0..=STEPS).map(|n| {
        if n % 2 == 0 {
            (STEPS + n) / 2
        } else {
            (STEPS - n) / 2
        }
    });
    let mut best = (at(STEPS / 2), f32::MIN);
    for part in middle_first.map(at) {
        let shown = detail(source, part);
        if shown > best.1 * CLEARLY_MORE {
            best = (part, shown);
        }
    }
    best.0
}

/// Places tried for the cut along the longer side; even, so that the middle is one of them.
const STEPS: u32 = 8;
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
fn luma([red, green, blue]: [u8; 3]) -> f32 {
    0.2126 * f32::from(red) + 0.7152 * f32::from(green) + 0.0722 * f32::from(blue)
}

/// Averaging sRGB values darkens fine texture, so the filter works on light.
fn reduce(source: &RgbImage, part: Part) -> RgbImage {
    let (width, height) = source.dimensions();
    let bytes = source.as_raw().as_slice();
    let light = create_srgb_mapper();
    let screen = (|| -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let source =
            fast_image_resize::images::ImageRef::new(width, height, bytes, PixelType::U8x3)?;
        let mut linear = Image::new(width, height, PixelType::U16x3);
        light.forward_map(&source, &mut linear)?;
        let mut small = Image::new(WIDTH, HEIGHT, PixelType::U16x3);
        let (left, top) = (f64::from(part.left), f64::from(part.top));
        let cut = ResizeOptions::new().crop(left, top, part.width.into(), part.height.into());
        Resizer::new().resize(&linear, &mut small, &cut)?;
        let mut screen = Image::new(WIDTH, HEIGHT, PixelType::U8x3);
        light.backward_map(&small, &mut screen)?;
        Ok(screen.into_vec())
    })();
    let screen = screen.expect("the part lies inside the picture and the formats fit each other");
    RgbImage::from_raw(WIDTH, HEIGHT, screen).expect("the buffer was made for this size")
}

/// Whether a picture is worth a place on the desk, and how much it has to show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Merit {
    /// Not black, not white, not one flat grey.
    pub(super) fair: bool,
    /// Standard deviation of the brightness: the better of two doubtful ones has more.
    pub(super) contrast: f32,
}

/// Rovers also photograph the sun through a filter, their calibration targets and the night.
const FAIR_BRIGHTNESS: std::ops::RangeInclusive<f32> = 28.0..=228.0;
/// Fog has less contrast than this; the dullest readable plain has about 15.
const FAIR_CONTRAST: f32 = 9.0;

/// Judges a picture of the screen's size.
pub(super) fn merit(screen: &RgbImage) -> Merit {
    let mut count = 0.0;
    let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
    for pixel in screen.pixels() {
        let bright = f64::from(luma(pixel.0));
        count += 1.0;
        sum += bright;
        squares += bright * bright;
    }
    let mean = sum / count;
    #[expect(clippy::cast_possible_truncation, reason = "both are below 256")]
    let (mean, contrast) = (
        mean as f32,
        (squares / count - mean * mean).max(0.0).sqrt() as f32,
    );
    Merit {
        fair: FAIR_BRIGHTNESS.contains(&mean) && contrast >= FAIR_CONTRAST,
        contrast,
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn png(image: &RgbImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image
            .write_to(&mut bytes, ImageFormat::Png)
            .expect("an encoder into memory");
        bytes.into_inner()
    }

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
    fn every_shape_of_frame_fills_the_screen() {
        for (width, height) in [
            (1648, 1200),
            (1344, 1200),
            (1200, 1648),
            (320, 240),
            (64, 64),
            (1, 1),
            (3000, 20),
        ] {
            let fitted = fit(&plain(width, height));
            assert_eq!(fitted.dimensions(), (WIDTH, HEIGHT), "{width}×{height}");
        }
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
        let fitted = fit(&frame);
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
        assert_eq!(fit(&night).dimensions(), (WIDTH, HEIGHT));
    }

    #[test]
    fn a_tall_frame_is_cut_where_there_is_something_to_see() {
        let frame = plain(600, 1200);
        let part = best_part(
            &frame,
            Part {
                left: 0,
                top: 0,
                width: 600,
                height: 1200,
            },
        );
        assert!(
            part.top >= 525,
            "the sky above row 600 is empty, but the cut starts at {}",
            part.top
        );
        let even = RgbImage::from_pixel(600, 1200, Rgb([90, 60, 40]));
        let part = best_part(
            &even,
            Part {
                left: 0,
                top: 0,
                width: 600,
                height: 1200,
            },
        );
        assert_eq!(
            part.top, 375,
            "the middle, where nothing speaks for another place"
        );
    }

    #[test]
    fn fine_texture_keeps_its_light() {
        let stripes = RgbImage::from_fn(1280, 960, |x, _| {
            if x % 2 == 0 {
                Rgb([255; 3])
            } else {
                Rgb([0; 3])
            }
        });
        let middle = fit(&stripes).get_pixel(160, 120).0[0];
        assert!(
            (183..=193).contains(&middle),
            "half the light is sRGB 188, not 128: {middle}"
        );
    }

    #[test]
    fn what_is_no_picture_is_refused_with_its_reason() {
        let good = png(&plain(40, 30));
        let mut huge = good.clone();
        huge[16..24].copy_from_slice(&[0, 0, 0x1e, 0, 0, 0, 0x15, 0]);
        let cases: [(&[u8], &str); 5] = [
            (b"", "no JPEG, PNG or BMP"),
            (
                b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
                "no JPEG, PNG or BMP",
            ),
            (b"GIF89a\x01\x00\x01\x00", "no JPEG, PNG or BMP"),
            (&good[..good.len() / 2], "broken"),
            (&huge, ""),
        ];
        for (bytes, expected) in cases {
            let error = decode(bytes).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(decode(&good), Ok(plain(40, 30)));
    }

    #[test]
    fn a_header_of_forty_megapixels_is_refused_before_anything_is_decoded() {
        let mut bmp = vec![0; 54];
        bmp[..2].copy_from_slice(b"BM");
        bmp[10] = 54;
        bmp[14] = 40;
        bmp[18..22].copy_from_slice(&7680_u32.to_le_bytes());
        bmp[22..26].copy_from_slice(&5376_u32.to_le_bytes());
        bmp[26] = 1;
        bmp[28] = 24;
        let error = decode(&bmp).unwrap_err();
        assert!(error.contains("7680×5376"), "{error}");
    }

    #[test]
    fn the_sun_through_a_filter_and_the_fog_are_doubtful() {
        let sun = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
            if (x as i32 - 160).pow(2) + (y as i32 - 120).pow(2) < 100 {
                Rgb([255; 3])
            } else {
                Rgb([3; 3])
            }
        });
        let fog = RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([150, 140, 130]));
        let land = fit(&plain(640, 480));
        assert!(!merit(&sun).fair);
        assert!(!merit(&fog).fair);
        assert!(merit(&land).fair);
    }
}
