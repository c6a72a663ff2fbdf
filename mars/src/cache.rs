//! What was got from Mars, kept in memory and in the state folder, so that a restart without a
//! network still has a picture and its weather.
//!
//! A folder that cannot be written is reported; memory does the rest. Knows no feed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::picture;
use super::selection::{Rover, Selection};

/// A picture that is ready for the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Picture {
    #[serde(with = "as_base64")]
    pub(super) bitmap: Bytes,
    /// When it was made, Unix seconds.
    pub(super) made_at: u64,
    /// Where it is from; nothing for the drawn landscape.
    pub(super) origin: Option<Origin>,
}

/// Where a picture is from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) rover: Rover,
    pub(super) instrument: String,
    pub(super) sol: u32,
    pub(super) taken: Option<String>,
    pub(super) credit: String,
    pub(super) source: String,
}

impl Picture {
    /// Changes exactly when the bitmap does.
    pub(super) fn etag(&self) -> String {
        format!("\"{}\"", fingerprint(&self.bitmap))
    }
}

/// The first half of a SHA-256: enough to tell pictures apart.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Something kept, and when its source last confirmed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept<T> {
    pub(super) checked_at: u64,
    pub(super) value: T,
}

/// A kept picture is 104 kB as base64; a file ten times as large is not ours.
const MAX_FILE: u64 = 1 << 20;

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The kept picture of `selection`, if it is there and whole.
    pub(super) fn picture(&self, selection: Selection) -> Option<Kept<Picture>> {
        let kept: Kept<Picture> = self.read(&picture_file(selection))?;
        let sound = picture::decode(&kept.value.bitmap)
            .is_ok_and(|image| image.dimensions() == (picture::WIDTH, picture::HEIGHT));
        sound.then_some(kept)
    }

    /// The kept weather.
    pub(super) fn weather<T: DeserializeOwned>(&self) -> Option<Kept<T>> {
        self.read(WEATHER_FILE)
    }

    pub(super) fn keep_picture(&self, selection: Selection, kept: &Kept<Picture>) {
        self.write(&picture_file(selection), kept);
    }

    pub(super) fn keep_weather<T: Serialize>(&self, kept: &Kept<T>) {
        self.write(WEATHER_FILE, kept);
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.folder.join(name);
        let size = fs::metadata(&path).ok()?.len();
        let text = (size <= MAX_FILE).then(|| fs::read(&path).ok())??;
        serde_json::from_slice(&text)
            .inspect_err(
                |error| tracing::warn!(path = %path.display(), %error, "not what was kept"),
            )
            .ok()
    }

    fn write<T: Serialize>(&self, name: &str, kept: &T) {
        let text = serde_json::to_vec(kept).expect("texts and numbers can be written as JSON");
        if let Err(error) = self.replace(&self.folder.join(name), &text) {
            tracing::warn!(%error, "what came from Mars is kept in memory only");
        }
    }
}

impl Shelf {
    /// Writes a file whole or not at all, making its folder.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let partial = path.with_extension("partial");
        let mut file = fs::File::create(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(partial, path)
    }
}

const WEATHER_FILE: &str = "weather.json";

fn picture_file(selection: Selection) -> String {
    format!("picture-{}.json", selection.name())
}

mod as_base64 {
    use serde::{Deserializer, Serializer, de::Error};

    use super::*;

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitmap;
    use crate::selection::{Camera, RoverChoice};

    const SELECTION: Selection = Selection {
        rover: RoverChoice::Any,
        camera: Camera::Colour,
    };

    fn kept() -> Kept<Picture> {
        let ground = image::RgbImage::from_pixel(320, 240, image::Rgb([193, 68, 14]));
        let bitmap = bitmap::encode(&ground).into();
        Kept {
            checked_at: 7,
            value: Picture {
                bitmap,
                made_at: 5,
                origin: None,
            },
        }
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kept = kept();
        Shelf::new(folder.path().join("mars")).keep_picture(SELECTION, &kept);
        let again = Shelf::new(folder.path().join("mars"));
        assert_eq!(again.picture(SELECTION), Some(kept));
        let other = Selection {
            camera: Camera::Any,
            ..SELECTION
        };
        assert_eq!(again.picture(other), None);
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shelf = Shelf::new(folder.path().to_owned());
        let path = folder.path().join(picture_file(SELECTION));
        let whole = serde_json::to_vec(&kept()).expect("plain values");
        let mut short_bitmap = kept();
        short_bitmap.value.bitmap.truncate(3000);
        let damaged = [
            Vec::new(),
            whole[..whole.len() / 2].to_vec(),
            b"{}".to_vec(),
            vec![0; whole.len()],
            serde_json::to_vec(&short_bitmap).expect("plain values"),
            vec![b' '; usize::try_from(MAX_FILE).expect("a small constant") + 1],
        ];
        for bytes in damaged {
            fs::write(&path, &bytes).expect("a writable folder");
            assert_eq!(shelf.picture(SELECTION), None, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_disaster() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let in_the_way = folder.path().join("mars");
        fs::write(&in_the_way, "a file").expect("a writable folder");
        let shelf = Shelf::new(in_the_way);
        shelf.keep_picture(SELECTION, &kept());
        assert_eq!(shelf.picture(SELECTION), None);
    }
}
