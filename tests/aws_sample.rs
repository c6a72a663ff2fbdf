//! What was made for the AWS sample works here as it is: its config, its certificates' names,
//! its client library.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tests::process::output;
use tests::{Robot, Station};
use tokio::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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
    let mut python = Command::new(repository().join("scripts/lib/sample-python"));
    python.current_dir(repository());
    let (status, python, stderr) = output(python).await;
    assert!(status.success(), "{stderr}");

    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let operator = station.new_operator("desk").await;
    let robot = Robot::start(folder);
    station.telemetry("rover", &key).await;

    let port = station.mqtt_port().to_string();
    let mut publisher = Command::new(python.trim());
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
