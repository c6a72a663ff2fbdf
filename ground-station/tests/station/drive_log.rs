//! Who drove when: what robots report of it is kept, and read by whoever may.

use serde_json::{Value, json};
use std::path::Path;
use tests::mqtt::Client;
use tests::station::run_command;
use tests::{Station, eventually};

/// What `GET /robots/rover/log` answers, once it has so many entries.
async fn entries(station: &Station, key: &str, count: usize) -> Vec<Value> {
    eventually("the log has them", async || {
        let headers = [("x-api-key", key)];
        let (status, answer) = station.ask("GET", "/robots/rover/log", &headers, "").await;
        assert_eq!(
            (status, &answer["robot"]),
            (200, &json!("rover")),
            "{answer}"
        );
        let entries = answer["entries"].as_array().unwrap();
        (entries.len() == count).then(|| entries.clone())
    })
    .await
}

async fn robot(station: &Station) -> Client {
    let folder = station.new_robot("rover").await;
    Client::connect(station, &folder.certs()).await
}

/// A report; null is nobody.
async fn report(robot: &mut Client, driver: Value, stopped_by: Value) {
    let mut report = json!({"online": true});
    for (field, who) in [("driver", driver), ("stopped_by", stopped_by)] {
        if !who.is_null() {
            report[field] = who;
        }
    }
    robot.publish("rover/telemetry", &report.to_string()).await;
}

fn ann() -> Value {
    json!({"id": "ann-1", "user": "user-ann", "via": "data-channel", "age_ms": 40})
}

fn bob() -> Value {
    json!({"id": "bob-2", "via": "mqtt", "age_ms": 0})
}

#[tokio::test]
async fn who_drove_by_which_road_who_stopped_and_who_took_over_is_kept() {
    let mut station = Station::start().await;
    let mut robot = robot(&station).await;
    let key = station.new_key("rover").await;
    report(&mut robot, Value::Null, Value::Null).await;
    report(&mut robot, ann(), Value::Null).await;
    report(&mut robot, ann(), Value::Null).await;
    report(&mut robot, Value::Null, bob()).await;
    report(&mut robot, bob(), Value::Null).await;
    report(&mut robot, Value::Null, Value::Null).await;
    let shown = entries(&station, &key, 4).await;
    let what = |entry: &Value| entry["event"].as_str().unwrap().to_owned();
    let events: Vec<_> = shown.iter().map(what).collect();
    assert_eq!(events, ["ended", "took-over", "stopped", "began"]);
    let ann = json!({"id": "ann-1", "user": "user-ann", "via": "data-channel"});
    assert_eq!(shown[3]["driver"], ann);
    assert_eq!(
        (&shown[2]["driver"], &shown[2]["by"]["id"]),
        (&ann, &json!("bob-2"))
    );
    assert_eq!(
        (&shown[1]["driver"]["id"], &shown[1]["from"]),
        (&json!("bob-2"), &ann)
    );

    // A crash later, the owner reads the same.
    station.restart().await;
    let printed = station
        .command(&["log", "rover", "--json", "--since", "1h"])
        .await;
    let lines = printed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut lines: Vec<_> = lines.collect();
    lines.reverse();
    assert_eq!(lines, shown);
    let printed = station.command(&["log", "rover"]).await;
    let said = "user-ann (ann-1) was stopped by bob-2, over MQTT";
    assert!(printed.contains(said), "{printed}");
    assert_eq!(
        station
            .command(&["log", "rover", "--since", "2100-01-01"])
            .await,
        ""
    );
    let since = format!("/robots/rover/log?since_ms={}", u64::MAX >> 11);
    let (_, answer) = station.ask("GET", &since, &[("x-api-key", &key)], "").await;
    assert_eq!(answer["entries"], json!([]));
    let unreadable = "/robots/rover/log?since_ms=yesterday";
    let (status, answer) = station
        .ask("GET", unreadable, &[("x-api-key", &key)], "")
        .await;
    assert_eq!(status, 400, "{answer}");
}

#[tokio::test]
async fn a_robot_that_dies_while_driven_is_in_the_log() {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let tls = tests::tls::client(&folder.certs(), tests::tls::Identity::Shown);
    let mut dying = tests::mqtt::options(&station, &tls, "rover");
    dying.set_last_will(tests::mqtt::will("rover/telemetry"));
    let mut robot = Client::try_connect(dying).await.unwrap();
    report(&mut robot, ann(), Value::Null).await;
    drop(robot);
    let shown = entries(&station, &key, 2).await;
    assert_eq!(
        (&shown[0]["event"], &shown[0]["driver"]["id"]),
        (&json!("lost"), &json!("ann-1"))
    );
}

#[tokio::test]
async fn only_whoever_may_drive_a_robot_reads_its_log() {
    let station = Station::start().await;
    station.new_robot("rover").await;
    let others = station.new_key("scout").await;
    let mars = station.command(&["new-key", "--may", "mars"]).await;
    for key in ["wrong", &others, mars.trim()] {
        for path in ["/robots/rover/log", "/robots/ghost/log"] {
            let (status, _) = station.ask("GET", path, &[("x-api-key", key)], "").await;
            assert_eq!(status, 403, "{path}");
        }
    }
    let token = station.new_token(&["--robot", "rover"]).await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let (status, _) = station.ask("GET", "/robots/rover/log", &headers, "").await;
    assert_eq!(status, 200);
    let (status, _, said) = run_command(station.state(), &["log", "ghost"]).await;
    assert!(!status.success() && said.contains("ghost"), "{said}");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_said_once_and_holds_no_report_up() {
    let mut station = Station::start().await;
    let mut robot = robot(&station).await;
    let key = station.new_key("rover").await;
    break_log(station.state());
    for _ in 0..3 {
        report(&mut robot, ann(), Value::Null).await;
        report(&mut robot, Value::Null, Value::Null).await;
    }
    robot
        .publish("rover/telemetry", r#"{"online":true,"uptime_s":9}"#)
        .await;
    eventually("the newest report is shown", async || {
        (station.telemetry("rover", &key).await["uptime_s"] == 9).then_some(())
    })
    .await;
    let said = "cannot write down who drives";
    eventually("it is said", async || {
        station.process().log().contains(said).then_some(())
    })
    .await;
    assert_eq!(station.process().log().matches(said).count(), 1);
}

/// As a full disk does, for this table only.
fn break_log(state: &Path) {
    let database = rusqlite::Connection::open(state.join("station.db")).unwrap();
    let refuse =
        "CREATE TRIGGER full BEFORE INSERT ON drives BEGIN SELECT RAISE(FAIL, 'disk full'); END";
    database.execute_batch(refuse).unwrap();
}
