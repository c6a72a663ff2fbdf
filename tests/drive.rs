//! A drive from end to end: REST → MQTT with certificates → the simulated board.

use rumqttc::QoS;
use serde_json::{Value, json};
use std::time::Duration;
use tests::mqtt;
use tests::{Robot, Station, eventually};
use wire::Telemetry;

/// A station, a robot that it sees, and a key that may drive it.
async fn robot() -> (Station, Robot, String) {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let robot = Robot::start(folder);
    station.telemetry("rover", &key).await;
    (station, robot, key)
}

async fn counters(station: &Station, key: &str) -> wire::telemetry::Counters {
    let telemetry = station.telemetry("rover", key).await;
    serde_json::from_value::<Telemetry>(telemetry)
        .expect("a report is a report")
        .counters
}

#[tokio::test]
async fn a_published_word_turns_the_wheels_for_one_pulse() {
    let (station, robot, key) = robot().await;
    let seen = robot.folder.writes().len();
    let (status, answer) = station
        .publish("rover", &key, r#"{"action":"forward"}"#)
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["topic"], "rover/action");
    let turned = robot.pulse(seen).await;
    // The pulse of 200 ms runs from the action's arrival, a moment before the first write.
    assert!(turned > Duration::from_millis(150), "only {turned:?}");
    let wheels = robot
        .wheels(seen, "both wheels go forward", |w| w.moves())
        .await;
    assert_eq!((wheels.left, wheels.right), (0.5, 0.5));
}

#[tokio::test]
async fn the_samples_endpoint_drives_the_only_robot_of_a_key() {
    let (station, robot, key) = robot().await;
    let seen = robot.folder.writes().len();
    let headers = [("x-api-key", key.as_str())];
    let left = r#"{"action":"left"}"#;
    assert_eq!(station.ask("POST", "/publish", &headers, left).await.0, 200);
    let wheels = robot.wheels(seen, "the robot turns", |w| w.moves()).await;
    assert_eq!((wheels.left, wheels.right), (-0.5, 0.5));
}

#[tokio::test]
async fn who_may_not_drive_does_not() {
    let (station, robot, key) = robot().await;
    station.new_robot("other").await;
    let others = station.new_key("other").await;
    let forward = r#"{"action":"forward"}"#;
    assert_eq!(station.publish("rover", "wrong", forward).await.0, 403);
    assert_eq!(station.publish("rover", &others, forward).await.0, 403);
    assert_eq!(station.ask("POST", "/publish", &[], forward).await.0, 403);
    let (status, answer) = station.publish("rover", &key, r#"{"action":"jump"}"#).await;
    assert_eq!(status, 400);
    assert!(
        answer["message"].as_str().unwrap().contains("\"jump\""),
        "{answer}"
    );
    let long = format!(r#"{{"action":"forward","note":"{}"}}"#, "x".repeat(2000));
    assert_eq!(station.publish("rover", &key, &long).await.0, 413);
    assert!(!robot.folder.writes().iter().any(|w| w.moves()));
}

#[tokio::test]
async fn stale_overtaken_and_repeated_actions_are_dropped_and_a_late_stop_is_not() {
    let (station, robot, key) = robot().await;
    let send = async |action: Value| {
        let (status, answer) = station.publish("rover", &key, &action.to_string()).await;
        assert_eq!(status, 200, "{answer}");
    };
    let drive = |seq: u64| json!({"action":"forward","seq":seq,"sender":"a","duration_ms":2000});
    send(json!({"action":"forward","sent_at":1_000})).await;
    send(drive(5)).await;
    send(drive(5)).await;
    send(drive(4)).await;
    let counted = eventually("three are dropped", async || {
        let counters = counters(&station, &key).await;
        (counters.stale + counters.out_of_order >= 3).then_some(counters)
    })
    .await;
    assert_eq!(
        (counted.accepted, counted.stale, counted.out_of_order),
        (1, 1, 2)
    );
    let seen = robot.folder.writes().len();
    send(json!({"action":"stop","seq":1,"sender":"a","sent_at":1_000})).await;
    eventually("the old stop is obeyed", async || {
        (counters(&station, &key).await.accepted == 2).then_some(())
    })
    .await;
    robot
        .wheels(seen.saturating_sub(1), "the wheels are at rest", |w| {
            !w.moves()
        })
        .await;
}

#[tokio::test]
async fn a_flood_is_obeyed_to_its_newest_action_with_flat_memory() {
    /// One a millisecond; enough for a leak of an action's size to show in the memory.
    const FLOOD: u64 = 20_000;
    let (station, robot, key) = robot().await;
    let operator = station.new_operator("desk").await;
    let mut operator = mqtt::Client::connect(&station, &operator).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut early_kib = 0;
    for n in 0..FLOOD {
        ticks.tick().await;
        let linear = if n % 2 == 0 { 1.0 } else { -1.0 };
        let action = json!({"action":"drive","linear":linear,"angular":0.0});
        operator
            .send("rover/action", QoS::AtMostOnce, &action.to_string())
            .await;
        if n == FLOOD / 10 {
            early_kib = rss_kib(&station, &key).await;
        }
    }
    let last = json!({"action":"drive","linear":0.25,"angular":0.0,"speed":1.0});
    operator.publish("rover/action", &last.to_string()).await;
    robot
        .wheels(0, "the newest is obeyed", |w| w.left == 0.25)
        .await;
    eventually("silence stops", async || {
        robot.folder.last_write().filter(|w| !w.moves())
    })
    .await;
    let grown = rss_kib(&station, &key).await.saturating_sub(early_kib);
    assert!(grown < 1024, "{grown} KiB more after {FLOOD} actions");
    assert!(robot.folder.writes().iter().filter(|w| w.moves()).count() > 100);
}

async fn rss_kib(station: &Station, key: &str) -> u64 {
    station.telemetry("rover", key).await["system"]["rss_kib"]
        .as_u64()
        .expect("Linux tells")
}

#[tokio::test]
async fn what_is_no_action_is_counted_and_moves_nothing() {
    let (station, robot, key) = robot().await;
    let operator = station.new_operator("desk").await;
    let mut operator = mqtt::Client::connect(&station, &operator).await;
    let long = format!(r#"{{"action":"forward","note":"{}"}}"#, "x".repeat(1000));
    let nested = "[".repeat(900);
    let wild = r#"{"action":"drive","linear":2,"angular":0}"#;
    for payload in ["", "forward", r#"{"action":"jump"}"#, wild, &long, &nested] {
        operator.publish("rover/action", payload).await;
    }
    eventually("six are rejected", async || {
        (counters(&station, &key).await.rejected == 6).then_some(())
    })
    .await;
    assert!(!robot.folder.writes().iter().any(|w| w.moves()));
}

#[tokio::test]
async fn a_retained_action_never_moves_the_robot() {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let operator = station.new_operator("desk").await;
    let mut operator = mqtt::Client::connect(&station, &operator).await;
    let action = r#"{"action":"forward","duration_ms":2000}"#;
    operator.publish_retained("rover/action", action).await;
    let mut robot = Robot::start(folder);
    station.telemetry("rover", &key).await;
    robot.process().logged("it is retained").await;
    station
        .publish("rover", &key, r#"{"action":"stop","id":"after"}"#)
        .await;
    eventually("the stop is the last action", async || {
        let telemetry = station.telemetry("rover", &key).await;
        (telemetry["last_action"]["id"] == "after").then_some(())
    })
    .await;
    assert!(!robot.folder.writes().iter().any(|w| w.moves()));
    assert_eq!(counters(&station, &key).await.accepted, 1);
}

#[tokio::test]
async fn telemetry_says_what_the_wheels_do_and_an_end_is_noticed() {
    let (station, mut robot, key) = robot().await;
    let action = r#"{"action":"forward","duration_ms":2000,"id":"go"}"#;
    station.publish("rover", &key, action).await;
    let telemetry = eventually("the wheels are reported", async || {
        let telemetry = station.telemetry("rover", &key).await;
        (telemetry["wheels"]["left"] == 0.5).then_some(telemetry)
    })
    .await;
    assert_eq!(telemetry["last_action"]["id"], "go");
    assert_eq!(telemetry["last_action"]["source"], "mqtt");
    robot.process().kill().await;
    eventually("the last will is told", async || {
        let headers = [("x-api-key", key.as_str())];
        let (_, answer) = station.ask("GET", "/robots", &headers, "").await;
        (answer["robots"][0]["online"] == false).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_owner_reads_who_drove_and_who_stopped_them() {
    let (station, robot, key) = robot().await;
    let token = station.new_token(&["--robot", "rover"]).await;
    let bearer = format!("Bearer {token}");
    let forward = r#"{"action":"forward","duration_ms":2000,"sender":"ann-1","user":"bob"}"#;
    let headers = [("authorization", bearer.as_str())];
    let (status, answer) = station.ask("POST", "/publish", &headers, forward).await;
    assert_eq!(status, 200, "{answer}");
    robot
        .wheels(0, "the wheels turn", |write| write.moves())
        .await;
    let log = async || {
        let printed = station.command(&["log", "rover", "--json"]).await;
        let lines = printed.lines();
        lines
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .collect::<Vec<_>>()
    };
    eventually("it is written that ann drives", async || {
        (!log().await.is_empty()).then_some(())
    })
    .await;
    let stop = r#"{"action":"stop","sender":"desk-2"}"#;
    let (status, _) = station.publish("rover", &key, stop).await;
    assert_eq!(status, 200);
    let log = eventually("it is written that she was stopped", async || {
        let log = log().await;
        (log.len() == 2).then_some(log)
    })
    .await;
    let ann = json!({"id": "ann-1", "user": "user-ann", "via": "mqtt"});
    assert_eq!(
        (&log[0]["event"], &log[0]["driver"]),
        (&json!("began"), &ann)
    );
    assert_eq!(
        (&log[1]["event"], &log[1]["driver"]),
        (&json!("stopped"), &ann)
    );
    assert_eq!(
        log[1]["by"],
        json!({"id": "desk-2", "user": "key-1", "via": "mqtt"})
    );
}
