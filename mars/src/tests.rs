//! The room as a whole, over real sockets: a display in front, a replica of NASA's servers behind.

mod display;
mod replica;
mod trouble;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::replica::Replica;
use super::cache::{Kept, Origin, Picture, Shelf};
use super::*;

/// A drawn stand-in for a rover's photograph; see docs/mars.md.
const PHOTOGRAPH: &[u8] = include_bytes!("../../docs/mars/before.jpg");

const BY_DEFAULT: Selection = Selection {
    rover: RoverChoice::Any,
    camera: Camera::Colour,
};

/// How long something that must happen may take on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(120);

/// A station with its Mars API, and the servers that it asks.
struct World {
    replica: Arc<Replica>,
    address: String,
    client: reqwest::Client,
    folder: TempDir,
    _tasks: JoinSet<()>,
}

impl World {
    /// NASA's servers behave as `kind`; see the replica.
    async fn new(kind: &str) -> Self {
        Self::with(kind, |_| {}).await
    }

    async fn with(kind: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let mut tasks = JoinSet::new();
        let replica = Replica::start(&mut tasks).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut settings = settings(&replica, kind, folder.path());
        change(&mut settings);
        let address = serve(settings, &mut tasks).await;
        Self {
            replica,
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

fn settings(replica: &Replica, kind: &str, folder: &Path) -> Settings {
    Settings {
        selection: BY_DEFAULT,
        weather: vec![Station::Curiosity, Station::Perseverance],
        refresh: Duration::from_secs(3600),
        offline: false,
        public_url: None,
        feeds: replica.feeds(kind),
        patience: Patience {
            connect: DEADLINE,
            idle: DEADLINE,
            total: DEADLINE,
            first: DEADLINE,
        },
        folder: folder.join("mars"),
    }
}

async fn serve(settings: Settings, tasks: &mut JoinSet<()>) -> String {
    let mars = Mars::new(settings);
    let worker = mars.clone();
    tasks.spawn(async move {
        let ended = worker.keep_fresh(CancellationToken::new()).await;
        ended.expect("it runs on");
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let (report, picture) = (mars.clone(), mars);
    let report = async move |request: Request| report.report(request).await;
    let picture = async move |request: Request| picture.picture(request).await;
    let router = Router::new()
        .route("/mars", get(report))
        .route(PICTURE_PATH, get(picture));
    tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_display_gets_a_photograph_and_the_newest_weather() {
    let world = World::new("good").await;
    let answer = world.mars().await;
    assert_eq!(
        answer["image_url"],
        format!("{}/mars/picture.bmp", world.address)
    );
    let insight = &answer["insight"];
    assert_eq!(
        insight["sol"], "4995",
        "Curiosity's sol is newer than Perseverance's"
    );
    assert_eq!(insight["av_at"], -41.5);
    assert_eq!(insight["av_HWS"], Value::Null);
    assert_eq!(insight["av_PRE"], 767.0);
    assert_eq!(insight["season"], "Month 12");
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
    let bitmap = world.bitmap(&answer).await;
    assert_eq!(
        bitmap.len(),
        77_878,
        "the size that the original's backend produced"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rover_and_camera_are_chosen_by_query_and_kept_apart() {
    let world = World::new("good").await;
    let answer = world.get("/mars?rover=perseverance&camera=mastcam").await;
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["image"]["rover"], "perseverance");
    assert_eq!(answer["image"]["camera"], "MCZ_LEFT");
    assert_eq!(answer["image"]["credit"], "NASA/JPL-Caltech/ASU");
    let url = answer["image_url"].as_str().expect("an address");
    assert!(
        url.ends_with("/mars/picture.bmp?rover=perseverance&camera=mastcam"),
        "{url}"
    );
    assert!(!world.bitmap(&answer).await.is_empty());
    for (query, expected) in [
        ("rover=spirit", "use one of: any, curiosity, perseverance"),
        ("camera=%3Cscript%3E", "use one of: colour, any, mastcam"),
        (
            "rover=curiosity&camera=watson",
            "rover \"curiosity\" has no camera \"watson\"",
        ),
    ] {
        for path in ["/mars", PICTURE_PATH] {
            let refused = world.get(&format!("{path}?{query}")).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
            let refusal: Value = refused.json().await.expect("JSON");
            let message = refusal["message"].as_str().unwrap_or_default();
            assert!(message.contains(expected), "{message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_picture_never_makes_the_station_ask() {
    let world = World::new("good").await;
    let bitmap = world
        .get("/mars/picture.bmp?rover=curiosity&camera=mahli")
        .await;
    assert_eq!(bitmap.status(), StatusCode::OK);
    assert_eq!(bitmap.bytes().await.expect("a body").len(), 77_878);
    assert_eq!(world.replica.all_hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_displays_is_one_question_to_nasa() {
    let world = World::with("good", |settings| {
        settings.selection.rover = RoverChoice::Curiosity;
    })
    .await;
    let crowd = futures::future::join_all((0..20).map(|_| world.mars())).await;
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
    assert_eq!(world.replica.hits("curiosity"), 1);
    assert_eq!(world.replica.hits("rems"), 1);
    world.mars().await;
    assert_eq!(world.replica.hits("curiosity"), 1, "an hour has not passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_served_while_something_new_is_fetched() {
    let world = World::with("good", |settings| {
        settings.selection.rover = RoverChoice::Curiosity;
        settings.refresh = Duration::ZERO;
    })
    .await;
    let first = world.mars().await["image"]["source"].clone();
    let second = world
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
    let world = World::new("good").await;
    world.mars().await;
    for (path, limit) in [("/mars", 400), (PICTURE_PATH, 400)] {
        let first = world.get(path).await;
        let etag = first.headers()["etag"].clone();
        let request = world.client.get(format!("{}{path}", world.address));
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
    let date = world.get(PICTURE_PATH).await.headers()["last-modified"].clone();
    let request = world.client.get(format!("{}{PICTURE_PATH}", world.address));
    let again = request
        .header("if-modified-since", date)
        .send()
        .await
        .expect("an answer");
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_means_that_nobody_is_asked() {
    let world = World::with("good", |settings| settings.offline = true).await;
    let answer = world.mars().await;
    assert_eq!(answer["image"]["placeholder"], true);
    assert_eq!(answer["stale"], true);
    assert_eq!(answer["age_s"], Value::Null);
    assert_eq!(answer["insight"]["av_at"], Value::Null);
    assert_eq!(world.bitmap(&answer).await.len(), 77_878);
    assert_eq!(world.replica.all_hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn insights_archive_is_asked_only_where_it_was_chosen() {
    let world = World::with("good", |settings| settings.weather = vec![Station::Insight]).await;
    let answer = world.mars().await;
    assert_eq!(answer["weather"]["station"], "insight");
    assert_eq!(answer["insight"]["av_HWS"], 7.233);
    assert_eq!(answer["insight"]["season"], "fall");
    assert_eq!(world.replica.hits("rems"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_colour_cameras_sent_nothing_the_others_do() {
    let world = World::new("only-grey").await;
    let answer = world.mars().await;
    assert_eq!(answer["image"]["camera"], "NAV_LEFT_B");
    assert_eq!(
        answer["weather"]["station"], "perseverance",
        "Curiosity's feed has no sol"
    );
}
