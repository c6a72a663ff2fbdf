//! A broker that somebody else runs, with the configuration that we write for it.

use std::net::TcpListener;
use std::path::Path;
use tests::mqtt::Client;
use tests::process::Process;
use tests::station::message;
use tests::{Station, eventually};
use tokio::process::Command;

const FORWARD: &str = r#"{"action":"forward"}"#;

fn start_mosquitto(folder: &Path) -> Process {
    let conf = folder.join("outpost.conf");
    let mut text = std::fs::read_to_string(&conf).unwrap();
    // On a real machine the files are the user mosquitto's.
    if rustix::process::geteuid().is_root() && !text.contains("user root") {
        text.push_str("user root\n");
        std::fs::write(&conf, text).unwrap();
    }
    let mut command = Command::new("mosquitto");
    // Debian puts it where only root looks.
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
    command.arg("-c").arg(conf);
    Process::start(command, &folder.join("mosquitto.log"))
}

#[tokio::test]
async fn an_external_broker_takes_the_place_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    // Files first, as the owner of the broker would: from the same state as the station's.
    let broker = format!("localhost:{port}");
    let station = Station::start_with(&["--external-broker", &broker]).await;
    let key = station.new_key("rover").await;
    let (status, answer) = station.publish("rover", &key, FORWARD).await;
    assert_eq!(status, 503);
    assert!(message(&answer).contains("not connected"), "{answer}");
    let (_, health) = station.ask("GET", "/healthz", &[], "").await;
    assert_eq!(health["broker"], "away");

    let out = dir.path().to_str().unwrap();
    let port = port.to_string();
    let command = [
        "external-broker",
        "--host",
        "localhost",
        "--port",
        &port,
        "--out",
        out,
        "--installed",
        out,
    ];
    let said = station.command(&command).await;
    assert!(
        said.contains(&format!("--external-broker {broker}")),
        "{said}"
    );
    let mut mosquitto = start_mosquitto(dir.path());
    let certs = station.new_robot("rover").await.certs();
    eventually("the station is connected", async || {
        let (_, health) = station.ask("GET", "/healthz", &[], "").await;
        (health["broker"] == "connected").then_some(())
    })
    .await;
    assert_eq!(station.mqtt_port().to_string(), port);
    let mut robot = Client::connect(&station, &certs).await;
    robot.subscribe("rover/action").await;
    assert_eq!(station.publish("rover", &key, FORWARD).await.0, 200);
    assert_eq!(
        robot.message().await.1,
        r#"{"action":"forward","user":"key-1"}"#
    );

    mosquitto.kill().await;
    eventually("its end is noticed", async || {
        (station.publish("rover", &key, FORWARD).await.0 == 503).then_some(())
    })
    .await;
}
