//! The bitmap a small display can read: 8 bits a pixel, a palette of its own, dithered,
//! uncompressed, bottom row first, as CircuitPython's `displayio` wants it.
//!
//! Knows no sources.

use image::codecs::bmp::BmpEncoder;
use image::{ExtendedColorType, RgbImage};
use quantette::color_space::srgb8_to_oklab;
use quantette::deps::palette::{Oklab, Srgb};
use quantette::dither::FloydSteinberg;
use quantette::wu::{BinnerF32x3, WuF32x3};
use quantette::{ImageRef, IndexedImage, PaletteSize, Pipeline};

/// The table is always whole: readers that ignore `biClrUsed` expect that.
const COLOURS: usize = 256;
/// The file of a whole screen: BITMAPFILEHEADER, BITMAPINFOHEADER, the palette, the pixels.
pub(crate) const SCREEN_FILE_BYTES: usize = 14 + 40 + COLOURS * 4 + 320 * 240;
/// The share of an error that is handed on to the neighbours. With a palette of 256 there is
/// little to hand on; the whole of it makes smooth skies grainy, half of it bands.
const DIFFUSION: f32 = 0.75;

/// The file for `picture`.
pub(crate) fn encode(picture: &RgbImage) -> Vec<u8> {
    let reduced = reduce_colours(picture);
    let mut palette: Vec<[u8; 3]> = reduced.palette().iter().map(|&it| it.into()).collect();
    palette.resize(COLOURS, [0; 3]);
    let ((width, height), mut file) = (picture.dimensions(), Vec::new());
    BmpEncoder::new(&mut file)
        .encode_with_palette(
            reduced.indices(),
            width,
            height,
            ExtendedColorType::L8,
            Some(&palette),
        )
        .expect("a palette goes with one byte a pixel, and memory does not fail");
    file
}

/// A palette of at most 256 for this picture, and the picture in it.
///
/// Distances are taken in Oklab, where equal ones look equal. Mars has few colours: were the
/// palette made over all colours there are, 83 would be found in a plain at noon, so it is made
/// over those that the picture has. K-means on top of that gains 0.2 dB at ten times the cost.
fn reduce_colours(picture: &RgbImage) -> IndexedImage<Srgb<u8>> {
    let picture = ImageRef::try_from(picture).expect("a picture has fewer than 2^32 pixels");
    let colours = picture.map_ref(srgb8_to_oklab);
    let bins = BinnerF32x3::<LIGHTNESS_BINS, HUE_BINS, HUE_BINS>::new(ranges(colours.as_slice()));
    let palette = WuF32x3::run_image(colours.as_ref(), bins)
        .expect("a picture has pixels")
        .palette(PaletteSize::MAX);
    Pipeline::new()
        .quantize_method(palette)
        .ditherer(FloydSteinberg::with_error_diffusion(DIFFUSION))
        .input_image(picture)
        .output_srgb8_indexed_image()
}

/// Steps into which the picture's ranges are cut. Along a ramp of one hue only
/// the steps of lightness tell colours apart, and a sky is such a ramp.
const LIGHTNESS_BINS: usize = 128;
const HUE_BINS: usize = 32;
/// A range is at least this wide, lest a picture of one grey divide by nothing.
const NARROWEST: f32 = 0.01;

fn ranges(colours: &[Oklab]) -> [(f32, f32); 3] {
    let range = |of: fn(&Oklab) -> f32| {
        let values = || colours.iter().map(of);
        let low = values().fold(f32::INFINITY, f32::min);
        (low, values().fold(low + NARROWEST, f32::max))
    };
    [range(|it| it.l), range(|it| it.a), range(|it| it.b)]
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn rows_are_padded_and_the_bottom_one_comes_first() {
        let mut picture = RgbImage::from_pixel(3, 2, Rgb([200, 100, 50]));
        picture.put_pixel(0, 1, Rgb([10, 20, 30]));
        let file = encode(&picture);
        assert_eq!(file.len(), 14 + 40 + 1024 + 2 * 4);
        let decoded = image::load_from_memory(&file)
            .expect("a sound bitmap")
            .into_rgb8();
        let far = |(one, other): (&u8, &u8)| one.abs_diff(*other) > 2;
        let off = decoded
            .as_raw()
            .iter()
            .zip(picture.as_raw())
            .filter(|pair| far(*pair))
            .count();
        assert_eq!(off, 0, "{decoded:?}");
    }

    #[test]
    fn a_picture_of_one_colour_keeps_it() {
        for colour in [[0; 3], [255; 3], [128; 3], [193, 68, 14]] {
            let file = encode(&RgbImage::from_pixel(320, 240, Rgb(colour)));
            let decoded = image::load_from_memory(&file)
                .expect("a sound bitmap")
                .into_rgb8();
            let close = |it: &Rgb<u8>| (0..3).all(|at| it.0[at].abs_diff(colour[at]) <= 1);
            assert!(decoded.pixels().all(close), "{colour:?}");
        }
    }

    /// A plain at noon has few hues; all 256 places are used for them all the same.
    #[test]
    fn a_picture_of_few_hues_gets_a_whole_palette() {
        let picture = RgbImage::from_fn(320, 240, |x, y| {
            let light = 90 + (x * 70 / 320) as u8 + (y * 30 / 240) as u8;
            Rgb([light, light - 30, light - 50])
        });
        let file = encode(&picture);
        let used: std::collections::HashSet<_> = file[14 + 40 + 1024..].iter().collect();
        assert!(
            used.len() > 90,
            "{} colours for 100 greys and the steps between",
            used.len()
        );
    }
}
