//! What requests get: the contract's JSON with our notes beside it, and the bitmap.

use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use headers::ETag;
use serde::Serialize;
use serde_json::{Value, json};
use wire::mars::Report;

use crate::clock::{rfc3339, unix_s};
use crate::picture::PLACEHOLDER;
use crate::refresh_state::RefreshState;
use crate::response::{Representation, etag};
use crate::selection::Selection;
use crate::state::Mars;

/// The bitmap's address; it never changes, as in the original.
pub const PICTURE_PATH: &str = "/mars/picture.bmp";

impl Mars {
    /// Answers `GET /mars`; whoever calls has checked the key. `origin` is how the client reaches
    /// this station, if the request says it: scheme and host, without a last slash.
    ///
    /// # Errors
    /// In words, when the query asks for a picture that nobody takes, or nobody says where this
    /// station is reached.
    pub async fn report(&self, asked: &Parts, origin: Option<&str>) -> Result<Response, String> {
        let selection = self.selection(asked)?;
        let base = self
            .base(origin)
            .ok_or("the request has no usable Host header")?;
        self.request_refresh(selection, unix_s());
        self.wait_for_first(selection).await;
        let (report, etag) = self.report_at(selection, base, unix_s());
        let representation = Representation {
            content_type: "application/json",
            body: to_json(&report).into(),
            etag,
            modified: None,
            cache_control: "private, no-cache",
            age_s: report.age_s,
        };
        Ok(representation.respond(&asked.headers))
    }

    /// Answers `GET` [`PICTURE_PATH`], which never makes the station ask anybody.
    ///
    /// # Errors
    /// As [`Mars::report`].
    pub fn picture(&self, asked: &Parts) -> Result<Response, String> {
        let selection = self.selection(asked)?;
        let (last, age_s) = {
            let state = self.lock();
            let picture = state.pictures.get(&selection);
            let last = picture.and_then(|picture| picture.last.clone());
            (last, picture.and_then(|picture| picture.age_s(unix_s())))
        };
        let (body, made_at) = match last {
            Some(last) => (last.value.bitmap.clone(), last.value.made_at),
            // Newer than any picture of an earlier run, so that it takes that one's place.
            None => (Bytes::from_static(PLACEHOLDER), self.started_at),
        };
        let representation = Representation {
            content_type: "image/bmp",
            etag: etag(&body, ""),
            body,
            modified: Some(made_at),
            // The address never changes, so whoever keeps the picture has to ask whether it is
            // current.
            cache_control: "public, no-cache",
            age_s,
        };
        Ok(representation.respond(&asked.headers))
    }

    /// What the picture's address begins with: the owner's word, else what the client used.
    fn base<'a>(&'a self, origin: Option<&'a str>) -> Option<&'a str> {
        let public_url = self.settings.public_url.as_ref();
        let public_url = public_url.map(|url| url.as_str().trim_end_matches('/'));
        public_url.or(origin)
    }

    fn selection(&self, asked: &Parts) -> Result<Selection, String> {
        let selection = self.settings.selection;
        selection.with_query(asked.uri.query().unwrap_or_default())
    }
}

/// The contract's JSON and, beside its keys, what an honest display wants to know.
#[derive(Serialize)]
struct FullReport {
    #[serde(flatten)]
    report: Report,
    /// Whether picture or weather is older than it should be, or missing.
    stale: bool,
    /// Age of the older of the two, in seconds.
    age_s: Option<u64>,
    image: Value,
    weather: Value,
}

impl Mars {
    /// What is known at `now`, and its mark. Ages pass, so the mark is weak and made without them.
    fn report_at(&self, selection: Selection, base: &str, now: u64) -> (FullReport, ETag) {
        let (settings, state) = (&self.settings, self.lock());
        let query = if selection == settings.selection {
            String::new()
        } else {
            format!("?{}", selection.query())
        };
        let unknown = RefreshState::new(None);
        let picture = state.pictures.get(&selection).unwrap_or(&unknown);
        let photo = picture.last.as_ref().map(|last| &last.value.photo);
        let weather = &state.weather;
        let reading = weather.last.as_ref().map(|last| &last.value);
        let report = FullReport {
            report: Report {
                image_url: format!("{base}{PICTURE_PATH}{query}"),
                insight: reading.map(|it| it.weather.clone()).unwrap_or_default(),
            },
            stale: picture.is_stale(now, settings.refresh)
                || weather.is_stale(now, self.weather_every()),
            age_s: picture.age_s(now).max(weather.age_s(now)),
            image: json!({
                "placeholder": photo.is_none(),
                "rover": photo.map(|it| it.rover),
                "camera": photo.map(|it| &it.instrument),
                "sol": photo.map(|it| it.sol),
                "taken": photo.and_then(|it| it.taken.as_ref()),
                "credit": photo.map(|it| &it.credit),
                "source": photo.map(|it| &it.source),
                "fetched_at": fetched_at(picture),
                "age_s": picture.age_s(now),
            }),
            weather: json!({
                "station": reading.map(|it| it.station),
                "fetched_at": fetched_at(weather),
                "age_s": weather.age_s(now),
            }),
        };
        let source = photo.map(|it| &it.source);
        let fetched = (fetched_at(picture), fetched_at(weather));
        let lasting = (&report.report, report.stale, source, fetched);
        let etag = etag(&to_json(&lasting), "W/");
        (report, etag)
    }
}

fn fetched_at<T>(state: &RefreshState<T>) -> Option<String> {
    let last = state.last.as_ref()?;
    rfc3339(i64::try_from(last.checked_at).ok()?)
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers can always be written as JSON")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use axum::http::Request;
    use headers::{HeaderMapExt, IfModifiedSince, LastModified};

    use super::*;
    use crate::picture::tests::plain_picture;
    use crate::refresh_state::Confirmed;
    use crate::settings::Settings;

    #[test]
    fn the_mark_of_the_json_does_not_change_with_age() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mars = Mars::new(Settings {
            cache_dir: folder.path().to_owned(),
            ..Settings::default()
        });
        let selection = Selection::default();
        let picture = Confirmed {
            checked_at: 1_795_000_000,
            value: plain_picture(),
        };
        let state = RefreshState::new(Some(picture));
        mars.lock().pictures.insert(selection, state);
        let at = |origin, now| mars.report_at(selection, origin, now);
        let (report, mark) = at("http://a", 1_795_000_001);
        let (older, same_mark) = at("http://a", 1_795_000_002);
        assert_eq!((report.age_s, older.age_s), (Some(1), Some(2)));
        assert_eq!(mark, same_mark);
        assert_ne!(mark, at("http://b", 1_795_000_001).1);
    }

    #[test]
    fn the_placeholder_is_newer_than_a_picture_of_an_earlier_run() {
        let mars = Mars::new(Settings::default());
        let status = |since: u64| {
            let since = SystemTime::UNIX_EPOCH + Duration::from_secs(since);
            let mut asked = Request::new(()).into_parts().0;
            asked.headers.typed_insert(IfModifiedSince::from(since));
            let response = mars.picture(&asked).expect("no query");
            let modified = response.headers().typed_get::<LastModified>();
            let started = SystemTime::UNIX_EPOCH + Duration::from_secs(mars.started_at);
            assert_eq!(modified, Some(LastModified::from(started)));
            response.status().as_u16()
        };
        assert_eq!(status(mars.started_at - 1), 200);
        assert_eq!(status(mars.started_at), 304);
    }

    #[test]
    fn the_owners_address_comes_first() {
        let mars = Mars::new(Settings {
            public_url: Some("https://mars.example/outpost/".parse().expect("a constant")),
            ..Settings::default()
        });
        let origin = Some("http://10.0.0.1");
        let public_url = Some("https://mars.example/outpost");
        assert_eq!(mars.base(origin), public_url);
        assert_eq!(mars.base(None), public_url, "no Host is needed");
        let mars = Mars::new(Settings::default());
        assert_eq!(mars.base(origin), origin);
        assert_eq!(mars.base(None), None);
    }
}
