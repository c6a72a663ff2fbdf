//! What is known of Mars and what of it is due: the last good weather, and the last good picture
//! of every selection asked for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, watch};

use crate::cache::DiskCache;
use crate::clock::unix_s;
use crate::http_client::{FetchError, HttpClient};
use crate::picture::Picture;
use crate::refresh_state::{Confirmed, RefreshState};
use crate::selection::Selection;
use crate::settings::Settings;
use crate::weather_feed::Reading;

/// Weather is measured once a sol and REMS' feed is 1.7 MB, so it is fetched more rarely.
const WEATHER_EVERY: Duration = Duration::from_secs(6 * 3600);

pub(crate) const WEATHER_FILE: &str = "weather.json";

pub(crate) fn picture_file(selection: Selection) -> String {
    format!("picture-{}-{}.json", selection.rover, selection.camera)
}

/// The Mars API.
pub struct Mars {
    pub(crate) settings: Settings,
    pub(crate) client: HttpClient,
    /// Unix seconds.
    pub(crate) started_at: u64,
    cache: DiskCache,
    state: Mutex<State>,
    pub(crate) weather_due: Notify,
    pub(crate) picture_due: Notify,
    /// Told of every answer and failure, for those who wait for the first.
    fetched: watch::Sender<()>,
}

pub(crate) struct State {
    pub(crate) weather: RefreshState<Reading>,
    /// At most one for every rover and camera there is: a few dozen bitmaps of 78 kB.
    pub(crate) pictures: HashMap<Selection, RefreshState<Picture>>,
}

impl Mars {
    /// What was cached by the last run; nothing is fetched before somebody asks.
    pub fn new(settings: Settings) -> Self {
        let cache = DiskCache::new(settings.cache_dir.clone());
        let weather = cache.load::<Reading>(WEATHER_FILE);
        let weather = weather.filter(|last| settings.weather.contains(&last.value.station));
        let picture = RefreshState::new(cache.load(&picture_file(settings.selection)));
        Self {
            client: HttpClient::new(settings.fetch_timeout),
            started_at: unix_s(),
            cache,
            state: Mutex::new(State {
                weather: RefreshState::new(weather),
                pictures: HashMap::from([(settings.selection, picture)]),
            }),
            weather_due: Notify::new(),
            picture_due: Notify::new(),
            fetched: watch::Sender::new(()),
            settings,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn weather_every(&self) -> Duration {
        self.settings.refresh.max(WEATHER_EVERY)
    }

    /// Has what is old fetched, unless the owner wants nobody to be asked.
    pub(crate) fn request_refresh(&self, selection: Selection, now: u64) {
        if self.settings.offline {
            return;
        }
        let mut state = self.lock();
        if state.weather.is_due(now, self.weather_every()) {
            state.weather.in_flight = true;
            self.weather_due.notify_one();
        }
        let cached = || RefreshState::new(self.cache.load(&picture_file(selection)));
        let picture = state.pictures.entry(selection).or_insert_with(cached);
        if picture.is_due(now, self.settings.refresh) {
            picture.in_flight = true;
            self.picture_due.notify_one();
        }
    }

    /// A selection that is to be fetched, with what is shown for it.
    pub(crate) fn next_due(&self) -> Option<(Selection, Option<Picture>)> {
        let state = self.lock();
        let (selection, due) = state.pictures.iter().find(|(_, it)| it.in_flight)?;
        Some((*selection, due.last.as_ref().map(|last| last.value.clone())))
    }

    /// Waits a little where there is nothing at all to show but something may come.
    pub(crate) async fn wait_for_first(&self, selection: Selection) {
        let mut fetched = self.fetched.subscribe();
        let is_awaited = || {
            let state = self.lock();
            let picture = state.pictures.get(&selection);
            state.weather.is_awaited() || picture.is_some_and(RefreshState::is_awaited)
        };
        let first = async { while is_awaited() && fetched.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(self.settings.first_timeout, first).await;
    }

    /// Records what came of a fetch, in memory at `place` and in the cache as `file`.
    pub(crate) async fn record<T: Clone + Serialize + Send + 'static>(
        &self,
        outcome: Result<T, FetchError>,
        file: String,
        place: impl FnOnce(&mut State) -> &mut RefreshState<T>,
    ) {
        let now = unix_s();
        let answer = outcome.map(|value| Confirmed {
            checked_at: now,
            value,
        });
        match &answer {
            Ok(answer) => place(&mut self.lock()).succeeded(answer.clone()),
            Err(error) => {
                let mut state = self.lock();
                let retry_in_s = place(&mut state).failed(now, error.retry_after, rand::random());
                tracing::warn!(%error, retry_in_s, file, "cannot fetch from NASA, trying again later");
            }
        }
        self.fetched.send_replace(());
        if let Ok(answer) = answer {
            let cache = self.cache.clone();
            let stored = tokio::task::spawn_blocking(move || cache.store(&file, &answer));
            let _ = stored.await;
        }
    }
}
