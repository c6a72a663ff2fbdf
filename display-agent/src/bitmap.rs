//! From the bytes of a Windows bitmap to a picture that fills the screen.
//!
//! Owns the limits on what is worth decoding: the header is read and held against the file's
//! length before any memory is spent on pixels. Decoding itself is the `image` crate's. Knows
//! nothing of where the bytes come from.

use std::io::Cursor;
use std::sync::Arc;

use image::codecs::bmp::BmpDecoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, Limits, RgbImage};

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

const FILE_HEADER: usize = 14;
const RLE8: u32 = 1;
const RLE4: u32 = 2;

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
    #[error("cut short: {got} bytes where the header promises {promised}")]
    CutShort {
        /// What arrived.
        got: usize,
        /// What the header speaks of.
        promised: u64,
    },
    /// Width or height is zero.
    #[error("a bitmap of {0}×{1} pixels has nothing to show")]
    Empty(u32, u32),
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
        Header::read(bytes)?.check(bytes)?;
        let mut decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(4 * PIXELS_MAX);
        decoder.set_limits(limits).map_err(damaged)?;
        let image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        Ok(Self(fitted(image).into_raw().into()))
    }

    /// The pixels, row by row from the top, three bytes each.
    pub fn rgb(&self) -> &[u8] {
        &self.0
    }
}

fn damaged(error: image::ImageError) -> Unusable {
    Unusable::Damaged(error.to_string())
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

/// What the header says, as far as it decides how much memory and data there must be.
struct Header {
    width: u32,
    height: u32,
    bits: u16,
    compression: u32,
    pixels_at: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Unusable> {
        if !bytes.starts_with(b"BM") {
            return Err(Unusable::NotABitmap(looks_like(bytes)));
        }
        let cut = Unusable::CutShort {
            got: bytes.len(),
            promised: 54,
        };
        let word = |at: usize| {
            bytes
                .get(at..at + 4)
                .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        };
        let half = |at: usize| {
            bytes
                .get(at..at + 2)
                .map(|b| u16::from_le_bytes([b[0], b[1]]))
        };
        let read = || {
            let pixels_at = word(10)?;
            // The oldest header, of OS/2, has 12 bytes and 16-bit sizes.
            if word(FILE_HEADER)? == 12 {
                let (width, height) = (half(18)?.into(), half(20)?.into());
                return Some(Self {
                    width,
                    height,
                    bits: half(24)?,
                    compression: 0,
                    pixels_at,
                });
            }
            // A negative height says that the first row is the top one; a negative width is a lie,
            // and reads here as four thousand million pixels.
            let height = (word(22)? as i32).unsigned_abs();
            let (bits, compression) = (half(28)?, word(30)?);
            Some(Self {
                width: word(18)?,
                height,
                bits,
                compression,
                pixels_at,
            })
        };
        read().ok_or(cut)
    }

    fn check(&self, bytes: &[u8]) -> Result<(), Unusable> {
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        if width == 0 || height == 0 {
            return Err(Unusable::Empty(self.width, self.height));
        }
        if width * height > PIXELS_MAX {
            return Err(Unusable::TooLarge(self.width, self.height));
        }
        if (self.pixels_at as usize) < FILE_HEADER + 12 {
            return Err(Unusable::Damaged(format!(
                "pixels are said to begin at byte {}",
                self.pixels_at
            )));
        }
        let row_bytes = (width * u64::from(self.bits)).div_ceil(32) * 4;
        let data = match self.compression {
            // Run-length data has no size that can be foretold; two bytes end it.
            RLE8 | RLE4 => 2,
            _ => row_bytes * height,
        };
        let promised = u64::from(self.pixels_at) + data;
        if promised > bytes.len() as u64 {
            return Err(Unusable::CutShort {
                got: bytes.len(),
                promised,
            });
        }
        Ok(())
    }
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
