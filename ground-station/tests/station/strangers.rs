//! Strangers who open connections and say little or nothing.

use std::net::IpAddr;
use std::time::Duration;
use tests::Station;
use tests::mqtt::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than the stations of these tests may have files open.
const MANY: usize = 400;

/// A station with few open files, so that not many strangers are needed.
async fn station() -> Station {
    Station::start_under(&["prlimit", "--nofile=300:300"], &[]).await
}

async fn knock(address: &str, words: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The other end may be gone before.
    let _ = stream.write_all(words).await;
    stream
}

#[tokio::test]
async fn hundreds_who_say_nothing_keep_nobody_from_http() {
    let station = station().await;
    let mut strangers = Vec::new();
    for words in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\n"] {
        for _ in 0..MANY / 4 {
            strangers.push(knock(&station.ready.http, words).await);
            strangers.push(knock(&station.ready.https, &[0x16, 3, 1, 2, 0, 1]).await);
        }
    }
    // From an address that has no strangers.
    let elsewhere = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, 2]));
    let elsewhere = elsewhere.pool_max_idle_per_host(0).build().unwrap();
    let healthz = format!("http://{}/healthz", station.ready.http);
    for _ in 0..3 {
        let answer = elsewhere.get(&healthz).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn a_connection_on_which_too_little_is_said_ends() {
    let station = Station::start().await;
    for words in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
        let mut stranger = knock(&station.ready.http, words).await;
        let mut said = Vec::new();
        let ended = stranger.read_to_end(&mut said);
        let ended = tokio::time::timeout(Duration::from_secs(45), ended);
        assert!(ended.await.is_ok(), "{words:?}");
    }
}

#[tokio::test]
async fn hundreds_who_say_nothing_keep_no_robot_from_the_broker() {
    let station = station().await;
    let certs = |name: &str| station.folder().join(name).join("certs");
    station.new_robot("rover").await;
    station.new_robot("scout").await;
    let mut rover = Client::connect(&station, &certs("rover")).await;
    rover.subscribe("rover/action").await;
    let mut strangers = Vec::new();
    for _ in 0..MANY / 2 {
        strangers.push(knock(&station.ready.mqtt, b"").await);
        // A client hello that never ends.
        strangers.push(knock(&station.ready.mqtt, &[0x16, 3, 1, 2, 0, 1]).await);
    }
    let mut scout = Client::connect(&station, &certs("scout")).await;
    scout.subscribe("scout/action").await;
    // Who was there before stays.
    let key = station.new_key("rover").await;
    let (status, answer) = station.publish("rover", &key, r#"{"action":"stop"}"#).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(rover.message().await.0, "rover/action");
}

#[tokio::test]
async fn who_does_not_show_a_certificate_in_time_is_gone() {
    let station = Station::start().await;
    for words in [&b""[..], b"GET", &[0x16, 3, 1, 2, 0, 1]] {
        let mut stranger = knock(&station.ready.mqtt, words).await;
        let mut said = Vec::new();
        let ended = stranger.read_to_end(&mut said);
        let ended = tokio::time::timeout(Duration::from_secs(60), ended);
        assert!(ended.await.is_ok(), "{words:?}");
    }
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused() {
    let station = Station::start().await;
    let words = b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n";
    let mut stream = knock(&station.ready.http, words).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn nobody_makes_lines_in_the_log_and_a_flood_is_told_of_in_few() {
    let mut station = Station::start().await;
    let path = "/?X-Amz-Algorithm=x&X-Amz-%0A2026-11-27T00:00:00Z%20%20INFO%20forged=1";
    for _ in 0..100 {
        let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
        let (status, _) = station.ask("GET", path, &upgrade, "").await;
        assert!((400..500).contains(&status), "{status}");
    }
    let log = station.process().log();
    assert!(
        !log.contains("\n2026-11-27T00:00:00Z  INFO forged"),
        "{log}"
    );
    let told = log.lines().filter(|line| line.contains("socket refused"));
    assert!((1..=20).contains(&told.count()), "{log}");
}

#[tokio::test]
async fn pages_are_framed_by_nobody_and_run_what_they_bring_only() {
    let console = tempfile::tempdir().unwrap();
    std::fs::write(console.path().join("index.html"), "<p>").unwrap();
    let folder = console.path().to_str().unwrap();
    let station = Station::start_with(&["--console", folder]).await;
    for (path, script) in [("/", "'self'"), ("/sign", "'sha256-"), ("/healthz", "")] {
        let answer = station.request("GET", path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        let scripts = format!("script-src {script}");
        assert_eq!(
            policy.contains("script-src"),
            policy.contains(&scripts),
            "{policy}"
        );
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn one_user_has_so_many_streams() {
    let station = Station::start().await;
    station.new_robot("rover").await;
    let (key, other) = (
        station.new_key("rover").await,
        station.new_key("rover").await,
    );
    let stream = async |key: &str| {
        let request = station
            .request("GET", "/telemetry")
            .header("x-api-key", key);
        request.send().await.unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..128 {
        streams.push(stream(&key).await);
        assert_eq!(streams.last().unwrap().status(), 200);
    }
    assert_eq!(stream(&key).await.status(), 429);
    assert_eq!(stream(&other).await.status(), 200);
    drop(streams);
    tests::eventually("there is room again", async || {
        (stream(&key).await.status() == 200).then_some(())
    })
    .await;
}
