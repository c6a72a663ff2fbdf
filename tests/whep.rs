//! A player that has a URL and a key, and knows nothing of AWS' signaling.

use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use tests::process::{in_time, output};
use tests::{Robot, Station, eventually};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aiortc_watches_by_whep_and_a_delete_ends_it_at_the_robot() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = Command::new(repository.join("scripts/lib/sample-python"));
    let (status, python, stderr) = output(python).await;
    assert!(status.success(), "{stderr}");
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    folder.configure(&json!({ "video": { "source": "test", "fps": 30 } }));
    let key = station.new_key("rover").await;
    let _robot = Robot::start(folder);
    station.telemetry("rover", &key).await;
    eventually("the robot is on its channel", async || {
        let metrics = station.metrics().await;
        metrics
            .contains("outpost_signaling_connected{role=\"master\"} 1")
            .then_some(())
    })
    .await;
    let url = format!("http://{}/robots/rover/whep", station.ready.http);
    let mut player = Command::new(python.trim())
        .arg(repository.join("tests/whep_viewer.py"))
        .args([&url, &key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(player.stdout.take().unwrap()).lines();
    let mut stdin = player.stdin.take().unwrap();
    let size = in_time(lines.next_line()).await.unwrap();
    assert_eq!(size.as_deref(), Some("640 480"));
    viewers(&station, &key, 1).await;
    stdin.write_all(b"\n").await.unwrap();
    let deleted = in_time(lines.next_line()).await.unwrap();
    assert_eq!(deleted.as_deref(), Some("deleted"));
    // The player is still there.
    viewers(&station, &key, 0).await;
    assert!(player.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn what_is_no_offer_or_not_allowed_is_refused_in_words() {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    folder.configure(&json!({ "video": { "source": "test", "fps": 30 } }));
    let key = station.new_key("rover").await;
    let _robot = Robot::start(folder);
    station.telemetry("rover", &key).await;
    let sdp = ("content-type", "application/sdp");
    let own = ("x-api-key", key.as_str());
    let long = "x".repeat(11_000);
    let refused =
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
    for (headers, body, status) in [
        (vec![sdp], refused, 403),
        (vec![own], refused, 415),
        (vec![own, sdp], long.as_str(), 413),
        (vec![own, sdp], refused, 406),
    ] {
        let (code, words) = station
            .ask("POST", "/robots/rover/whep", &headers, body)
            .await;
        assert_eq!(code, status, "{words}");
        assert!(words["message"].is_string(), "{words}");
    }
    let other = "/robots/rover/whep/anna";
    let (code, words) = station.ask("DELETE", other, &[own], "").await;
    assert_eq!(code, 404, "{words}");
}

/// Waits until the robot says that so many watch.
async fn viewers(station: &Station, key: &str, wanted: u64) {
    eventually(&format!("{wanted} watch"), async || {
        let (_, robots) = station
            .ask("GET", "/robots", &[("x-api-key", key)], "")
            .await;
        let viewers = robots["robots"][0]["telemetry"]["video"]["viewers"].as_u64();
        (viewers == Some(wanted)).then_some(())
    })
    .await;
}
