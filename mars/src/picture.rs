//! A picture that is ready for the screen, and where it is from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bitmap;
use crate::photo_feed::Photo;

/// The drawn landscape, for a station that has no photograph yet. It says so in the picture.
pub(crate) const PLACEHOLDER: &[u8] = include_bytes!("../images/placeholder.bmp");

/// The bitmap made of a photograph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Picture {
    #[serde(with = "as_base64")]
    pub(crate) bitmap: Bytes,
    /// When it was made, Unix seconds.
    pub(crate) made_at: u64,
    #[serde(rename = "origin")]
    pub(crate) photo: Photo,
}

mod as_base64 {
    use serde::{Deserializer, Serializer, de::Error};

    use super::*;

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        if bytes.len() != bitmap::SCREEN_FILE_BYTES {
            return Err(D::Error::custom("the bitmap is not whole"));
        }
        Ok(bytes.into())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::photo;
    use crate::selection::Rover;

    /// A picture of nothing but dust.
    pub(crate) fn plain_picture() -> Picture {
        let dust = RgbImage::from_pixel(photo::WIDTH, photo::HEIGHT, Rgb([193, 68, 14]));
        Picture {
            bitmap: bitmap::encode(&dust).into(),
            made_at: 1_795_000_000,
            photo: Photo {
                rover: Rover::Curiosity,
                instrument: "MAST_LEFT".to_owned(),
                sol: 5000,
                taken: None,
                credit: "NASA/JPL-Caltech".to_owned(),
                source: "https://mars.nasa.gov/yesterday.jpg"
                    .parse()
                    .expect("a constant"),
            },
        }
    }

    #[test]
    fn the_placeholder_is_a_fair_picture_that_says_that_it_is_drawn() {
        assert_eq!(PLACEHOLDER.len(), bitmap::SCREEN_FILE_BYTES);
        let picture = photo::decode(PLACEHOLDER).expect("a bitmap");
        assert_eq!(picture.dimensions(), (photo::WIDTH, photo::HEIGHT));
        let band = (0..photo::WIDTH).map(|x| picture.get_pixel(x, photo::HEIGHT - 9).0[0]);
        let (dark, bright) = band.fold((0, 0), |(dark, bright), value| match value {
            0..=90 => (dark + 1, bright),
            180..=255 => (dark, bright + 1),
            _ => (dark, bright),
        });
        assert!(
            dark > 100 && bright > 20,
            "text on a dark band: {dark} dark, {bright} bright"
        );
        assert!(photo::merit(&picture).fair);
    }
}
