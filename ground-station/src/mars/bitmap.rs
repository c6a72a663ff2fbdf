//! The bitmap a small display can read: 8 bits a pixel, a palette of its own, dithered,
//! uncompressed, bottom row first, as CircuitPython's `displayio` wants it.
//!
//! Knows no sources.

use image::RgbImage;
use quantette::dither::FloydSteinberg;
use quantette::{ImageBuf, IndexedImage, Pipeline, QuantizeMethod};

/// BITMAPFILEHEADER.
const FILE_HEADER: u32 = 14;
/// BITMAPINFOHEADER, the oldest one that every reader knows.
const INFO_HEADER: u32 = 40;
/// The table is always whole: readers that ignore `biClrUsed` expect that.
const COLOURS: u32 = 256;
/// 72 dots an inch.
const DOTS_PER_METRE: u32 = 2835;
/// The share of an error that is handed on to the neighbours. With a palette of 256 there is
/// little to hand on; the whole of it makes smooth skies grainy, half of it bands.
const DIFFUSION: f32 = 0.75;

/// The file for `picture`.
pub(super) fn encode(picture: &RgbImage) -> Vec<u8> {
    let reduced = reduce_colours(picture);
    let (width, height) = picture.dimensions();
    let row = width.next_multiple_of(4);
    let pixels_at = FILE_HEADER + INFO_HEADER + COLOURS * 4;
    let size = pixels_at + row * height;

    let mut file = Vec::with_capacity(size as usize);
    file.extend_from_slice(b"BM");
    for word in [size, 0, pixels_at, INFO_HEADER, width, height] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for half in [1_u16, 8] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    for word in [0, row * height, DOTS_PER_METRE, DOTS_PER_METRE, COLOURS, 0] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    let black = [0, 0, 0];
    let palette = reduced
        .palette()
        .iter()
        .map(|colour| [colour.red, colour.green, colour.blue]);
    for [red, green, blue] in palette
        .chain(std::iter::repeat(black))
        .take(COLOURS as usize)
    {
        file.extend_from_slice(&[blue, green, red, 0]);
    }
    for line in reduced.indices().chunks_exact(width as usize).rev() {
        file.extend_from_slice(line);
        file.resize(file.len() + (row - width) as usize, 0);
    }
    file
}

fn reduce_colours(picture: &RgbImage) -> IndexedImage<quantette::deps::palette::Srgb<u8>> {
    let picture =
        ImageBuf::try_from(picture.clone()).expect("a picture has fewer than 2^32 pixels");
    Pipeline::new()
        .quantize_method(QuantizeMethod::kmeans())
        .ditherer(FloydSteinberg::with_error_diffusion(DIFFUSION))
        .input_image(picture.as_ref())
        .output_srgb8_indexed_image()
}
