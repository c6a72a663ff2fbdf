//! From whatever a rover sent to the 320×240 of the screen: decoded with limits, cut to the part
//! that shows most, reduced in linear light.
//!
//! Knows no network and no palette.

use std::io::Cursor;

use image::imageops::{self, FilterType};
use image::{
    DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
};
use quantette::deps::palette::{LinSrgb, Srgb};

use crate::crop::{self, Part, luma};

/// The screen's width in pixels.
pub(crate) const WIDTH: u32 = 320;
/// The screen's height in pixels.
pub(crate) const HEIGHT: u32 = 240;

/// The largest frame in the sizes that are asked for is 1648×1200; four times that is refused,
/// so that the worst picture costs 24 MB decoded and twice that in linear light.
const MAX_PIXELS: u64 = 8_000_000;
/// What a decoder may allocate for a picture of `MAX_PIXELS`, 16 bits and alpha included.
const MAX_ALLOC: u64 = 96 << 20;

/// Decodes a JPEG, PNG or BMP; the error says what is wrong with it.
pub(crate) fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| format!("the picture cannot be read: {error}"))?;
    match reader.format() {
        Some(ImageFormat::Jpeg) if !has_jpeg_end(bytes) => {
            return Err("the picture is broken: it ends in the middle".to_owned());
        }
        Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Bmp) => {}
        _ => return Err("what came is no JPEG, PNG or BMP".to_owned()),
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

/// The decoder fills a JPEG that was cut off with grey, so the end is looked for here. Nothing but
/// the marker can have its two bytes in the pixel data; some writers put padding after it.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    const END: [u8; 2] = [0xff, 0xd9];
    const MAX_PADDING: usize = 4096;
    let tail = &bytes[bytes.len().saturating_sub(MAX_PADDING)..];
    tail.windows(END.len()).any(|pair| pair == END)
}

/// The screen's picture of `source`.
///
/// Averaging sRGB values darkens fine texture, so the filter works on light. There Lanczos'
/// ringing turns small shadows pitch black, which Catmull and Rom's narrower one does not.
pub(crate) fn fit(source: &RgbImage) -> RgbImage {
    let Part {
        left,
        top,
        width,
        height,
    } = crop::best_part(source, (WIDTH, HEIGHT));
    let light = ImageBuffer::from_fn(width, height, |x, y| {
        let pixel = Srgb::from(source.get_pixel(left + x, top + y).0);
        Rgb(pixel.into_linear::<f32>().into_format::<u16>().into())
    });
    let small = imageops::resize(&light, WIDTH, HEIGHT, FilterType::CatmullRom);
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let pixel = LinSrgb::<u16>::from(small.get_pixel(x, y).0).into_format::<f32>();
        Rgb(Srgb::<u8>::from_linear(pixel).into())
    })
}

/// Whether a picture is worth showing, and how much it has to show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Merit {
    /// Not black, not white, not one flat grey.
    pub(crate) fair: bool,
    /// Standard deviation of the brightness: the better of two doubtful ones has more.
    pub(crate) contrast: f64,
}

/// Rovers also photograph the sun through a filter, their calibration targets and the night.
const FAIR_BRIGHTNESS: std::ops::RangeInclusive<f64> = 28.0..=228.0;
/// Fog has less contrast than this; the dullest readable plain has about 15.
const FAIR_CONTRAST: f64 = 9.0;

/// Judges a picture of the screen's size.
pub(crate) fn merit(screen: &RgbImage) -> Merit {
    let bright = || screen.pixels().map(|pixel| f64::from(luma(pixel.0)));
    let count = bright().count() as f64;
    let mean = bright().sum::<f64>() / count;
    let contrast = (bright().map(|it| (it - mean).powi(2)).sum::<f64>() / count).sqrt();
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
