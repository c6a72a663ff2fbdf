//! When an action was given, as far as the station can tell, and what it makes of it.

use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};
use tests::mqtt::Client;
use tests::station::message;
use tests::tls::{self, Identity};
use tests::{Station, in_time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FORWARD: &str = r#"{"action":"forward"}"#;

/// What the robot's clock shows in its only report.
const CLOCK_MS: u64 = 7_000_000;

/// For longer than this nobody knows what became of an order.
const LATE: Duration = Duration::from_millis(1100);

/// A robot that listens to what it is told, and has once told its clock.
async fn robot(station: &Station, key: &str) -> Client {
    let folder = station.new_robot("rover").await;
    let mut robot = Client::connect(station, &folder.certs()).await;
    robot.subscribe("rover/action").await;
    let report = format!(r#"{{"online":true,"clock_ms":{CLOCK_MS}}}"#);
    robot.publish("rover/telemetry", &report).await;
    station.telemetry("rover", key).await;
    robot
}

async fn told(robot: &mut Client) -> Value {
    serde_json::from_str(&robot.message().await.1).unwrap()
}

fn unix_ms() -> u64 {
    tests::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A client that may wait between connecting and asking.
struct Connection(TcpStream);

impl Connection {
    async fn open(station: &Station) -> Self {
        Self(TcpStream::connect(&station.ready.http).await.unwrap())
    }

    /// Sends a request and gives the answer, headers in small letters.
    async fn ask(&mut self, method: &str, path: &str, key: &str, body: &str) -> String {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: station\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        in_time(async {
            while !is_whole(&answer) {
                let read = self.0.read_buf(&mut answer).await.unwrap();
                assert_ne!(read, 0, "the answer broke off: {answer:?}");
            }
        })
        .await;
        String::from_utf8(answer).unwrap()
    }

    async fn publish(&mut self, key: &str, body: &str) -> String {
        self.ask("POST", "/robots/rover/publish", key, body).await
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

#[track_caller]
fn is_accepted(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[track_caller]
fn is_refused_as_late(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(
        answer.contains("sent_at") && answer.contains("clock_ms"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_action_gets_the_robots_own_time_and_the_name_of_its_sender() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let mut robot = robot(&station, &key).await;
    let published = async |action: Value| {
        let (status, answer) = station.publish("rover", &key, &action.to_string()).await;
        assert_eq!(status, 200, "{answer}");
    };
    published(json!({"action": "forward", "user": "somebody else"})).await;
    let action = told(&mut robot).await;
    let first = action["clock_ms"].as_u64().unwrap();
    assert!(
        (CLOCK_MS - 60_000..CLOCK_MS + 60_000).contains(&first),
        "{action}"
    );
    assert_eq!(action["user"], "key-1");

    // Who says it by a clock of their own is believed how long ago it was.
    published(json!({"action": "left", "sent_at": unix_ms() - 5_000})).await;
    let action = told(&mut robot).await;
    let five_s_before = action["clock_ms"].as_u64().unwrap();
    assert!(five_s_before < first, "{action}");
    assert!(five_s_before + 5_000 >= first, "{action}");

    // What its sender knows best stays, and a stop needs nothing.
    published(json!({"action": "left", "clock_ms": 41, "sent_at": 1})).await;
    let action = told(&mut robot).await;
    assert_eq!(
        (&action["clock_ms"], &action["sent_at"]),
        (&json!(41), &json!(1))
    );
    published(json!({"action": "stop", "user": "somebody else"})).await;
    assert_eq!(
        told(&mut robot).await,
        json!({"action": "stop", "user": "key-1"})
    );
}

#[tokio::test]
async fn an_order_that_stood_in_its_connection_is_refused_and_a_stop_is_not() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let mut robot = robot(&station, &key).await;
    let mut stalled = Vec::new();
    for _ in 0..4 {
        stalled.push(Connection::open(&station).await);
    }
    tokio::time::sleep(LATE).await;
    let mut stalled = stalled.into_iter();
    let mut late = async |action: Value| {
        let mut connection = stalled.next().unwrap();
        connection.publish(&key, &action.to_string()).await
    };
    is_refused_as_late(&late(json!({"action": "forward"})).await);
    // By a clock that is ahead of ours, nothing can be told either.
    is_refused_as_late(&late(json!({"action": "forward", "sent_at": unix_ms() + 5_000})).await);
    is_accepted(&late(json!({"action": "left", "sent_at": unix_ms()})).await);
    is_accepted(&late(json!({"action": "stop"})).await);
    assert_eq!(told(&mut robot).await["action"], "left");
    assert_eq!(told(&mut robot).await["action"], "stop");
}

#[tokio::test]
async fn an_order_counts_from_when_its_connection_was_made() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let mut robot = robot(&station, &key).await;
    let mut connection = Connection::open(&station).await;
    tokio::time::sleep(LATE / 4).await;
    let (status, _) = station.publish("rover", &key, FORWARD).await;
    assert_eq!(status, 200);
    is_accepted(&connection.publish(&key, r#"{"action":"left"}"#).await);
    let fresh = told(&mut robot).await;
    let waited = told(&mut robot).await;
    assert_eq!(
        (&fresh["action"], &waited["action"]),
        (&json!("forward"), &json!("left"))
    );
    assert!(
        waited["clock_ms"].as_u64() < fresh["clock_ms"].as_u64(),
        "{waited} {fresh}"
    );
}

#[tokio::test]
async fn only_orders_that_tell_no_time_need_a_connection_of_their_own() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let _robot = robot(&station, &key).await;
    let mut kept = Connection::open(&station).await;
    for action in [
        json!({"action": "stop"}),
        json!({"action": "left", "clock_ms": CLOCK_MS}),
        json!({"action": "left", "sent_at": unix_ms()}),
    ] {
        let answer = kept.publish(&key, &action.to_string()).await;
        is_accepted(&answer);
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    tokio::time::sleep(LATE).await;
    let stamped = json!({"action": "left", "clock_ms": CLOCK_MS}).to_string();
    is_accepted(&kept.publish(&key, &stamped).await);
    // Right after an answer, the client cannot have sent it long before.
    let answer = kept.publish(&key, FORWARD).await;
    is_accepted(&answer);
    assert!(answer.contains("connection: close"), "{answer}");
    let mut kept = Connection::open(&station).await;
    is_accepted(&kept.ask("GET", "/healthz", &key, "").await);
    tokio::time::sleep(LATE).await;
    is_refused_as_late(&kept.publish(&key, FORWARD).await);
    assert_eq!(
        kept.0.read(&mut [0]).await.unwrap(),
        0,
        "the station closes it"
    );
}

#[tokio::test]
async fn a_connection_of_http_2_takes_orders_with_a_time_for_as_long_as_it_stands() {
    let station = Station::start().await;
    let key = station.new_key("rover").await;
    let folder = station.new_robot("rover").await;
    let client = tls::http_client(&folder.certs(), Identity::Hidden);
    let url = format!("https://{}/robots/rover/publish", station.secure_host());
    let publish = async |action: Value| {
        let request = client.post(&url).header("x-api-key", &key);
        let answer = request.body(action.to_string()).send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    assert_eq!(publish(json!({"action": "forward"})).await.0, 200);
    tokio::time::sleep(LATE).await;
    for _ in 0..2 {
        let (status, answer) = publish(json!({"action": "forward"})).await;
        assert_eq!(status, 408);
        assert!(message(&answer).contains("sent_at"), "{answer}");
        let sent = json!({"action": "forward", "sent_at": unix_ms()});
        assert_eq!(publish(sent).await.0, 200);
    }
}
