//! What was fetched from Mars, in the state folder, so that a restart without a network still has
//! a picture and its weather.
//!
//! A folder that cannot be written is reported; memory does the rest. Knows no feed.

use std::fs;
use std::path::PathBuf;

use daemon::atomic_file::{self, PUBLIC};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::refresh_state::Confirmed;

/// A picture is 104 kB as base64; a file ten times as large is not ours.
const MAX_FILE: u64 = 1 << 20;

/// The folder of the cached answers, one JSON file each.
#[derive(Clone, Debug)]
pub(crate) struct DiskCache {
    dir: PathBuf,
}

impl DiskCache {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// What was stored under `name`, if it is there and whole.
    pub(crate) fn load<T: DeserializeOwned>(&self, name: &str) -> Option<Confirmed<T>> {
        let path = self.dir.join(name);
        let size = fs::metadata(&path).ok()?.len();
        let text = (size <= MAX_FILE).then(|| fs::read(&path).ok())??;
        serde_json::from_slice(&text)
            .inspect_err(
                |error| tracing::warn!(path = %path.display(), %error, "cached file is broken"),
            )
            .ok()
    }

    pub(crate) fn store<T: Serialize>(&self, name: &str, answer: &Confirmed<T>) {
        let path = self.dir.join(name);
        let text = serde_json::to_vec(answer).expect("texts and numbers can be written as JSON");
        let stored =
            fs::create_dir_all(&self.dir).and_then(|()| atomic_file::replace(&path, &text, PUBLIC));
        if let Err(error) = stored {
            tracing::warn!(path = %path.display(), %error, "cannot write the cache, keeping the answer in memory only");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, tests::plain_picture};

    const NAME: &str = "picture.json";

    fn answer() -> Confirmed<Picture> {
        Confirmed {
            checked_at: 7,
            value: plain_picture(),
        }
    }

    #[test]
    fn what_is_stored_is_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let answer = answer();
        DiskCache::new(folder.path().join("mars")).store(NAME, &answer);
        let again = DiskCache::new(folder.path().join("mars"));
        assert_eq!(again.load(NAME), Some(answer));
        assert_eq!(again.load::<Picture>("other.json"), None);
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = DiskCache::new(folder.path().to_owned());
        let path = folder.path().join(NAME);
        let whole = serde_json::to_vec(&answer()).expect("plain values");
        let mut short = plain_picture();
        short.bitmap.truncate(3000);
        let short = Confirmed {
            checked_at: 7,
            value: short,
        };
        let damaged = [
            Vec::new(),
            whole[..whole.len() / 2].to_vec(),
            b"{}".to_vec(),
            vec![0; whole.len()],
            serde_json::to_vec(&short).expect("plain values"),
            vec![b' '; usize::try_from(MAX_FILE).expect("a small constant") + 1],
        ];
        for bytes in damaged {
            fs::write(&path, &bytes).expect("a writable folder");
            assert_eq!(cache.load::<Picture>(NAME), None, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_disaster() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let in_the_way = folder.path().join("mars");
        fs::write(&in_the_way, "a file").expect("a writable folder");
        let cache = DiskCache::new(in_the_way);
        cache.store(NAME, &answer());
        assert_eq!(cache.load::<Picture>(NAME), None);
    }
}
