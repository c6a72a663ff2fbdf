//! Publishing over HTTP, and everything an answer can be.

use serde_json::json;
use tests::Station;
use tests::station::message;

const FORWARD: &str = r#"{"action":"forward"}"#;

async fn key(station: &Station, arguments: &[&str]) -> String {
    let key = station.command(&[&["new-key"], arguments].concat()).await;
    key.trim().to_owned()
}

async fn register(station: &Station, robots: &[&str]) {
    for robot in robots {
        station.new_robot(robot).await;
    }
}

#[tokio::test]
async fn publish_answers_as_the_original_does() {
    let station = Station::start().await;
    register(&station, &["rover"]).await;
    let key = key(&station, &[]).await;
    let asked = r#"{"action":"drive","linear":0.5,"angular":-0.25,"seq":7,"unknown":1}"#;
    let (status, answer) = station
        .ask("POST", "/publish", &[("x-api-key", &key)], asked)
        .await;
    assert_eq!(status, 200);
    let payload = json!({
        "action": "drive", "linear": 0.5, "angular": -0.25, "seq": 7, "user": "key-1"
    });
    assert_eq!(
        answer,
        json!({"topic": "rover/action", "payload": payload, "qos": 1})
    );
}

#[tokio::test]
async fn without_a_good_key_nothing_is_published() {
    let station = Station::start().await;
    register(&station, &["rover"]).await;
    let mars = key(&station, &["--may", "mars"]).await;
    for headers in [
        &[][..],
        &[("x-api-key", "")],
        &[("x-api-key", "outpost_wrong")],
        &[("x-api-key", mars.as_str())],
        &[("authorization", "Basic YTpi")],
    ] {
        for path in ["/publish", "/robots/rover/publish", "/robots/ghost/publish"] {
            let (status, answer) = station.ask("POST", path, headers, FORWARD).await;
            assert_eq!(
                (status, message(&answer)),
                (403, "Forbidden"),
                "{headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_bad_action_is_refused_with_its_reason() {
    let station = Station::start().await;
    register(&station, &["rover"]).await;
    let key = key(&station, &[]).await;
    for (body, said) in [
        (r#"{"action":"jump"}"#, "it must be forward"),
        ("", "not JSON"),
        ("[]", "an array"),
        (r#"{"action":"drive","linear":2}"#, "linear"),
        (r#"{"action":"left","speed":"fast"}"#, "speed"),
    ] {
        let headers = [("x-api-key", key.as_str())];
        let (status, answer) = station.ask("POST", "/publish", &headers, body).await;
        assert_eq!(status, 400, "{body}");
        assert!(message(&answer).contains(said), "{answer}");
    }
}

#[tokio::test]
async fn another_robot_is_forbidden_whether_or_not_there_is_one() {
    let station = Station::start().await;
    register(&station, &["a", "b"]).await;
    let key = station.new_key("a").await;
    for robot in ["b", "ghost", "..%2Fa", "+"] {
        let (status, answer) = station.publish(robot, &key, FORWARD).await;
        assert_eq!((status, message(&answer)), (403, "Forbidden"), "{robot}");
    }
    let (status, _) = station.publish("a", &key, FORWARD).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn publish_without_a_name_needs_exactly_one_robot() {
    let station = Station::start().await;
    let key = key(&station, &[]).await;
    let headers = [("x-api-key", key.as_str())];
    let (status, answer) = station.ask("POST", "/publish", &headers, FORWARD).await;
    assert_eq!(status, 400);
    assert!(message(&answer).contains("new-robot"), "{answer}");
    register(&station, &["a", "b"]).await;
    let (status, answer) = station.ask("POST", "/publish", &headers, FORWARD).await;
    assert_eq!(status, 400);
    assert!(
        message(&answer).contains("/robots/NAME/publish"),
        "{answer}"
    );
    let (status, answer) = station.publish("ghost", &key, FORWARD).await;
    assert_eq!(status, 404, "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_413() {
    let station = Station::start().await;
    register(&station, &["rover"]).await;
    let key = key(
        &station,
        &["--robot", "rover", "--may", "publish", "--may", "sign"],
    )
    .await;
    let headers = [("x-api-key", key.as_str())];
    for (path, bytes) in [
        ("/publish", 1025),
        ("/publish", 900_000),
        ("/sign", 20_000),
        ("/login", 1025),
    ] {
        let (status, answer) = station
            .ask("POST", path, &headers, &"x".repeat(bytes))
            .await;
        assert_eq!(status, 413, "{path} {bytes}: {answer}");
    }
    // Without a length, it is counted.
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>("x".repeat(100)));
    let request = station
        .request("POST", "/publish")
        .header("x-api-key", &key)
        .body(reqwest::Body::wrap_stream(futures::stream::iter(chunks)));
    assert_eq!(request.send().await.unwrap().status(), 413);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let station = Station::start_with(&["--console", "/nonexistent"]).await;
    for (method, path, expected) in [
        ("GET", "/nowhere", 404),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("POST", "/", 404),
        ("PUT", "/publish", 405),
        ("DELETE", "/robots/a/publish", 405),
    ] {
        let (status, answer) = station.ask(method, path, &[], "").await;
        assert_eq!(status, expected, "{method} {path}");
        message(&answer);
    }
}

#[tokio::test]
async fn the_console_is_served_and_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let console = dir.path().join("dist");
    std::fs::create_dir_all(console.join("assets")).unwrap();
    std::fs::write(console.join("index.html"), "<title>console</title>").unwrap();
    std::fs::write(console.join("assets/app.js"), "1").unwrap();
    std::fs::write(dir.path().join("secret"), "secret").unwrap();
    let station = Station::start_with(&["--console", console.to_str().unwrap()]).await;
    let get = async |path: &str| {
        let response = station.request("GET", path).send().await.unwrap();
        let kind = response.headers().get("content-type").cloned();
        (
            response.status().as_u16(),
            kind.map(|kind| kind.to_str().unwrap().to_owned()),
            response.text().await.unwrap(),
        )
    };
    let (status, kind, text) = get("/").await;
    assert_eq!((status, kind.as_deref()), (200, Some("text/html")));
    assert!(text.contains("console"));
    assert_eq!(get("/assets/app.js").await.0, 200);
    for path in [
        "/secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/assets/none.js",
    ] {
        assert_eq!(get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_script_is_sent_compressed_to_who_takes_it_so() {
    let console = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("index.html", "page"),
        ("app.js", "plain"),
        ("app.js.gz", "packed"),
    ] {
        std::fs::write(console.path().join(name), text).unwrap();
    }
    let station = Station::start_with(&["--console", console.path().to_str().unwrap()]).await;
    for (accepted, encoding, expected) in [
        ("gzip", Some("gzip"), "packed"),
        ("identity", None, "plain"),
    ] {
        let request = station.request("GET", "/app.js");
        let answer = request
            .header("accept-encoding", accepted)
            .send()
            .await
            .unwrap();
        let header = |name: &str| answer.headers().get(name)?.to_str().ok();
        assert_eq!(header("content-encoding"), encoding, "{accepted}");
        assert_eq!(header("content-type"), Some("text/javascript"));
        assert_eq!(answer.text().await.unwrap(), expected, "{accepted}");
    }
}

#[tokio::test]
async fn a_page_from_anywhere_may_ask_with_a_key() {
    let station = Station::start().await;
    let preflight = station
        .request("OPTIONS", "/publish")
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "x-api-key,content-type,x-amz-date",
        )
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 200);
    let header = |name: &str| preflight.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("access-control-allow-origin"), "*");
    for asked in ["x-api-key", "x-amz-date"] {
        assert!(header("access-control-allow-headers").contains(asked));
    }
    assert!(
        preflight
            .headers()
            .get("access-control-allow-credentials")
            .is_none()
    );
}

#[tokio::test]
async fn https_serves_the_same_with_a_certificate_of_our_ca() {
    let station = Station::start().await;
    let ca = station
        .client
        .get(format!("http://{}/ca.pem", station.ready.http))
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
        .build()
        .unwrap();
    let port = station.ready.https.rsplit_once(':').unwrap().1;
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/healthz");
        let health: serde_json::Value = client.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(health["status"], "ok");
        assert_eq!(health["broker"], "connected");
        assert_eq!(health["https_port"].to_string(), port);
        assert!(health["now_ms"].as_u64().unwrap() > 1_700_000_000_000);
    }
    let foreign = station
        .client
        .get(format!("https://localhost:{port}/healthz"));
    assert!(foreign.send().await.is_err());
}

#[tokio::test]
async fn the_log_and_the_metrics_tell_who_and_what_and_no_secret() {
    let mut station = Station::start().await;
    register(&station, &["rover"]).await;
    let key = key(&station, &[]).await;
    let headers = [("x-api-key", key.as_str())];
    let secret = format!("/publish?key={key}");
    assert_eq!(station.ask("POST", &secret, &headers, FORWARD).await.0, 200);
    let login = r#"{"user":"ann","password":"a guess"}"#;
    assert_eq!(station.ask("POST", "/login", &[], login).await.0, 401);
    let bad = r#"{"user":"ann","password":"a guess}"#;
    let (status, answer) = station.ask("POST", "/login", &[], bad).await;
    assert_eq!(status, 400);
    assert!(!answer.to_string().contains("guess"), "{answer}");
    let metrics = station.metrics().await;
    assert!(metrics.contains(r#"outpost_http_requests_total{route="/publish",status="200"} 1"#));
    assert!(metrics.contains("outpost_broker_connected 1"));
    let line = r#"caller="key-1" method=POST route="/publish" status=200"#;
    let log = station.process().logged(line).await;
    for secret in [key.as_str(), "a guess", "forward"] {
        assert!(!log.contains(secret) && !metrics.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn the_displays_frame_is_shown_to_whoever_may_see_mars() {
    let folder = tempfile::tempdir().unwrap();
    let png = folder.path().join("display.png");
    let station = Station::start_with(&["--display", png.to_str().unwrap()]).await;
    register(&station, &["rover"]).await;
    let mars = key(&station, &["--may", "mars"]).await;
    let get = async |key: &str| {
        let request = station.request("GET", "/display.png");
        request.header("x-api-key", key).send().await.unwrap()
    };
    let drive = key(&station, &["--robot", "rover", "--may", "publish"]).await;
    assert_eq!(get("outpost_wrong").await.status(), 403);
    assert_eq!(get(&drive).await.status(), 403);
    assert_eq!(get(&mars).await.status(), 404, "no display has drawn yet");
    std::fs::write(&png, b"a picture").unwrap();
    let answer = get(&mars).await;
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.unwrap(), "a picture");
}
