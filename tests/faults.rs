//! What goes wrong between a robot and its broker, and on the robot itself.

use rustix::process::Signal;
use serde_json::json;
use tests::tcp_relay::{Flow, TcpRelay};
use tests::{Robot, Station};

const LONG_DRIVE: &str = r#"{"action":"forward","duration_ms":2000}"#;

/// A robot whose link runs through a relay, connected.
async fn relayed(station: &Station, key: &str) -> (Robot, TcpRelay) {
    relayed_with(station, key, 5).await
}

async fn relayed_with(station: &Station, key: &str, keep_alive_s: u64) -> (Robot, TcpRelay) {
    let folder = station.new_robot("rover").await;
    let relay = TcpRelay::to(station.ready.mqtt.clone()).await;
    folder.configure(&json!({
        "IOT_CORE_ENDPOINT": format!("localhost:{}", relay.address.port()),
        "mqtt": { "keep_alive_s": keep_alive_s },
    }));
    let robot = Robot::start(folder);
    station.telemetry("rover", key).await;
    (robot, relay)
}

#[tokio::test]
async fn a_link_cut_in_mid_drive_stops_the_wheels_in_time_and_comes_back() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let (robot, relay) = relayed(&station, &key).await;
    let seen = robot.folder.writes().len();
    station.publish("rover", &key, LONG_DRIVE).await;
    robot.wheels(seen, "the wheels turn", |w| w.moves()).await;
    relay.set(Flow::Cut);
    let turned = robot.pulse(seen).await;
    assert!(
        turned.as_millis() <= 2000 + 250,
        "{turned:?} after the order"
    );
    relay.set(Flow::Open);
    station.drive_until_it_moves(&robot, &key).await;
}

#[tokio::test]
async fn a_broker_that_silently_stops_answering_is_noticed_and_left() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let (mut robot, relay) = relayed(&station, &key).await;
    relay.set(Flow::Silent);
    robot.process().logged("offline").await;
    relay.set(Flow::Cut);
    relay.set(Flow::Open);
    station.drive_until_it_moves(&robot, &key).await;
}

#[tokio::test]
async fn a_broker_that_acknowledges_no_report_is_left_long_before_the_keep_alive() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let (mut robot, relay) = relayed_with(&station, &key, 1200).await;
    relay.set(Flow::Silent);
    robot.process().logged("acknowledges no report").await;
    relay.set(Flow::Cut);
    relay.set(Flow::Open);
    station.drive_until_it_moves(&robot, &key).await;
}

#[tokio::test]
async fn a_station_that_crashes_and_returns_finds_its_robot_again() {
    let mut station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let robot = Robot::start(folder);
    station.telemetry("rover", &key).await;
    station.restart().await;
    station.drive_until_it_moves(&robot, &key).await;
}

#[tokio::test]
async fn a_robot_waits_for_a_broker_that_is_not_there_yet() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let folder = station.new_robot("rover").await;
    let relay = TcpRelay::to(station.ready.mqtt.clone()).await;
    relay.set(Flow::Cut);
    folder.configure(&json!({"IOT_CORE_ENDPOINT": format!("localhost:{}", relay.address.port())}));
    let robot = Robot::start(folder);
    robot
        .wheels(0, "the board is stopped before anything else", |w| w.stop)
        .await;
    relay.set(Flow::Open);
    station.drive_until_it_moves(&robot, &key).await;
}

#[tokio::test]
async fn asked_to_end_in_mid_drive_the_robot_stops_first() {
    for signal in [Signal::TERM, Signal::INT] {
        let station = Station::start().await;
        let key = station.new_key("rover").await;
        let mut robot = Robot::start(station.new_robot("rover").await);
        station.telemetry("rover", &key).await;
        let seen = robot.folder.writes().len();
        station.publish("rover", &key, LONG_DRIVE).await;
        robot.wheels(seen, "the wheels turn", |w| w.moves()).await;
        robot.process().signal(signal);
        assert!(robot.process().ended().await.success());
        assert!(robot.folder.last_write().is_some_and(|w| w.stop));
    }
}

#[tokio::test]
async fn killed_in_mid_drive_a_cold_stop_turns_the_board_off() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let mut robot = Robot::start(station.new_robot("rover").await);
    station.telemetry("rover", &key).await;
    let seen = robot.folder.writes().len();
    station.publish("rover", &key, LONG_DRIVE).await;
    robot.wheels(seen, "the wheels turn", |w| w.moves()).await;
    robot.process().kill().await;
    assert!(
        robot.folder.last_write().is_some_and(|w| w.moves()),
        "the crash left them turning"
    );
    let (status, _, stderr) = robot.folder.run_agent(&["stop"]).await;
    assert!(status.success(), "{stderr}");
    assert!(robot.folder.last_write().is_some_and(|w| w.stop));
}
