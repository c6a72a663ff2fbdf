//! What was made for AWS works here as it is: the sample's config, its certificates' names, its
//! client library, and a viewer of strangers who find the robot with Amazon's SDK.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tests::kvs::{Access, Client};
use tests::process::output;
use tests::{Robot, Station, eventually};
use tokio::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A Python with what these tests need of others.
async fn python() -> PathBuf {
    let mut python = Command::new(repository().join("scripts/lib/sample-python"));
    python.current_dir(repository());
    let (status, python, stderr) = output(python).await;
    assert!(status.success(), "{stderr}");
    PathBuf::from(python.trim())
}

#[tokio::test]
async fn the_samples_five_keys_are_a_whole_config() {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let sample = json!({
        "IOT_THINGNAME": "rover",
        "IOT_CORE_ENDPOINT": station.ready.mqtt.replace("127.0.0.1", "localhost"),
        "IOT_GET_CREDENTIAL_ENDPOINT": station.ready.https.replace("127.0.0.1", "localhost"),
        "ROLE_ALIAS": "robot-camera-streaming-role-alias",
        "AWS_DEFAULT_REGION": "us-east-1",
    });
    std::fs::write(folder.path().join("config.json"), sample.to_string()).unwrap();
    let (_, stdout, stderr) = folder.run_agent(&["check", "--json"]).await;
    let report: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    let checks = report["checks"].as_array().unwrap();
    for name in ["config", "certificates", "broker", "subscription"] {
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        assert_eq!(check["verdict"], "ok", "{check}");
    }
}

#[tokio::test]
async fn a_client_of_the_samples_library_drives_a_robot() {
    let python = python().await;
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let operator = station.new_operator("desk").await;
    let robot = Robot::start(folder);
    station.telemetry("rover", &key).await;

    let port = station.mqtt_port().to_string();
    let mut publisher = Command::new(&python);
    publisher
        .arg(repository().join("tests/aws_sample_publisher.py"))
        .args(["rover", "localhost", &port])
        .arg(operator)
        .arg(r#"{"action":"backwards"}"#);
    let (status, _, stderr) = output(publisher).await;
    assert!(status.success(), "{stderr}");
    let wheels = robot
        .wheels(0, "the robot goes backwards", |w| w.moves())
        .await;
    assert_eq!((wheels.left, wheels.right), (-0.5, -0.5));
}

#[tokio::test]
async fn a_robot_run_by_the_samples_program_is_online_though_it_reports_nothing() {
    let python = python().await;
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let transcript = folder.path().join("obeyed.jsonl");
    let port = station.mqtt_port().to_string();
    let mut robot = Command::new(&python)
        .arg(repository().join("bench/drive/sample_subscriber.py"))
        .args(["rover", "localhost", &port])
        .args([&folder.path().join("certs"), &transcript])
        .arg("0")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let listed = async || {
        let own = [("x-api-key", key.as_str())];
        let (_, list) = station.ask("GET", "/robots", &own, "").await;
        list["robots"][0].clone()
    };
    eventually("it is online", async || {
        let rover = listed().await;
        (rover["online"] == true && rover["telemetry"].is_null()).then_some(())
    })
    .await;
    let headers = [
        ("x-api-key", key.as_str()),
        ("content-type", "application/json"),
    ];
    let order = r#"{"action":"drive","linear":0.25,"angular":0}"#;
    let (status, said) = station.ask("POST", "/publish", &headers, order).await;
    assert_eq!(status, 200, "{said}");
    eventually("it obeys", async || {
        let obeyed = std::fs::read_to_string(&transcript).unwrap_or_default();
        obeyed.contains("0.25").then_some(())
    })
    .await;
    robot.kill().await.unwrap();
    eventually("it is offline, and was seen", async || {
        let rover = listed().await;
        (rover["online"] == false && rover["seen_ms"].as_u64() > Some(0)).then_some(())
    })
    .await;
}

/// What aiortc offers, and whether it has a way to give orders.
const SHAPES: [(&str, bool); 8] = [
    ("video", false),
    ("audio-first", false),
    ("audio-last", false),
    ("test-page", true),
    ("max-compat", true),
    ("data-first", true),
    ("negotiated", true),
    ("vp8-only", true),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aiortc_with_amazons_sdk_sees_and_drives_the_robot_whatever_it_offers() {
    let python = python().await;
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    folder.configure(&json!({ "video": { "source": "test", "fps": 30 } }));
    let key = station.new_key("rover").await;
    let robot = Robot::start(folder);
    station.telemetry("rover", &key).await;
    for (shape, drives) in SHAPES {
        let writes = robot.folder.writes().len();
        let client = Client::viewer(&station.ready.http, "rover", Access::Key(&key)).await;
        let mut viewer = Command::new(&python);
        viewer
            .arg(repository().join("tests/aiortc_viewer.py"))
            .args([&client.endpoint, "rover", shape])
            .env("AWS_ACCESS_KEY_ID", &client.credentials.access_key_id)
            .env(
                "AWS_SECRET_ACCESS_KEY",
                &client.credentials.secret_access_key,
            )
            .env("AWS_SESSION_TOKEN", &client.credentials.session_token);
        let (status, stdout, stderr) = output(viewer).await;
        assert!(status.success(), "{shape}: {stderr}");
        let seen: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(seen["size"], json!([640, 480]), "{seen}");
        if drives {
            robot.wheels(writes, shape, |w| w.moves()).await;
        }
        eventually("no encoder works for who has left", async || {
            let telemetry = station.telemetry("rover", &key).await;
            telemetry["video"]["encoders"].is_null().then_some(())
        })
        .await;
    }
}
