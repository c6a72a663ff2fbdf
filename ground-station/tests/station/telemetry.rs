//! What robots say, as HTTP tells it.

use serde_json::Value;
use tests::mqtt::{Client, options, will};
use tests::tls::{self, Identity};
use tests::{Station, eventually, in_time};

/// A stream of server-sent events.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(station: &Station, token: &str) -> Self {
        let request = station.request("GET", "/telemetry").bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event's data; none when the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        in_time(async {
            loop {
                if let Some((event, rest)) = self.text.split_once("\n\n") {
                    let data = event
                        .strip_prefix("event: telemetry\ndata: ")
                        .map(|data| serde_json::from_str(data).unwrap());
                    self.text = rest.to_owned();
                    if data.is_some() {
                        return data;
                    }
                } else {
                    let chunk = self.response.chunk().await.ok()??;
                    self.text.push_str(std::str::from_utf8(&chunk).unwrap());
                }
            }
        })
        .await
    }
}

async fn robot(station: &Station, name: &str) -> Client {
    let certs = station.new_robot(name).await.certs();
    let mut settings = options(station, &tls::client(&certs, Identity::Shown), name);
    settings.set_last_will(will(&format!("{name}/telemetry")));
    Client::try_connect(settings).await.unwrap()
}

#[tokio::test]
async fn the_newest_is_told_first_and_then_what_changes() {
    let station = Station::start().await;
    let mut rover = robot(&station, "rover").await;
    let mut scout = robot(&station, "scout").await;
    let token = station.new_token(&["--robot", "rover"]).await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    rover
        .publish("rover/telemetry", r#"{"online":true,"uptime_s":1}"#)
        .await;
    let listed = eventually("the robot is listed online", async || {
        let (_, answer) = station.ask("GET", "/robots", &headers, "").await;
        (answer["robots"][0]["online"] == true).then_some(answer)
    })
    .await;
    assert_eq!(listed["robots"].as_array().unwrap().len(), 1);
    assert_eq!(listed["robots"][0]["name"], "rover");
    assert_eq!(listed["robots"][0]["telemetry"]["uptime_s"], 1);
    assert!(listed["robots"][0]["seen_ms"].as_u64() <= listed["now_ms"].as_u64());

    let mut events = Events::open(&station, &token).await;
    let first = events.next().await.unwrap();
    assert_eq!(
        (&first["robot"], &first["telemetry"]["uptime_s"]),
        (&"rover".into(), &1.into())
    );
    // Another's robot is not told, nor what is no report.
    scout
        .publish("scout/telemetry", r#"{"online":true,"uptime_s":9}"#)
        .await;
    rover.publish("rover/telemetry", "no report").await;
    rover
        .publish("rover/telemetry", r#"{"online":true,"uptime_s":2}"#)
        .await;
    let second = events.next().await.unwrap();
    assert_eq!(second["telemetry"]["uptime_s"], 2);
    drop(rover);
    let last = events.next().await.unwrap();
    assert_eq!(
        (&last["online"], &last["telemetry"]["uptime_s"]),
        (&false.into(), &2.into())
    );
}

#[tokio::test]
async fn a_stream_ends_with_its_user_and_with_the_station() {
    let mut station = Station::start().await;
    let one = station.new_token(&[]).await;
    let mut events = Events::open(&station, &one).await;
    station.command(&["revoke", "--user", "ann"]).await;
    assert!(events.next().await.is_none());
    let other = station.new_token(&[]).await;
    let mut events = Events::open(&station, &other).await;
    station.process().signal(rustix::process::Signal::TERM);
    assert!(events.next().await.is_none());
    assert!(station.process().ended().await.success());
}

#[tokio::test]
async fn nobody_without_a_right_gets_telemetry() {
    let station = Station::start().await;
    let command = ["new-key", "--may", "mars"];
    let mars = station.command(&command).await.trim().to_owned();
    for path in ["/telemetry", "/robots"] {
        assert_eq!(station.ask("GET", path, &[], "").await.0, 403);
        let headers = [("x-api-key", mars.as_str())];
        assert_eq!(station.ask("GET", path, &headers, "").await.0, 403);
    }
}
