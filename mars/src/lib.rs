//! The Mars API: `GET /mars` with the contract's JSON, and the bitmap it points to.
//!
//! Owns what is known of Mars: the last good weather, and the last good picture of every
//! selection asked for. Requests are answered from that at once; what has become old is asked for
//! again behind them, one question at a time, and when NASA cannot be reached the last good answer
//! is served with its age. Before there is any, the picture is a drawn landscape.
//!
//! Reading order: [`Settings`], [`Mars::report`] and [`Mars::picture`],
//! [`Mars::keep_fresh`] (`refresh`: the only part that asks), `photos` and `weather` (the feeds),
//! `picture` and `bitmap` (the pixels), `shelf` (what is kept), `answer` (what is sent).
//!
//! Knows no accounts: whoever calls has asked for the key.

mod address;
mod bitmap;
mod cache;
mod clock;
mod crop;
mod http_client;
mod landscape;
mod lenient_json;
mod noise;
mod photo_feed;
mod picture;
mod refresh;
mod refresh_state;
mod response;
mod selection;
mod settings;
#[cfg(test)]
mod tests;
mod weather_feed;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::clock::unix_s;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode, Uri};
use tokio::sync::{Notify, watch};
use wire::mars::Report;

use cache::{Picture, Shelf};
use http_client::Upstream;
use refresh_state::Pace;
use response::{Answer, Confirmed, ImageNote, WeatherNote};
use weather_feed::Reading;

pub use address::Scheme;
pub use selection::{Camera, RoverChoice, Selection};
pub use settings::{Feeds, Patience, Settings, Station};

/// The bitmap's address; it never changes, as in the original.
pub const PICTURE_PATH: &str = "/mars/picture.bmp";
/// Weather is measured once a sol and REMS' feed is 1.7 MB, so it is asked for more rarely.
const WEATHER_EVERY: Duration = Duration::from_secs(6 * 3600);

/// What is known of Mars. Cheap to clone.
#[derive(Clone)]
pub struct Mars(Arc<Inner>);

struct Inner {
    settings: Settings,
    upstream: Upstream,
    shelf: Shelf,
    known: Mutex<Everything>,
    weather_wanted: Notify,
    picture_wanted: Notify,
    /// Counts answers and failures, for those who wait for the first.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Everything {
    weather: Known<Reading>,
    /// At most one for every rover and camera there is: a few dozen bitmaps of 78 kB.
    pictures: HashMap<Selection, Known<Picture>>,
}

/// The last good answer and its pace.
struct Known<T> {
    value: Option<Arc<T>>,
    pace: Pace,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            value: None,
            pace: Pace::default(),
        }
    }
}

impl<T> Known<T> {
    fn kept(kept: cache::Kept<T>) -> Self {
        Self {
            value: Some(Arc::new(kept.value)),
            pace: Pace::since(kept.checked_at),
        }
    }

    /// Nothing to show yet, but a question is under way.
    fn is_awaited(&self) -> bool {
        self.value.is_none() && self.pace.asked
    }
}

impl Mars {
    /// What was kept from the last run, and nothing asked yet.
    pub fn new(settings: Settings) -> Self {
        let upstream = Upstream::new(settings.patience);
        let shelf = Shelf::new(settings.folder.clone());
        let mut known = Everything::default();
        let weather = shelf.weather::<Reading>();
        let weather = weather.filter(|kept| settings.weather.contains(&kept.value.station));
        known.weather = weather.map(Known::kept).unwrap_or_default();
        if let Some(kept) = shelf.picture(settings.selection) {
            known.pictures.insert(settings.selection, Known::kept(kept));
        }
        Self(Arc::new(Inner {
            settings,
            upstream,
            shelf,
            known: Mutex::new(known),
            weather_wanted: Notify::new(),
            picture_wanted: Notify::new(),
            changed: watch::Sender::new(0),
        }))
    }

    /// Answers `GET /mars`; whoever calls has asked for the key.
    pub async fn report(&self, request: Request) -> Response<Body> {
        let (asked, _) = request.into_parts();
        let selection = match self.selection(&asked.uri) {
            Ok(selection) => selection,
            Err(message) => return response::refusal(StatusCode::BAD_REQUEST, &message),
        };
        let Some(base) = address::base(&asked, self.0.settings.public_url.as_ref()) else {
            let message = "the request has no usable Host header";
            return response::refusal(StatusCode::BAD_REQUEST, message);
        };
        self.want(selection, unix_s());
        self.first_answer(selection).await;
        self.answer(selection, &base, unix_s())
            .respond(&asked.headers)
    }

    /// Answers `GET` [`PICTURE_PATH`], which never makes the station ask anybody.
    pub async fn picture(&self, request: Request) -> Response<Body> {
        let (asked, _) = request.into_parts();
        let selection = match self.selection(&asked.uri) {
            Ok(selection) => selection,
            Err(message) => return response::refusal(StatusCode::BAD_REQUEST, &message),
        };
        let known = {
            let known = self.lock();
            let known = known.pictures.get(&selection);
            known.and_then(|known| Some((known.value.clone()?, known.pace.age(unix_s()))))
        };
        match known {
            Some((picture, age)) => response::bitmap(&picture, age, &asked.headers),
            None => response::bitmap(&*drawing().await, None, &asked.headers),
        }
    }

    /// The rover and camera a request asks for, the owner's choice where it does not say.
    fn selection(&self, uri: &Uri) -> Result<Selection, String> {
        let mut selection = self.0.settings.selection;
        for (key, value) in url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()) {
            match &*key {
                "rover" => selection.rover = selection::parse("rover", &value)?,
                "camera" => selection.camera = selection::parse("camera", &value)?,
                _ => {}
            }
        }
        if selection.rovers().is_empty() {
            let (rover, camera) = (
                selection::word(&selection.rover),
                selection::word(&selection.camera),
            );
            return Err(format!("rover {rover:?} has no camera {camera:?}"));
        }
        Ok(selection)
    }

    /// Sees to it that what is old is asked for.
    fn want(&self, selection: Selection, now: u64) {
        if self.0.settings.offline {
            return;
        }
        let mut known = self.lock();
        if known.weather.pace.is_due(now, self.weather_every()) {
            known.weather.pace.asked = true;
            self.0.weather_wanted.notify_one();
        }
        let picture = known.pictures.entry(selection).or_insert_with(|| {
            self.0
                .shelf
                .picture(selection)
                .map(Known::kept)
                .unwrap_or_default()
        });
        if picture.pace.is_due(now, self.0.settings.refresh) {
            picture.pace.asked = true;
            self.0.picture_wanted.notify_one();
        }
    }

    /// A selection that was asked for and not looked for yet, with what is shown for it.
    fn next_wanted(&self) -> Option<(Selection, Option<Arc<Picture>>)> {
        let known = self.lock();
        let (selection, known) = known.pictures.iter().find(|(_, known)| known.pace.asked)?;
        Some((*selection, known.value.clone()))
    }

    /// Waits a little where there is nothing at all to show but something may come.
    async fn first_answer(&self, selection: Selection) {
        let mut changed = self.0.changed.subscribe();
        let awaited = || {
            let known = self.lock();
            let picture = known
                .pictures
                .get(&selection)
                .is_some_and(Known::is_awaited);
            picture || known.weather.is_awaited()
        };
        let settled = async { while awaited() && changed.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(self.0.settings.patience.first, settled).await;
    }

    fn answer(&self, selection: Selection, base: &str, now: u64) -> Answer {
        let known = self.lock();
        let (weather, none) = (&known.weather, Known::default());
        let picture = known.pictures.get(&selection).unwrap_or(&none);
        let query = if selection == self.0.settings.selection {
            String::new()
        } else {
            format!("?{}", selection.query())
        };
        let ages = [picture.pace.age(now), weather.pace.age(now)];
        Answer {
            report: Report {
                image_url: format!("{base}{PICTURE_PATH}{query}"),
                insight: weather
                    .value
                    .as_ref()
                    .map(|it| it.weather.clone())
                    .unwrap_or_default(),
            },
            stale: picture.pace.is_stale(now, self.0.settings.refresh)
                || weather.pace.is_stale(now, self.weather_every()),
            age_s: ages.into_iter().flatten().max(),
            image: image_note(picture, now),
            weather: WeatherNote {
                station: weather.value.as_ref().map(|it| it.station),
                age: Confirmed::new(weather.pace.checked_at, weather.pace.age(now)),
            },
        }
    }

    fn weather_every(&self) -> Duration {
        self.0.settings.refresh.max(WEATHER_EVERY)
    }

    fn lock(&self) -> MutexGuard<'_, Everything> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The drawn landscape, made once: most stations never need it.
async fn drawing() -> Arc<Picture> {
    static DRAWING: OnceLock<Arc<Picture>> = OnceLock::new();
    let draw = || {
        let bitmap = bitmap::encode(&landscape::draw()).into();
        Arc::new(Picture {
            bitmap,
            made_at: unix_s(),
            origin: None,
        })
    };
    match DRAWING.get() {
        Some(drawing) => drawing.clone(),
        None => tokio::task::spawn_blocking(move || DRAWING.get_or_init(draw).clone())
            .await
            .expect("the landscape depends on nothing, and a test draws it"),
    }
}

fn image_note(picture: &Known<Picture>, now: u64) -> ImageNote {
    let origin = picture
        .value
        .as_ref()
        .and_then(|picture| picture.origin.clone());
    let mut note = ImageNote {
        placeholder: origin.is_none(),
        age: Confirmed::new(picture.pace.checked_at, picture.pace.age(now)),
        ..ImageNote::default()
    };
    if let Some(origin) = origin {
        note.rover = Some(origin.rover);
        note.camera = Some(origin.instrument);
        note.sol = Some(origin.sol);
        note.taken = origin.taken;
        note.credit = Some(origin.credit);
        note.source = Some(origin.source);
    }
    note
}
