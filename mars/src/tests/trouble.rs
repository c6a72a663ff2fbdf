//! Everything that can go wrong behind the station, and what a display sees of it.

use super::*;

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
fn short_patience(settings: &mut Settings) {
    settings.patience.idle = Duration::from_millis(700);
    settings.patience.total = Duration::from_millis(1500);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anything_good_the_drawn_landscape_says_so() {
    let worlds = USELESS.map(|kind| async move {
        let world = World::with(kind, short_patience).await;
        let answer = world.mars().await;
        assert_eq!(answer["image"]["placeholder"], true, "{kind}");
        assert_eq!(answer["insight"]["sol"], Value::Null, "{kind}");
        assert_eq!(answer["stale"], true, "{kind}");
        assert_eq!(world.bitmap(&answer).await.len(), 77_878, "{kind}");
    });
    futures::future::join_all(worlds).await;
}

fn yesterdays(now: u64) -> (Kept<Picture>, Kept<Reading>) {
    let origin = Origin {
        rover: selection::Rover::Curiosity,
        instrument: "MAST_LEFT".to_owned(),
        sol: 5000,
        taken: None,
        credit: "NASA/JPL-Caltech".to_owned(),
        source: "https://mars.nasa.gov/yesterday.jpg".to_owned(),
    };
    let bitmap = bitmap::encode(&picture::fit(&picture::decode(PHOTOGRAPH).expect("a JPEG")));
    let checked_at = now - 86_400;
    let value = Picture {
        bitmap: bitmap.into(),
        made_at: checked_at,
        origin: Some(origin),
    };
    let reading: Reading = serde_json::from_value(serde_json::json!({
        "weather": {"sol": "4990", "av_at": -40.0}, "station": "curiosity", "ended": 1
    }))
    .expect("the shape that is kept");
    (
        Kept { checked_at, value },
        Kept {
            checked_at,
            value: reading,
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_new_comes_yesterdays_is_served_with_its_age() {
    let now = unix_s();
    let (picture, weather) = yesterdays(now);
    let worlds = USELESS.map(|kind| {
        let (picture, weather) = (&picture, &weather);
        async move {
            let world = World::with(kind, |settings| {
                short_patience(settings);
                let shelf = Shelf::new(settings.folder.clone());
                shelf.keep_picture(BY_DEFAULT, picture);
                shelf.keep_weather(weather);
            })
            .await;
            let answer = world.get("/mars").await;
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
            assert_eq!(world.bitmap(&answer).await, picture.value.bitmap, "{kind}");
        }
    });
    futures::future::join_all(worlds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_ends_in_the_middle_is_not_half_believed() {
    let world = World::new("cut").await;
    let answer = world.mars().await;
    assert_eq!(answer["image"]["placeholder"], true);
    assert_eq!(answer["insight"]["sol"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_sound_feeds_are_understood() {
    let world = World::with("odd", |settings| {
        settings.selection.rover = RoverChoice::Curiosity;
    })
    .await;
    let answer = world.mars().await;
    let source = answer["image"]["source"].as_str().expect("a source");
    assert!(source.ends_with("odd.jpg"), "{source}");
    assert_eq!(answer["image"]["sol"], 5002);
    assert_eq!(answer["image"]["credit"], "NASA/JPL-Caltech");
    let expected = serde_json::json!({
        "sol": "4995", "av_at": null, "av_HWS": null, "av_PRE": 767.5, "season": null,
        "First_UTC": answer["insight"]["First_UTC"], "Last_UTC": answer["insight"]["Last_UTC"],
    });
    assert_eq!(answer["insight"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_cannot_be_decoded_end_in_the_drawing() {
    for kind in ["bad-pictures", "huge-pictures"] {
        let world = World::new(kind).await;
        let answer = world.mars().await;
        assert_eq!(answer["image"]["placeholder"], true, "{kind}");
        assert_eq!(
            answer["insight"]["sol"], "4995",
            "the weather is not punished for it"
        );
    }
    let world = World::new("bad-pictures").await;
    world.mars().await;
    for name in ["missing.jpg", "page.jpg", "cut.jpg", "lying.png"] {
        assert_eq!(world.replica.hits(name), 1, "{name} was given its chance");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_the_night_is_passed_over_for_a_fair_one() {
    let world = World::new("nights").await;
    let answer = world.mars().await;
    let source = answer["image"]["source"].as_str().expect("a source");
    assert!(source.ends_with("fair.jpg"), "{source}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_good_outlives_a_restart_without_a_network() {
    let world = World::new("good").await;
    let before = world.mars().await;
    let shown = world.bitmap(&before).await;
    world.replica.set_down(true);
    let mut tasks = JoinSet::new();
    let settings = settings(&world.replica, "good", world.folder.path());
    // The answer comes before it is on the disk, so the restart waits for the file.
    let shelf = Shelf::new(settings.folder.clone());
    let saved = async {
        while shelf.picture(BY_DEFAULT).is_none() || shelf.weather::<Reading>().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, saved)
        .await
        .expect("it is kept");
    let address = serve(settings, &mut tasks).await;
    let restarted = World {
        replica: world.replica.clone(),
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
    let world = World::with("good", |settings| {
        settings.selection.rover = RoverChoice::Curiosity;
        settings.refresh = Duration::ZERO;
    })
    .await;
    let good = world.mars().await;
    world.replica.set_down(true);
    // With no refresh interval every request makes the next question due; the first that fails
    // brings the server's wish for an hour of rest.
    let asked = world.replica.hits("curiosity");
    let failed = async {
        while world.replica.hits("curiosity") < asked + 1 {
            world.mars().await;
        }
    };
    tokio::time::timeout(DEADLINE, failed)
        .await
        .expect("it is asked again");
    for _ in 0..50 {
        let answer = world.mars().await;
        assert_eq!(answer["image"]["placeholder"], false);
        assert_eq!(answer["insight"], good["insight"]);
    }
    assert_eq!(
        world.replica.hits("curiosity"),
        asked + 1,
        "not asked again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_cannot_write_serves_from_memory() {
    let world = World::with("good", |settings| {
        std::fs::write(&settings.folder, "a file where the folder should be").expect("writable");
    })
    .await;
    let answer = world.mars().await;
    assert_eq!(answer["image"]["placeholder"], false);
    assert_eq!(world.bitmap(&answer).await.len(), 77_878);
}
