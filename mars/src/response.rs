//! What a display gets to read: the contract's JSON with our notes beside it, and answers that
//! are not sent twice.
//!
//! Pure: from values and headers to bytes and headers.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::header::{
    AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::mars::Report;

use super::cache::{Picture, fingerprint};
use super::selection::Rover;
use super::settings::Station;

/// The contract's JSON and, beside its keys, what an honest display wants to know.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    pub(super) report: Report,
    /// Whether picture or weather is older than it should be, or missing.
    pub(super) stale: bool,
    /// Age of the older of the two, in seconds.
    pub(super) age_s: Option<u64>,
    pub(super) image: ImageNote,
    pub(super) weather: WeatherNote,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ImageNote {
    /// Whether it is drawn rather than photographed.
    pub(super) placeholder: bool,
    pub(super) rover: Option<Rover>,
    pub(super) camera: Option<String>,
    pub(super) sol: Option<u32>,
    pub(super) taken: Option<String>,
    pub(super) credit: Option<String>,
    pub(super) source: Option<String>,
    #[serde(flatten)]
    pub(super) age: Confirmed,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct WeatherNote {
    pub(super) station: Option<Station>,
    #[serde(flatten)]
    pub(super) age: Confirmed,
}

/// When the source last confirmed it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Confirmed {
    pub(super) fetched_at: Option<String>,
    pub(super) age_s: Option<u64>,
}

impl Confirmed {
    pub(super) fn new(checked_at: u64, age_s: Option<u64>) -> Self {
        let at = i64::try_from(checked_at).ok().filter(|at| *at > 0);
        let at = at.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        Self {
            fetched_at: at.and_then(|at| at.format(&Rfc3339).ok()),
            age_s,
        }
    }
}

impl Answer {
    /// The response, or `304` if the display has this already. Ages pass, so the mark is weak
    /// and made without them.
    pub(super) fn respond(&self, asked: &HeaderMap) -> Response<Body> {
        let mut lasting = self.clone();
        lasting.age_s = None;
        lasting.image.age.age_s = None;
        lasting.weather.age.age_s = None;
        let etag = format!("W/\"{}\"", fingerprint(&to_json(&lasting)));
        let mut answer = if names(asked, &etag) {
            bare(StatusCode::NOT_MODIFIED, Body::empty())
        } else {
            let mut answer = bare(StatusCode::OK, Body::from(to_json(self)));
            set(&mut answer, CONTENT_TYPE, "application/json");
            answer
        };
        set(&mut answer, ETAG, &etag);
        set(&mut answer, CACHE_CONTROL, "private, no-cache");
        if let Some(age) = self.age_s {
            set(&mut answer, AGE, &age.to_string());
        }
        answer
    }
}

fn to_json(answer: &Answer) -> Vec<u8> {
    serde_json::to_vec(answer).expect("texts and numbers can always be written as JSON")
}

/// The bitmap, or `304` if the display has it already.
pub(super) fn bitmap(picture: &Picture, age: Option<u64>, asked: &HeaderMap) -> Response<Body> {
    let etag = picture.etag();
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(picture.made_at);
    let mut answer = if has_bitmap(asked, &etag, made) {
        bare(StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        let mut answer = bare(StatusCode::OK, Body::from(picture.bitmap.clone()));
        set(&mut answer, CONTENT_TYPE, "image/bmp");
        answer
    };
    set(&mut answer, ETAG, &etag);
    set(&mut answer, LAST_MODIFIED, &httpdate::fmt_http_date(made));
    // The address never changes, so whoever keeps the picture has to ask whether it is current.
    set(&mut answer, CACHE_CONTROL, "public, no-cache");
    if let Some(age) = age {
        set(&mut answer, AGE, &age.to_string());
    }
    answer
}

/// A mark decides alone where there is one; the date is for those who send none.
fn has_bitmap(asked: &HeaderMap, etag: &str, made: SystemTime) -> bool {
    if asked.contains_key(IF_NONE_MATCH) {
        return names(asked, etag);
    }
    let since = asked
        .get(IF_MODIFIED_SINCE)
        .and_then(|value| value.to_str().ok());
    since
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .is_some_and(|since| made <= since)
}

/// Whether `If-None-Match` names the mark; weak and strong compare alike there.
fn names(asked: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let lists = asked
        .get_all(IF_NONE_MATCH)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

/// An error as API Gateway words it.
pub(super) fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    let body = serde_json::json!({ "message": message }).to_string();
    let mut answer = bare(status, Body::from(body));
    set(&mut answer, CONTENT_TYPE, "application/json");
    answer
}

fn bare(status: StatusCode, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

fn set(answer: &mut Response<Body>, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use axum::http::request::Parts;

    use super::*;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn asked(headers: Headers<'_>) -> Parts {
        let mut request = Request::builder().uri("/mars");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("plain headers").into_parts().0
    }

    fn picture() -> Picture {
        Picture {
            bitmap: "BM…".into(),
            made_at: 1_795_000_000,
            origin: None,
        }
    }

    #[test]
    fn a_bitmap_is_sent_once() {
        let fresh = bitmap(&picture(), Some(3), &HeaderMap::new());
        assert_eq!(fresh.status(), StatusCode::OK);
        let etag = fresh.headers()[ETAG].to_str().expect("plain").to_owned();
        let date = fresh.headers()[LAST_MODIFIED]
            .to_str()
            .expect("plain")
            .to_owned();
        let weak = format!("\"other\", W/{etag}");
        let cases: [(Headers<'_>, u16); 9] = [
            (&[("if-none-match", &etag)], 304),
            (&[("if-none-match", &weak)], 304),
            (&[("if-none-match", "*")], 304),
            (&[("if-none-match", "\"other\"")], 200),
            (
                &[("if-none-match", "\"other\""), ("if-modified-since", &date)],
                200,
            ),
            (&[("if-modified-since", &date)], 304),
            (
                &[("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT")],
                200,
            ),
            (&[("if-modified-since", "yesterday")], 200),
            (&[("if-none-match", "")], 200),
        ];
        for (headers, expected) in cases {
            let answer = bitmap(&picture(), Some(3), &asked(headers).headers);
            assert_eq!(answer.status().as_u16(), expected, "{headers:?}");
            assert_eq!(answer.headers()[ETAG], etag.as_str());
            assert_eq!(answer.headers()[AGE], "3");
        }
    }

    #[test]
    fn the_mark_of_the_json_does_not_change_with_age() {
        let report = Report {
            image_url: "http://a/b".to_owned(),
            insight: wire::mars::Weather::default(),
        };
        let mut answer = Answer {
            report,
            stale: false,
            age_s: Some(1),
            image: ImageNote {
                age: Confirmed::new(9, Some(1)),
                ..ImageNote::default()
            },
            weather: WeatherNote::default(),
        };
        let etag = answer.respond(&HeaderMap::new()).headers()[ETAG].clone();
        answer.age_s = Some(2);
        answer.image.age.age_s = Some(2);
        assert_eq!(answer.respond(&HeaderMap::new()).headers()[ETAG], etag);
        let mut asked = HeaderMap::new();
        asked.insert(IF_NONE_MATCH, etag);
        let unchanged = answer.respond(&asked);
        assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(
            unchanged.headers()[AGE],
            "2",
            "the age travels even when the body does not"
        );
        answer.report.image_url.push('!');
        assert_eq!(answer.respond(&asked).status(), StatusCode::OK);
    }
}
