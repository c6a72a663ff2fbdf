//! What is not sent twice: a body with its mark, or `304` to whoever has it already.
//!
//! Pure: from values and headers to a response.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use headers::{Age, ETag, HeaderMapExt, IfModifiedSince, IfNoneMatch, LastModified};

/// A body and what a display should know of it.
pub(crate) struct Representation {
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) etag: ETag,
    /// When the body was made, Unix seconds; none if only the mark tells bodies apart.
    pub(crate) modified: Option<u64>,
    /// Who may keep the answer, and whether it may be used without asking.
    pub(crate) cache_control: &'static str,
    /// Seconds since the source confirmed it.
    pub(crate) age_s: Option<u64>,
}

impl Representation {
    /// The response to a request with the headers `asked`.
    pub(crate) fn respond(self, asked: &HeaderMap) -> Response {
        let modified = self
            .modified
            .map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at));
        let mut response = Response::default();
        let headers = response.headers_mut();
        headers.typed_insert(self.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        if let Some(modified) = modified {
            headers.typed_insert(LastModified::from(modified));
        }
        if let Some(age_s) = self.age_s {
            headers.typed_insert(Age::from_secs(age_s));
        }
        if has_current(asked, &self.etag, modified) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            *response.body_mut() = Body::from(self.body);
        }
        response
    }
}

/// A mark decides alone where there is one; the date is for those who send none.
fn has_current(asked: &HeaderMap, etag: &ETag, modified: Option<SystemTime>) -> bool {
    if let Some(marks) = asked.typed_get::<IfNoneMatch>() {
        return !marks.precondition_passes(etag);
    }
    let since = asked.typed_get::<IfModifiedSince>();
    since
        .zip(modified)
        .is_some_and(|(since, modified)| !since.is_modified(modified))
}

/// The first half of the SHA-256 of `content`: enough to tell pictures apart.
pub(crate) fn etag(content: &[u8], prefix: &str) -> ETag {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    let digits: String = digest.as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mark = format!("{prefix}\"{digits}\"");
    mark.parse().expect("hexadecimal digits in quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap() -> Representation {
        Representation {
            content_type: "image/bmp",
            body: "BM…".into(),
            etag: etag(b"BM", ""),
            modified: Some(1_795_000_000),
            cache_control: "public, no-cache",
            age_s: Some(3),
        }
    }

    #[test]
    fn a_mark_lasts_longer_than_the_program() {
        let expected: [ETag; 2] = [
            "\"60552acac4d4873c30906f5436310b55\"",
            "W/\"60552acac4d4873c30906f5436310b55\"",
        ]
        .map(|mark| mark.parse().expect("a mark"));
        assert_eq!([etag(b"BM", ""), etag(b"BM", "W/")], expected);
    }

    #[test]
    fn a_bitmap_is_sent_once() {
        let fresh = bitmap().respond(&HeaderMap::new());
        assert_eq!(fresh.status(), StatusCode::OK);
        let header = |name| fresh.headers()[name].to_str().expect("plain").to_owned();
        let (etag, date) = (header("etag"), header("last-modified"));
        let weak = format!("\"other\", W/{etag}");
        let cases: [(&[(&'static str, &str)], u16); 9] = [
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
            let mut asked = HeaderMap::new();
            for (name, value) in headers {
                asked.insert(*name, value.parse().expect("a plain header"));
            }
            let response = bitmap().respond(&asked);
            assert_eq!(response.status().as_u16(), expected, "{headers:?}");
            assert_eq!(response.headers()["etag"], etag.as_str());
            assert_eq!(response.headers()["age"], "3");
        }
    }
}
