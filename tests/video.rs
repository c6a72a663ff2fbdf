//! Viewers that misbehave once they are connected, beside one that does not.
use serde_json::json;
use std::time::Instant;
use tests::kvs::{Access, Client};
use tests::{Robot, Station, Viewer, eventually};
use tokio::runtime::{Builder, Runtime};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_reads_nothing_is_dropped_with_its_relay_and_nobody_waits_for_it() {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    folder.configure(&json!({ "video": { "source": "test", "fps": 30 } }));
    let key = station.new_key("rover").await;
    let _robot = Robot::start(folder);
    station.telemetry("rover", &key).await;
    let client = Client::viewer(&station.ready.http, "rover", Access::Key(&key)).await;
    let steady = Viewer::join(&client, "steady").await.unwrap();
    let hung = hang(client).await;
    // The robot has one by UDP for each, and on a busy machine one over TCP.
    let both = eventually("both watch, each with a relay", async || {
        let (viewers, relays) = viewers_and_relays(&station, &key).await;
        (viewers == 2 && relays >= 2).then_some(relays)
    })
    .await;
    let _joining = steady.longest_gap();
    let begun = now();
    eventually("the one that reads nothing is gone", async || {
        let (viewers, relays) = viewers_and_relays(&station, &key).await;
        (viewers == 1 && (1..both).contains(&relays)).then_some(())
    })
    .await;
    let (gap, took) = (steady.longest_gap(), begun.elapsed());
    assert!(
        gap < took / 4,
        "the other stood still for {gap:?} of {took:?}"
    );
    tokio::task::spawn_blocking(|| drop(hung)).await.unwrap();
}

/// Joins, and then does nothing any more: its sockets are open, and nobody reads them.
async fn hang(client: Client) -> (Viewer, Runtime) {
    let joining = tokio::task::spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let viewer = runtime.block_on(Viewer::join(&client, "hung")).unwrap();
        // Whatever it began goes on only while something is waited for in here.
        (viewer, runtime)
    });
    joining.await.unwrap()
}

/// How many watch, by the robot's word, and how many relays are allocated.
async fn viewers_and_relays(station: &Station, key: &str) -> (u64, u64) {
    let headers = [("x-api-key", key)];
    let (_, robots) = station.ask("GET", "/robots", &headers, "").await;
    let viewers = &robots["robots"][0]["telemetry"]["video"]["viewers"];
    let metrics = station.metrics().await;
    let relays = metrics
        .lines()
        .find_map(|line| line.strip_prefix("outpost_turn_allocations "));
    (
        viewers.as_u64().unwrap_or_default(),
        relays.unwrap().parse().unwrap(),
    )
}

#[expect(clippy::disallowed_methods, reason = "the test compares two times")]
fn now() -> Instant {
    Instant::now()
}
