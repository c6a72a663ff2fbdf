//! The crate as a whole, over real sockets: a display in front, a replica of NASA's servers behind.

mod failures;
mod fake_nasa;
mod original_display;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::fake_nasa::FakeNasa;
use crate::{Mars, PICTURE_PATH, RoverChoice, Settings};

/// A computed stand-in for a rover's photograph; see docs/mars.md.
const PHOTOGRAPH: &[u8] = include_bytes!("../../docs/mars/before.jpg");

/// How long something that must happen may take on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(120);

/// A station with its Mars API, and the servers that it asks.
struct Fixture {
    nasa: Arc<FakeNasa>,
    address: String,
    client: reqwest::Client,
    folder: TempDir,
    _tasks: JoinSet<()>,
}

impl Fixture {
    /// NASA's servers behave as `kind`; see [`fake_nasa`].
    async fn new(kind: &str) -> Self {
        Self::with(kind, |_| {}).await
    }

    async fn with(kind: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let mut tasks = JoinSet::new();
        let nasa = FakeNasa::start(&mut tasks).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut settings = settings(&nasa, kind, folder.path());
        change(&mut settings);
        let address = serve(settings, &mut tasks).await;
        Self {
            nasa,
            address,
            client: client(),
            folder,
            _tasks: tasks,
        }
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(format!("{}{path}", self.address));
        request.send().await.expect("the station answers")
    }

    async fn mars(&self) -> Value {
        let answer = self.get("/mars").await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("JSON")
    }

    /// The bitmap that `answer` points to.
    async fn bitmap(&self, answer: &Value) -> Vec<u8> {
        let url = answer["image_url"].as_str().expect("an address");
        let bitmap = self
            .client
            .get(url)
            .send()
            .await
            .expect("the station answers");
        assert_eq!(bitmap.headers()["content-type"], "image/bmp");
        bitmap.bytes().await.expect("a body").to_vec()
    }

    /// Asks until `fits`, or fails with the last answer.
    async fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.mars().await;
                if fits(&last) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(DEADLINE, asking).await;
        assert!(came.is_ok(), "{what} did not happen: {last}");
        last
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a plain client")
}

fn settings(nasa: &FakeNasa, kind: &str, folder: &Path) -> Settings {
    Settings {
        feeds: nasa.feeds(kind),
        fetch_timeout: DEADLINE,
        first_timeout: DEADLINE,
        cache_dir: folder.join("mars"),
        ..Settings::default()
    }
}

/// Serves the two routes as ground-station does, but for the key.
async fn serve(settings: Settings, tasks: &mut JoinSet<()>) -> String {
    type Answer = Result<Response, (StatusCode, Json<Value>)>;
    let refused = |message| (StatusCode::BAD_REQUEST, Json(json!({"message": message})));
    let mars = Arc::new(Mars::new(settings));
    let worker = mars.clone();
    tasks.spawn(async move { worker.run().await });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let report = async move |State(mars): State<Arc<Mars>>, asked: Parts| -> Answer {
        let origin = format!("http://{address}");
        mars.report(&asked, Some(&origin)).await.map_err(refused)
    };
    let picture = async move |State(mars): State<Arc<Mars>>, asked: Parts| -> Answer {
        mars.picture(&asked).map_err(refused)
    };
    let router = Router::new()
        .route("/mars", get(report))
        .route(PICTURE_PATH, get(picture))
        .with_state(mars);
    tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_display_gets_a_photograph_and_the_newest_weather() {
    let fixture = Fixture::new("good").await;
    let answer = fixture.mars().await;
    assert_eq!(
        answer["image_url"],
        format!("{}/mars/picture.bmp", fixture.address)
    );
    let insight = &answer["insight"];
    assert_eq!(
        insight["sol"], "4995",
        "Curiosity's sol is newer than Perseverance's"
    );
    assert_eq!(insight["av_at"], -41.5);
    assert_eq!(insight["av_HWS"], Value::Null);
    assert_eq!(insight["av_PRE"], 767.0);
    assert_eq!(insight["season"], "late summer");
    assert!(
        insight["Last_UTC"]
            .as_str()
            .is_some_and(|utc| utc.starts_with("2026-08-25T"))
    );
    assert_eq!(answer["image"]["placeholder"], false);
    assert_eq!(answer["stale"], false);
    assert!(answer["age_s"].as_u64().is_some_and(|age| age < 60));
    let source = answer["image"]["source"].as_str().expect("a source");
    let newest = ["one.jpg", "two.jpg", "three.jpg", "p_1200.jpg"];
    assert!(newest.iter().any(|name| source.ends_with(name)), "{source}");
    let bitmap = fixture.bitmap(&answer).await;
    assert_eq!(
        bitmap.len(),
        77_878,
        "the size that the original's backend produced"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rover_and_camera_are_chosen_by_query_and_kept_apart() {
    let fixture = Fixture::new("good").await;
    let answer = fixture.get("/mars?rover=perseverance&camera=mastcam").await;
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["image"]["rover"], "perseverance");
    assert_eq!(answer["image"]["camera"], "MCZ_LEFT");
    assert_eq!(answer["image"]["credit"], "NASA/JPL-Caltech/ASU");
    let url = answer["image_url"].as_str().expect("an address");
    assert!(
        url.ends_with("/mars/picture.bmp?rover=perseverance&camera=mastcam"),
        "{url}"
    );
    assert!(!fixture.bitmap(&answer).await.is_empty());
    for (query, expected) in [
        (
            "rover=spirit",
            "expected one of `any`, `curiosity`, `perseverance`",
        ),
        (
            "camera=%3Cscript%3E",
            "expected one of `colour`, `any`, `mastcam`",
        ),
        (
            "rover=curiosity&camera=watson",
            "curiosity has no camera watson",
        ),
    ] {
        for path in ["/mars", PICTURE_PATH] {
            let refused = fixture.get(&format!("{path}?{query}")).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
            let refusal: Value = refused.json().await.expect("JSON");
            let message = refusal["message"].as_str().unwrap_or_default();
            assert!(message.contains(expected), "{message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_picture_never_makes_the_station_ask() {
    let fixture = Fixture::new("good").await;
    let bitmap = fixture
        .get("/mars/picture.bmp?rover=curiosity&camera=mahli")
        .await;
    assert_eq!(bitmap.status(), StatusCode::OK);
    assert_eq!(bitmap.bytes().await.expect("a body").len(), 77_878);
    assert_eq!(fixture.nasa.all_hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_displays_is_one_question_to_nasa() {
    let fixture = Fixture::with("good", |settings| {
        settings.selection.rover = RoverChoice::Curiosity;
    })
    .await;
    let crowd = futures::future::join_all((0..20).map(|_| fixture.mars())).await;
    assert!(
        crowd
            .iter()
            .all(|answer| answer["image"]["placeholder"] == false)
    );
    assert!(
        crowd
            .iter()
            .all(|answer| answer["insight"]["sol"] == "4995")
    );
    assert_eq!(fixture.nasa.hits("curiosity"), 1);
    assert_eq!(fixture.nasa.hits("rems"), 1);
    fixture.mars().await;
    assert_eq!(fixture.nasa.hits("curiosity"), 1, "an hour has not passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_served_while_something_new_is_fetched() {
    let fixture = Fixture::with("good", |settings| {
        settings.selection.rover = RoverChoice::Curiosity;
        settings.refresh = Duration::ZERO;
    })
    .await;
    let first = fixture.mars().await["image"]["source"].clone();
    let second = fixture
        .until("another picture", |answer| {
            answer["image"]["source"] != first
        })
        .await;
    assert_ne!(
        second["image"]["source"], first,
        "never the same twice in a row"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_picture_and_answer_are_not_sent_again() {
    let fixture = Fixture::new("good").await;
    fixture.mars().await;
    for (path, limit) in [("/mars", 400), (PICTURE_PATH, 400)] {
        let first = fixture.get(path).await;
        let etag = first.headers()["etag"].clone();
        let request = fixture.client.get(format!("{}{path}", fixture.address));
        let again = request
            .header("if-none-match", etag)
            .send()
            .await
            .expect("an answer");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert!(again.headers().contains_key("age"));
        let size: usize = again
            .headers()
            .iter()
            .map(|(n, v)| n.as_str().len() + v.len() + 4)
            .sum();
        assert!(size < limit, "{path}: {size} bytes of headers");
        assert_eq!(again.bytes().await.expect("a body").len(), 0);
    }
    let date = fixture.get(PICTURE_PATH).await.headers()["last-modified"].clone();
    let request = fixture
        .client
        .get(format!("{}{PICTURE_PATH}", fixture.address));
    let again = request
        .header("if-modified-since", date)
        .send()
        .await
        .expect("an answer");
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_means_that_nobody_is_asked() {
    let fixture = Fixture::with("good", |settings| settings.offline = true).await;
    let answer = fixture.mars().await;
    assert_eq!(answer["image"]["placeholder"], true);
    assert_eq!(answer["stale"], true);
    assert_eq!(answer["age_s"], Value::Null);
    assert_eq!(answer["insight"]["av_at"], Value::Null);
    assert_eq!(fixture.bitmap(&answer).await.len(), 77_878);
    assert_eq!(fixture.nasa.all_hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_colour_cameras_sent_nothing_the_others_do() {
    let fixture = Fixture::new("only-grey").await;
    let answer = fixture.mars().await;
    assert_eq!(answer["image"]["camera"], "NAV_LEFT_B");
    assert_eq!(
        answer["weather"]["station"], "perseverance",
        "Curiosity's feed has no sol"
    );
}
