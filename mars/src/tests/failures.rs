//! Everything that can go wrong behind the station, and what a display sees of it.

use super::*;
use crate::cache::DiskCache;
use crate::clock::unix_s;
use crate::picture::{Picture, tests::plain_picture};
use crate::refresh_state::Confirmed;
use crate::state::{WEATHER_FILE, picture_file};
use crate::weather_feed::Reading;
use crate::{bitmap, photo};

/// Answers that give nothing, whatever is asked for.
const USELESS: [&str; 13] = [
    "html",
    "xml",
    "error",
    "busy",
    "loop",
    "nothing",
    "null",
    "shape",
    "empty",
    "huge",
    "huge-unannounced",
    "trickle",
    "silent",
];

/// What a test does not wait for in vain. Only for servers that are useless however long they
/// are given, or a busy machine would make good ones fail.
fn short_timeout(settings: &mut Settings) {
    settings.fetch_timeout = Duration::from_millis(1500);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anything_good_the_drawn_landscape_says_so() {
    let stations = USELESS.map(|kind| async move {
        let fixture = Fixture::with(kind, short_timeout).await;
        let answer = fixture.mars().await;
        assert_eq!(answer["image"]["placeholder"], true, "{kind}");
        assert_eq!(answer["insight"]["sol"], Value::Null, "{kind}");
        assert_eq!(answer["stale"], true, "{kind}");
        assert_eq!(fixture.bitmap(&answer).await.len(), 77_878, "{kind}");
    });
    futures::future::join_all(stations).await;
}

fn yesterdays(now: u64) -> (Confirmed<Picture>, Confirmed<Reading>) {
    let checked_at = now - 86_400;
    let photo = photo::decode(PHOTOGRAPH).expect("a JPEG");
    let picture = Picture {
        bitmap: bitmap::encode(&photo::fit(&photo)).into(),
        made_at: checked_at,
        ..plain_picture()
    };
    let reading = serde_json::from_value(json!({
        "weather": {"sol": "4990", "av_at": -40.0}, "station": "curiosity", "ended": 1
    }));
    let confirmed = Confirmed {
        checked_at,
        value: picture,
    };
    let reading = Confirmed {
        checked_at,
        value: reading.expect("the shape that is cached"),
    };
    (confirmed, reading)
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_new_comes_yesterdays_is_served_with_its_age() {
    let now = unix_s();
    let (picture, weather) = yesterdays(now);
    let stations = USELESS.map(|kind| {
        let (picture, weather) = (&picture, &weather);
        async move {
            let fixture = Fixture::with(kind, |settings| {
                short_timeout(settings);
                let cache = DiskCache::new(settings.cache_dir.clone());
                cache.store(&picture_file(settings.selection), picture);
                cache.store(WEATHER_FILE, weather);
            })
            .await;
            let answer = fixture.get("/mars").await;
            let age: u64 = answer.headers()["age"]
                .to_str()
                .expect("plain")
                .parse()
                .expect("seconds");
            assert!(age >= 86_400, "{kind}: {age}");
            let answer: Value = answer.json().await.expect("JSON");
            assert_eq!(
                answer["image"]["source"], "https://mars.nasa.gov/yesterday.jpg",
                "{kind}"
            );
            assert_eq!(answer["insight"]["sol"], "4990", "{kind}");
            assert_eq!(answer["stale"], true, "{kind}");
            assert_eq!(
                fixture.bitmap(&answer).await,
                picture.value.bitmap,
                "{kind}"
            );
        }
    });
    futures::future::join_all(stations).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_ends_in_the_middle_is_not_half_believed() {
    let fixture = Fixture::new("cut").await;
    let answer = fixture.mars().await;
    assert_eq!(answer["image"]["placeholder"], true);
    assert_eq!(answer["insight"]["sol"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_sound_feeds_are_understood() {
    let fixture = Fixture::with("odd", |settings| {
        settings.selection.rover = RoverChoice::Curiosity;
    })
    .await;
    let answer = fixture.mars().await;
    let source = answer["image"]["source"].as_str().expect("a source");
    assert!(source.ends_with("odd.jpg"), "{source}");
    assert_eq!(answer["image"]["sol"], 5002);
    assert_eq!(answer["image"]["credit"], "NASA/JPL-Caltech");
    let expected = json!({
        "sol": "4995", "av_at": null, "av_HWS": null, "av_PRE": 767.5, "season": null,
        "First_UTC": answer["insight"]["First_UTC"], "Last_UTC": answer["insight"]["Last_UTC"],
    });
    assert_eq!(answer["insight"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_cannot_be_decoded_end_in_the_drawing() {
    for kind in ["bad-pictures", "huge-pictures"] {
        let fixture = Fixture::new(kind).await;
        let answer = fixture.mars().await;
        assert_eq!(answer["image"]["placeholder"], true, "{kind}");
        assert_eq!(
            answer["insight"]["sol"], "4995",
            "the weather is not punished for it"
        );
    }
    let fixture = Fixture::new("bad-pictures").await;
    fixture.mars().await;
    for name in ["missing.jpg", "page.jpg", "cut.jpg", "lying.png"] {
        assert_eq!(fixture.nasa.hits(name), 1, "{name} was given its chance");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_the_night_is_passed_over_for_a_fair_one() {
    let fixture = Fixture::new("nights").await;
    let answer = fixture.mars().await;
    let source = answer["image"]["source"].as_str().expect("a source");
    assert!(source.ends_with("fair.jpg"), "{source}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_good_outlives_a_restart_without_a_network() {
    let fixture = Fixture::new("good").await;
    let before = fixture.mars().await;
    let shown = fixture.bitmap(&before).await;
    fixture.nasa.set_down(true);
    let mut tasks = JoinSet::new();
    let settings = settings(&fixture.nasa, "good", fixture.folder.path());
    // The answer comes before it is on the disk, so the restart waits for the file.
    let cache = DiskCache::new(settings.cache_dir.clone());
    let picture = picture_file(settings.selection);
    let saved = async {
        while cache.load::<Picture>(&picture).is_none()
            || cache.load::<Reading>(WEATHER_FILE).is_none()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, saved)
        .await
        .expect("it is kept");
    let address = serve(settings, &mut tasks).await;
    let restarted = Fixture {
        nasa: fixture.nasa.clone(),
        address,
        client: client(),
        folder: tempfile::tempdir().expect("a temporary folder"),
        _tasks: tasks,
    };
    let after = restarted.mars().await;
    for key in ["source", "sol", "fetched_at", "placeholder"] {
        assert_eq!(after["image"][key], before["image"][key], "{key}");
    }
    assert_eq!(after["insight"], before["insight"]);
    assert_eq!(restarted.bitmap(&after).await, shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_trouble_is_left_alone_as_long_as_it_asks() {
    let fixture = Fixture::with("good", |settings| {
        settings.selection.rover = RoverChoice::Curiosity;
        settings.refresh = Duration::ZERO;
    })
    .await;
    let good = fixture.mars().await;
    fixture.nasa.set_down(true);
    // With no refresh interval every request makes the next question due; the first that fails
    // brings the server's wish for an hour of rest.
    let asked = fixture.nasa.hits("curiosity");
    let failed = async {
        while fixture.nasa.hits("curiosity") < asked + 1 {
            fixture.mars().await;
        }
    };
    tokio::time::timeout(DEADLINE, failed)
        .await
        .expect("it is asked again");
    for _ in 0..50 {
        let answer = fixture.mars().await;
        assert_eq!(answer["image"]["placeholder"], false);
        assert_eq!(answer["insight"], good["insight"]);
    }
    assert_eq!(fixture.nasa.hits("curiosity"), asked + 1, "not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_cannot_write_serves_from_memory() {
    let fixture = Fixture::with("good", |settings| {
        std::fs::write(&settings.cache_dir, "a file where the folder should be").expect("writable");
    })
    .await;
    let answer = fixture.mars().await;
    assert_eq!(answer["image"]["placeholder"], false);
    assert_eq!(fixture.bitmap(&answer).await.len(), 77_878);
}
