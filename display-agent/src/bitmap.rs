//! From the bytes of a Windows bitmap to a picture that fills the screen.
//!
//! Owns the limits on what is worth decoding: a size is refused before any memory is spent on its
//! pixels. Decoding itself is the `image` crate's. Knows nothing of where the bytes come from.

use std::io::{self, Cursor};
use std::sync::Arc;

use image::codecs::bmp::BmpDecoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageError, Limits, RgbImage};

/// The screen's width; the original's, and every supported panel's.
pub const WIDTH: u32 = 320;
/// The screen's height.
pub const HEIGHT: u32 = 240;
/// Bytes of a finished picture, three a pixel.
pub const PICTURE_BYTES: usize = (WIDTH * HEIGHT * 3) as usize;
/// Pixels a bitmap may have: a 1280×800 photograph fits, and decoded it is 3 MB, which a Pi Zero
/// can spare for a moment.
pub const PIXELS_MAX: u64 = 1_050_000;
/// Bytes a bitmap may have: `PIXELS_MAX` at four bytes each, and its header and palette.
pub const BYTES_MAX: usize = 4 * PIXELS_MAX as usize + 4096;

/// Where a bitmap says at which byte its pixels begin, little-endian.
const PIXEL_OFFSET: usize = 10;
/// Bytes of the file's header and of the shortest header of a bitmap, that of OS/2.
const HEADERS_MIN: u8 = 14 + 12;

/// A picture of exactly [`WIDTH`]×[`HEIGHT`], as red, green, blue.
///
/// Cloning is cheap: the pixels are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture(Arc<[u8]>);

/// Why bytes are not a picture, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not a bitmap at all; says what it looks like instead.
    #[error("not a bitmap but {0}")]
    NotABitmap(&'static str),
    /// The file ends before its header says.
    #[error("cut short after {0} bytes")]
    CutShort(usize),
    /// More pixels than [`PIXELS_MAX`].
    #[error("a bitmap of {0}×{1} pixels is too large; at most {PIXELS_MAX} pixels")]
    TooLarge(u32, u32),
    /// The header contradicts itself or the data behind it.
    #[error("a damaged bitmap: {0}")]
    Damaged(String),
}

impl Picture {
    /// A picture from its bytes, if there are just enough of them.
    pub fn from_rgb(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == PICTURE_BYTES).then(|| Self(bytes.into()))
    }

    /// Decodes a bitmap whole, and fits it to the screen: scaled to touch the edges without
    /// distortion, with black beside it where it has another shape.
    pub fn from_bmp(bytes: &[u8]) -> Result<Self, Unusable> {
        if !bytes.starts_with(b"BM") {
            return Err(Unusable::NotABitmap(looks_like(bytes)));
        }
        let unusable = |error| unusable(error, bytes.len());
        let mut decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(unusable)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > PIXELS_MAX {
            return Err(Unusable::TooLarge(width, height));
        }
        // The decoder would take the header itself for pixels.
        let pixels_at = bytes[PIXEL_OFFSET];
        if pixels_at < HEADERS_MIN && bytes[PIXEL_OFFSET + 1..PIXEL_OFFSET + 4] == [0; 3] {
            let words = format!("pixels are said to begin at byte {pixels_at}");
            return Err(Unusable::Damaged(words));
        }
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(4 * PIXELS_MAX);
        decoder.set_limits(limits).map_err(unusable)?;
        let image = DynamicImage::from_decoder(decoder).map_err(unusable)?;
        Ok(Self(fitted(image).into_raw().into()))
    }

    /// The pixels, row by row from the top, three bytes each.
    pub fn rgb(&self) -> &[u8] {
        &self.0
    }
}

fn unusable(error: ImageError, length: usize) -> Unusable {
    match error {
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Unusable::CutShort(length)
        }
        error => Unusable::Damaged(error.to_string()),
    }
}

/// Scaled until one side touches the edges, and laid in the middle of black.
fn fitted(image: DynamicImage) -> RgbImage {
    if (image.width(), image.height()) == (WIDTH, HEIGHT) {
        return image.into_rgb8();
    }
    let scaled = image
        .resize(WIDTH, HEIGHT, FilterType::CatmullRom)
        .into_rgb8();
    let mut screen = RgbImage::new(WIDTH, HEIGHT);
    let (left, top) = ((WIDTH - scaled.width()) / 2, (HEIGHT - scaled.height()) / 2);
    imageops::replace(&mut screen, &scaled, i64::from(left), i64::from(top));
    screen
}

/// What a body that should have been a bitmap most likely is.
fn looks_like(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    let begins = |word: &[u8]| {
        text.get(..word.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(word))
    };
    match () {
        () if bytes.is_empty() => "an empty body",
        () if begins(b"<?xml") => "an XML message",
        () if begins(b"<!doctype html") || begins(b"<html") => "a web page",
        () if begins(b"{") || begins(b"[") => "JSON",
        () if bytes.starts_with(b"\x89PNG") => "a PNG",
        () if bytes.starts_with(b"\xff\xd8\xff") => "a JPEG",
        () if bytes.starts_with(b"GIF8") => "a GIF",
        () => "something else",
    }
}
