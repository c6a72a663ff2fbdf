//! The last good picture and weather on disk, as one file that is always whole.
//!
//! A checksum tells a disk's mistake from a picture.
//! Knows nothing of what the answer means.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daemon::atomic_file::{self, SECRET};
use serde::{Deserialize, Serialize};

use super::fetch::Validators;
use crate::bitmap::{PICTURE_BYTES, Picture};

const NAME: &str = "last-good";
/// The first line of the file: what it is, and the shape of what follows.
const MAGIC: &str = "outpost-display 1";
/// Bytes of everything but the picture: the answer may have 64 KiB, twice that with JSON's escapes.
const META_MAX: usize = 256 * 1024;

/// What was fetched last, with what makes the next request conditional.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// All but the pixels.
    pub meta: Meta,
    /// The picture, once there was one.
    pub picture: Option<Picture>,
}

/// All of [`Saved`] but the pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The address that was asked.
    pub api_url: String,
    /// The answer, as it came.
    pub answer: String,
    /// When it came, in seconds since 1970.
    pub answer_unix: i64,
    /// Of the answer.
    pub answer_validators: Validators,
    /// Where the picture came from.
    pub picture_url: String,
    /// When it came, in seconds since 1970.
    pub picture_unix: i64,
    /// Of the picture.
    pub picture_validators: Validators,
}

/// A folder with one file in it.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was saved; `None` if nothing ever was.
    pub fn load(&self) -> io::Result<Option<Saved>> {
        match fs::read(self.folder.join(NAME)) {
            Ok(bytes) => parse(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces what was saved. When this returns, the new file survives a power cut; whenever it is
    /// interrupted, the old one does.
    pub fn save(&self, saved: &Saved) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        atomic_file::replace(&self.folder.join(NAME), &serialized(saved)?, SECRET)
    }
}

fn serialized(saved: &Saved) -> io::Result<Vec<u8>> {
    let meta = serde_json::to_vec(&saved.meta)?;
    let pixels = saved.picture.as_ref().map(Picture::rgb).unwrap_or_default();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&meta);
    crc.update(pixels);
    let line = format!("{MAGIC} {:08x} {}\n", crc.finalize(), meta.len());
    Ok([line.as_bytes(), &meta, pixels].concat())
}

fn parse(bytes: &[u8]) -> Result<Saved, &'static str> {
    let line_end = bytes
        .iter()
        .position(|b| *b == b'\n')
        .ok_or("no first line")?;
    let line = std::str::from_utf8(&bytes[..line_end]).map_err(|_| "a strange first line")?;
    let numbers = line
        .strip_prefix(MAGIC)
        .ok_or("not a file of this program")?;
    let (crc, meta_length) = numbers
        .trim()
        .split_once(' ')
        .ok_or("a strange first line")?;
    let crc = u32::from_str_radix(crc, 16).map_err(|_| "a strange checksum")?;
    let meta_length: usize = meta_length.parse().map_err(|_| "a strange length")?;
    let rest = &bytes[line_end + 1..];
    if meta_length > META_MAX || meta_length > rest.len() {
        return Err("cut short");
    }
    if crc32fast::hash(rest) != crc {
        return Err("the checksum does not fit");
    }
    let (meta, pixels) = rest.split_at(meta_length);
    let meta = serde_json::from_slice(meta).map_err(|_| "unreadable particulars")?;
    let picture = match pixels.len() {
        0 => None,
        PICTURE_BYTES => Picture::from_rgb(pixels.to_vec()),
        _ => return Err("a picture of the wrong size"),
    };
    Ok(Saved { meta, picture })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    pub(super) fn saved(shade: u8) -> Saved {
        Saved {
            meta: Meta {
                api_url: "http://x/mars".into(),
                answer: r#"{"image_url":"http://x/y.bmp"}"#.into(),
                answer_unix: 1_763_690_000,
                answer_validators: Validators::default(),
                picture_url: "http://x/y.bmp".into(),
                picture_unix: 1_763_690_001,
                picture_validators: Validators::default(),
            },
            picture: Picture::from_rgb(vec![shade; PICTURE_BYTES]),
        }
    }

    #[test]
    fn what_was_saved_is_loaded_and_the_new_replaces_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("deep/er"));
        assert_eq!(cache.load().unwrap(), None);
        for shade in [1, 2] {
            cache.save(&saved(shade)).unwrap();
            assert_eq!(cache.load().unwrap(), Some(saved(shade)));
        }
        let without = Saved {
            picture: None,
            ..saved(0)
        };
        cache.save(&without).unwrap();
        assert_eq!(cache.load().unwrap(), Some(without));
        assert_eq!(
            fs::read_dir(cache.folder()).unwrap().count(),
            1,
            "nothing is left lying"
        );
        let mode = fs::metadata(cache.folder().join(NAME)).unwrap().mode();
        assert_eq!(mode & 0o777, SECRET);
    }

    #[test]
    fn every_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        cache.save(&saved(7)).unwrap();
        let path = folder.path().join(NAME);
        let good = fs::read(&path).unwrap();
        for length in [0, 1, 10, 40, 300, good.len() - 1] {
            fs::write(&path, &good[..length]).unwrap();
            assert!(cache.load().is_err(), "cut at {length}");
        }
        for at in [0, 20, 30, 200, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(&path, &bad).unwrap();
            assert!(cache.load().is_err(), "a bit flipped at {at}");
        }
    }

    #[test]
    fn a_torso_of_an_interrupted_save_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        cache.save(&saved(1)).unwrap();
        fs::write(folder.path().join("last-good.new"), b"outpost-dis").unwrap();
        assert_eq!(cache.load().unwrap(), Some(saved(1)));
        cache.save(&saved(2)).unwrap();
        assert_eq!(cache.load().unwrap(), Some(saved(2)));
        assert_eq!(fs::read_dir(cache.folder()).unwrap().count(), 1);
    }
}
