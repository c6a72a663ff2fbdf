//! NASA's servers in small: the shapes of the live feeds, typed by hand, and every way in which
//! they have been seen or can be imagined to go wrong.
//!
//! The first part of a path says how the server behaves, the second what is asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

use super::PHOTOGRAPH;
use crate::settings::Feeds;

/// Far more than any feed may have.
const HUGE: usize = 10 << 20;

pub(super) struct FakeNasa {
    pub(super) base: String,
    down: AtomicBool,
    hits: Mutex<HashMap<String, u32>>,
}

impl FakeNasa {
    pub(super) async fn start(tasks: &mut JoinSet<()>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let nasa = Arc::new(Self {
            base: format!("http://{address}"),
            down: AtomicBool::new(false),
            hits: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(nasa.clone());
        tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        nasa
    }

    /// The feeds of a server that behaves as `kind`.
    pub(super) fn feeds(&self, kind: &str) -> Feeds {
        let at = |name: &str| Url::parse(&format!("{}/{kind}/{name}", self.base)).expect("plain");
        Feeds {
            curiosity: at("curiosity"),
            perseverance: at("perseverance"),
            curiosity_weather: at("rems"),
            perseverance_weather: at("meda"),
        }
    }

    /// How often `name` was asked for.
    pub(super) fn hits(&self, name: &str) -> u32 {
        self.hits
            .lock()
            .expect("unpoisoned")
            .get(name)
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn all_hits(&self) -> u32 {
        self.hits.lock().expect("unpoisoned").values().sum()
    }

    /// From now on nothing but errors and the wish to be left alone, or not any more.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

async fn answer(State(nasa): State<Arc<FakeNasa>>, request: Request) -> Response<Body> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let (kind, name) = path.split_once('/').unwrap_or((&path, ""));
    *nasa
        .hits
        .lock()
        .expect("unpoisoned")
        .entry(name.to_owned())
        .or_default() += 1;
    if nasa.down.load(Ordering::SeqCst) {
        return with_header(StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER, "3600");
    }
    match kind {
        "html" => plain(
            StatusCode::OK,
            "<!DOCTYPE html><title>Be right back</title>",
        ),
        "xml" => plain(
            StatusCode::OK,
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
        ),
        "error" => plain(StatusCode::INTERNAL_SERVER_ERROR, "oops"),
        "busy" => with_header(StatusCode::TOO_MANY_REQUESTS, RETRY_AFTER, "7200"),
        "loop" => with_header(StatusCode::FOUND, LOCATION, &format!("/loop/{name}")),
        "nothing" => plain(StatusCode::OK, ""),
        "null" => plain(StatusCode::OK, "null"),
        "shape" => plain(
            StatusCode::OK,
            r#"{"items":{},"images":"none","soles":7,"sols":[[]],"x":1}"#,
        ),
        "empty" => plain(
            StatusCode::OK,
            r#"{"items":[],"images":[],"soles":[],"sols":[]}"#,
        ),
        "huge" => plain(StatusCode::OK, Bytes::from(vec![b' '; HUGE])),
        "huge-unannounced" => stream_of(HUGE / 65_536, 65_536, Duration::ZERO),
        "trickle" => stream_of(usize::MAX, 1, Duration::from_millis(20)),
        "silent" => stream_of(usize::MAX, 1, Duration::from_secs(3600)),
        "cut" => {
            let whole = feed(&nasa.base, "good", name);
            plain(StatusCode::OK, whole[..whole.len() * 2 / 3].to_vec())
        }
        "picture" => photograph(name),
        kind => plain(StatusCode::OK, feed(&nasa.base, kind, name)),
    }
}

fn plain(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer
}

fn with_header(status: StatusCode, name: axum::http::HeaderName, value: &str) -> Response<Body> {
    let mut answer = plain(status, "");
    answer
        .headers_mut()
        .insert(name, value.parse().expect("a plain header"));
    answer
}

/// A body in pieces and without announced length, one piece every `pause`.
fn stream_of(pieces: usize, size: usize, pause: Duration) -> Response<Body> {
    let body = futures::stream::iter(0..pieces).then(move |_| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::convert::Infallible>(Bytes::from(vec![b' '; size]))
    });
    plain(StatusCode::OK, Body::from_stream(body))
}

fn photograph(name: &str) -> Response<Body> {
    match name {
        "missing.jpg" => plain(StatusCode::NOT_FOUND, "no such picture"),
        "page.jpg" => plain(StatusCode::OK, "<html>we have moved</html>"),
        "cut.jpg" => plain(StatusCode::OK, PHOTOGRAPH[..PHOTOGRAPH.len() / 3].to_vec()),
        "huge.jpg" => stream_of(400, 65_536, Duration::ZERO),
        "lying.png" => plain(StatusCode::OK, lying_png()),
        "night.png" => plain(StatusCode::OK, png(|_, _| [3, 3, 4])),
        "grey.png" => plain(
            StatusCode::OK,
            png(|x, y| [((x * 3 + y * 5) % 200) as u8; 3]),
        ),
        _ => plain(StatusCode::OK, PHOTOGRAPH),
    }
}

fn png(colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let image = image::RgbImage::from_fn(400, 300, |x, y| image::Rgb(colour(x, y)));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("an encoder into memory");
    bytes.into_inner()
}

/// A header of forty megapixels, with the checksum to go with it, and no pixels behind it.
fn lying_png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x1e\0\0\0\x15\0\x08\x02\0\0\0".to_vec();
    bytes.extend_from_slice(&0x38a5_49ed_u32.to_be_bytes());
    bytes.extend_from_slice(b"\0\0\0\x10IDAT0123456789abcdef\0\0\0\0");
    bytes
}

/// The feed `name` in the way of `kind`.
fn feed(base: &str, kind: &str, name: &str) -> Vec<u8> {
    let text = match (name, kind) {
        ("curiosity", "odd") => odd_curiosity(base),
        ("curiosity", "bad-pictures") => {
            curiosity(base, &["missing.jpg", "page.jpg", "cut.jpg", "lying.png"])
        }
        ("curiosity", "huge-pictures") => curiosity(base, &["huge.jpg"]),
        ("curiosity", "nights") => curiosity(base, &["night.png", "night.png?2", "fair.jpg"]),
        ("curiosity", "only-grey") => grey_curiosity(base),
        ("curiosity", _) => curiosity(base, &["one.jpg", "two.jpg", "three.jpg"]),
        ("perseverance", "bad-pictures" | "huge-pictures" | "nights" | "only-grey") => {
            r#"{"images":[]}"#.to_owned()
        }
        ("perseverance", _) => perseverance(base),
        ("rems", "odd") => return odd_rems(),
        ("rems", "no-wind" | "only-grey" | "nights") => r#"{"soles":[]}"#.to_owned(),
        ("rems", _) => REMS.to_owned(),
        _ => MEDA.to_owned(),
    };
    text.into_bytes()
}

fn curiosity(base: &str, pictures: &[&str]) -> String {
    let record = |(number, name): (usize, &&str)| {
        format!(
            r#"{{"id":{number},"imageid":"5028MR{number}","sol":5028,"instrument":"MAST_RIGHT",
            "is_thumbnail":false,"https_url":"{base}/picture/{name}","site":null,"xyz":"(1.5,2.5,3.5)",
            "date_taken":"2026-09-28T03:10:00.000Z","image_credit":"NASA/JPL-Caltech/MSSS",
            "extended":{{"sample_type":"full","lmst":"Sol-05028M14:30:00.000","filter_name":null}}}}"#
        )
    };
    let records: Vec<_> = pictures.iter().enumerate().map(record).collect();
    format!(
        r#"{{"items":[{},
        {{"id":90,"sol":5028,"instrument":"MAST_RIGHT","is_thumbnail":true,
          "https_url":"{base}/picture/thumbnail.jpg","extended":{{"sample_type":"thumbnail"}}}},
        {{"id":91,"sol":5027,"instrument":"MAST_LEFT","is_thumbnail":false,
          "https_url":"{base}/picture/older.jpg","extended":{{"sample_type":"full"}}}}],
        "more":true,"total":1250000,"page":0,"per_page":100}}"#,
        records.join(",")
    )
}

/// Reordered, pages and sols as strings, a thumbnail without a flag, records of other kinds.
fn odd_curiosity(base: &str) -> String {
    format!(
        r#"{{"per_page":"100","page":"0","total":"2","more":"true","items":[null,7,"text",[],{{}},
        {{"sol":"5001","instrument":"MAST_LEFT","https_url":"{base}/picture/older.jpg"}},
        {{"sol":NaN,"instrument":"MAST_LEFT","https_url":"{base}/picture/no-sol.jpg"}},
        {{"extended":{{"sample_type":"Thumbnail"}},"sol":"5002","instrument":"MAST_LEFT",
          "https_url":"{base}/picture/thumbnail.jpg"}},
        {{"extended":"none","sol":"5002","instrument":"MAST_LEFT","https_url":"{base}/picture/odd.jpg",
          "date_taken":null,"image_credit":"--"}},
        {{"sol":5003,"instrument":"MAST_LEFT","https_url":""}},
        {{"sol":"--","instrument":"MAST_LEFT","https_url":"{base}/picture/no-sol.jpg"}}]}}"#
    )
}

fn grey_curiosity(base: &str) -> String {
    format!(
        r#"{{"items":[{{"sol":5028,"instrument":"NAV_LEFT_B","https_url":"{base}/picture/grey.png"}}]}}"#
    )
}

fn perseverance(base: &str) -> String {
    format!(
        r#"{{"images":[{{"imageid":"ZL0_1995","sol":1995,"sample_type":"Full","title":"Mars Perseverance Sol 1995",
        "camera":{{"instrument":"MCZ_LEFT","filter_name":"UNK"}},"credit":"NASA/JPL-Caltech/ASU",
        "date_taken_utc":"2026-09-30T11:00:00.000","drive":"567","site":25,
        "image_files":{{"small":"{base}/picture/p_320.jpg","medium":"{base}/picture/p_800.jpg",
        "large":"{base}/picture/p_1200.jpg","full_res":"{base}/picture/p.png"}},
        "extended":{{"dimension":"(1648,1200)","scaleFactor":"1"}}}}],
        "per_page":"100","page":"0","total_results":1,"type":"mars2020-imagedisplay-1.1"}}"#
    )
}

const REMS: &str = r#"{"descriptions":{"disclaimer_en":"The REMS weather data..."},"soles":[
    {"id":"4990","terrestrial_date":"2026-08-25","sol":"4995","ls":"331","season":"Month 12",
     "min_temp":"-72","max_temp":"-11","pressure":"767","pressure_string":"Higher","abs_humidity":"--",
     "wind_speed":"--","wind_direction":"--","atmo_opacity":"Sunny","sunrise":"05:40","sunset":"17:57"},
    {"id":"4989","terrestrial_date":"2026-08-24","sol":"4994","season":"Month 12",
     "min_temp":"-71","max_temp":"-9","pressure":"768","wind_speed":"--"}]}"#;

/// Oldest first, bytes that are no UTF-8, numbers bare and as NaN, values that are missing.
fn odd_rems() -> Vec<u8> {
    let mut bytes =
        b"{\"descriptions\":{\"disclaimer_es\":\"presi\xf3n atmosf\xe9rica\"},\"soles\":[".to_vec();
    bytes.extend_from_slice(
        br#"null,{"sol":"4000","min_temp":-80,"max_temp":-10,"pressure":700},
        {"sol":4995,"terrestrial_date":"soon","min_temp":NaN,"max_temp":"--","pressure":"767.5","season":null},
        {"sol":"4996","min_temp":"--","max_temp":"","pressure":-Infinity}]}"#,
    );
    bytes
}

const MEDA: &str = r#"{"sols":[{"terrestrial_date":"2024-04-26","sol":"1132","season":"mid spring",
    "min_temp":-80.1,"max_temp":-20,"pressure":700.5},
    {"terrestrial_date":"2024-04-27","sol":"1133","season":"mid spring",
    "min_temp":-79,"max_temp":-21,"pressure":701,"sunrise":"05:10:20","sunset":"18:40:00"}]}"#;
