//! The client of the Mars API: asks the Mars API, fetches the picture, keeps the last good pair.
//!
//! `fetch` is one request, `answer` reads the JSON, `cache` is the file, `error` sorts failures,
//! `schedule` says when to ask again. A poll never makes anything worse: what is good replaces what
//! was good, part by part, and only when it has been decoded whole. Knows nothing of screens.

pub mod answer;
pub mod cache;
mod error;
pub mod fetch;
mod schedule;

use std::sync::Arc;

use tracing::{info, warn};
use url::Url;

use self::answer::Answer;
use self::cache::{Cache, Meta, Saved};
use self::fetch::{Fetched, Fetcher, Validators};
use crate::bitmap::{BYTES_MAX, Picture};

pub use self::error::{Error, Kind, Part};
pub use self::schedule::PollSchedule;

/// Bytes of an answer: a real one has 300, and 64 KiB leave room for any backend's chatter.
const ANSWER_MAX: usize = 64 * 1024;

/// Everything that is known of Mars.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The weather, and where the picture is.
    pub answer: Answer,
    /// When the answer came, in seconds since 1970.
    pub answer_unix: i64,
    /// The picture, once one was good.
    pub picture: Option<Picture>,
    /// When it came, in seconds since 1970.
    pub picture_unix: i64,
}

/// What one poll brought.
#[derive(Clone, Debug)]
pub struct Polled {
    /// What is known now: new, or what was known before.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What went wrong; the picture may fail where the answer did not.
    pub error: Option<Error>,
    /// How old the server says its answer is.
    pub source_age: Option<std::time::Duration>,
    /// Why it could not be saved for the next start.
    pub unsaved: Option<String>,
}

/// Asks, and remembers.
pub struct Client {
    url: Url,
    fetcher: Fetcher,
    cache: Option<Cache>,
    saved: Option<Saved>,
    snapshot: Option<Arc<Snapshot>>,
    unsaved: Option<String>,
}

impl Client {
    /// A client that begins with what the cache holds; without a cache, with nothing.
    pub fn new(url: Url, fetcher: Fetcher, cache: Option<Cache>) -> Self {
        let saved = cache
            .as_ref()
            .and_then(load)
            .filter(|saved| saved.meta.api_url == url.as_str());
        let snapshot = saved.as_ref().and_then(snapshot).map(Arc::new);
        // What cannot be read again must not make a request conditional.
        let saved = saved.filter(|_| snapshot.is_some());
        Self {
            url,
            fetcher,
            cache,
            saved,
            snapshot,
            unsaved: None,
        }
    }

    /// What is known before the first poll.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.clone()
    }

    /// Asks once.
    pub fn poll(&mut self, unix: i64) -> Polled {
        let mut source_age = None;
        let error = self.refresh(unix, &mut source_age).err();
        Polled {
            snapshot: self.snapshot.clone(),
            error,
            source_age,
            unsaved: self.unsaved.clone(),
        }
    }

    fn refresh(
        &mut self,
        unix: i64,
        source_age: &mut Option<std::time::Duration>,
    ) -> Result<(), Error> {
        let (mut next, answer) = self.ask(unix, source_age)?;
        let pictured = self.fetch_picture(&answer, unix, &mut next);
        self.store(next, answer);
        pictured
    }

    /// The answer, new or confirmed, with all that is known of the picture so far.
    fn ask(
        &self,
        unix: i64,
        source_age: &mut Option<std::time::Duration>,
    ) -> Result<(Saved, Answer), Error> {
        let validators = self
            .saved
            .as_ref()
            .map(|saved| &saved.meta.answer_validators);
        let (bytes, validators) =
            match self
                .fetcher
                .get(Part::Answer, &self.url, validators, ANSWER_MAX)?
            {
                Fetched::Body {
                    bytes,
                    validators,
                    age,
                } => {
                    *source_age = age;
                    (bytes, validators)
                }
                Fetched::Unchanged { age } => {
                    *source_age = age;
                    let (Some(saved), Some(snapshot)) = (&self.saved, &self.snapshot) else {
                        let words =
                            "the answer is \"unchanged\", but it was never asked about a change";
                        return Err(Error::new(Part::Answer, Kind::Nonsense, words));
                    };
                    return Ok((saved.clone(), snapshot.answer.clone()));
                }
            };
        let answer =
            answer::read(&bytes).map_err(|why| Error::new(Part::Answer, Kind::Nonsense, why))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut next = self.saved.clone().unwrap_or_else(|| nothing(&self.url));
        if text != next.meta.answer {
            next.meta.answer = text;
            next.meta.answer_unix = unix;
        }
        next.meta.answer_validators = validators;
        Ok((next, answer))
    }

    fn fetch_picture(&self, answer: &Answer, unix: i64, next: &mut Saved) -> Result<(), Error> {
        let nonsense = |why: String| Error::new(Part::Picture, Kind::Nonsense, why);
        let url = self.url.join(&answer.image_url).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| nonsense(format!("no web address: {:?}", answer.image_url)))?;
        let same = next.picture.is_some() && next.meta.picture_url == url.as_str();
        let validators = same.then_some(&next.meta.picture_validators);
        match self
            .fetcher
            .get(Part::Picture, &url, validators, BYTES_MAX)?
        {
            Fetched::Unchanged { .. } if same => Ok(()),
            Fetched::Unchanged { .. } => Err(nonsense(
                "the picture is \"unchanged\", but it was never asked about a change".into(),
            )),
            Fetched::Body {
                bytes, validators, ..
            } => {
                let picture = Picture::from_bmp(&bytes).map_err(|why| nonsense(why.to_string()))?;
                if next.picture.as_ref() != Some(&picture) {
                    next.picture = Some(picture);
                    next.meta.picture_unix = unix;
                }
                next.meta.picture_url = url.into();
                next.meta.picture_validators = validators;
                Ok(())
            }
        }
    }

    /// Takes over what is new, on disk and here. A disk that refuses costs the next start, not this one.
    fn store(&mut self, next: Saved, answer: Answer) {
        if self.saved.as_ref() == Some(&next) && self.unsaved.is_none() {
            return;
        }
        if !answer.unreadable.is_empty() {
            warn!(fields = ?answer.unreadable, "the answer has values without sense");
        }
        info!(sol = answer.weather.sol.as_deref(), "news from Mars");
        self.unsaved = self.cache.as_ref().and_then(|cache| save(cache, &next));
        let snapshot = Snapshot {
            answer,
            answer_unix: next.meta.answer_unix,
            picture: next.picture.clone(),
            picture_unix: next.meta.picture_unix,
        };
        self.snapshot = Some(Arc::new(snapshot));
        self.saved = Some(next);
    }
}

fn load(cache: &Cache) -> Option<Saved> {
    cache.load().unwrap_or_else(|error| {
        let folder = cache.folder().display();
        warn!(%folder, %error, "the saved picture is unusable, starting without");
        None
    })
}

/// Why it could not be saved, if it could not.
fn save(cache: &Cache, saved: &Saved) -> Option<String> {
    let error = cache.save(saved).err()?;
    let folder = cache.folder().display();
    warn!(%folder, %error, "cannot save the picture for the next start");
    Some(format!("Cannot save the picture: {error}"))
}

fn snapshot(saved: &Saved) -> Option<Snapshot> {
    Some(Snapshot {
        answer: answer::read(saved.meta.answer.as_bytes()).ok()?,
        answer_unix: saved.meta.answer_unix,
        picture: saved.picture.clone(),
        picture_unix: saved.meta.picture_unix,
    })
}

fn nothing(url: &Url) -> Saved {
    Saved {
        meta: Meta {
            api_url: url.to_string(),
            answer: String::new(),
            answer_unix: 0,
            answer_validators: Validators::default(),
            picture_url: String::new(),
            picture_unix: 0,
            picture_validators: Validators::default(),
        },
        picture: None,
    }
}
