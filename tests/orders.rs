//! How old an order is when it comes to a robot, and who is known to have given it.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Robot, Station, eventually};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn robot() -> (Station, Robot, String) {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    let key = station.new_key("rover").await;
    let robot = Robot::start(folder);
    station.telemetry("rover", &key).await;
    (station, robot, key)
}

#[tokio::test]
async fn an_order_that_stood_in_a_stalled_connection_turns_no_wheel() {
    let (station, robot, key) = robot().await;
    let mut stalled = TcpStream::connect(&station.ready.http).await.unwrap();
    // As long as the link is dead, nothing of the request arrives.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let action = r#"{"action":"forward","duration_ms":2000}"#;
    let request = format!(
        "POST /robots/rover/publish HTTP/1.1\r\nhost: station\r\nx-api-key: {key}\r\ncontent-length: {}\r\n\r\n{action}",
        action.len()
    );
    stalled.write_all(request.as_bytes()).await.unwrap();
    eventually("the station has looked at it", async || {
        let late = r#"route="/robots/{name}/publish",status="408""#;
        station.metrics().await.contains(late).then_some(())
    })
    .await;
    let (status, _) = station
        .publish("rover", &key, r#"{"action":"stop","id":"after"}"#)
        .await;
    assert_eq!(status, 200);
    eventually("the stop is the last action", async || {
        let telemetry = station.telemetry("rover", &key).await;
        (telemetry["last_action"]["id"] == "after").then_some(())
    })
    .await;
    assert!(!robot.folder.writes().iter().any(|write| write.moves()));
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
