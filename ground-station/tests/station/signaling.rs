//! A robot and its viewers find each other, through restarts and revocations.

use serde_json::json;
use tests::Station;
use tests::kvs::{Access, Client};
use tests::station::json_answer;
use tests::tls::{Identity, http_client};
use tokio_tungstenite::tungstenite;
use wire::signaling::MessageType;

#[tokio::test]
async fn a_robot_answers_a_viewer() {
    let station = Station::start().await;
    let rover = station.new_robot("rover").await;
    let robot = Client::master(&station, &rover).await;
    let mut master = robot.connect(None).await.unwrap();
    let token = station.new_token(&[]).await;
    let access = Access::Token(&token);
    for viewer in [
        Client::viewer(&station.ready.http, "rover", access).await,
        Client::secure_viewer(&station, "rover", access, &rover.certs()).await,
    ] {
        let mut page = viewer.connect(Some("page-1")).await.unwrap();
        let offer = json!({"action": "SDP_OFFER", "messagePayload": "b2ZmZXI="});
        page.send(&offer.to_string()).await.unwrap();
        let heard = master.receive().await.unwrap();
        assert_eq!(heard.message_type, MessageType::SdpOffer);
        assert_eq!(heard.sender_client_id.as_deref(), Some("page-1"));
        let answer = json!({
            "action": "SDP_ANSWER",
            "messagePayload": "YW5zd2Vy",
            "recipientClientId": "page-1",
        });
        master.send(&answer.to_string()).await.unwrap();
        let heard = page.receive().await.unwrap();
        assert_eq!(heard.message_payload.as_deref(), Some("YW5zd2Vy"));
    }
    let metrics = station.metrics().await;
    assert!(
        metrics.contains("outpost_signaling_messages_total{kind=\"offer\"} 2"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_hour_ends_with_a_word_and_then_the_socket() {
    // An hour becomes five seconds, and ten minutes of silence one.
    let station = Station::start_with(&["--time-scale", "0.0015"]).await;
    let rover = station.new_robot("rover").await;
    let robot = Client::master(&station, &rover).await;
    let mut master = robot.connect(None).await.unwrap();
    // Idle comes sooner than the hour unless something is said now and then.
    let mut pings = tokio::time::interval(std::time::Duration::from_millis(20));
    let word = loop {
        tokio::select! {
            word = master.receive() => break word,
            _ = pings.tick() => master.ping().await.unwrap(),
        }
    };
    assert_eq!(word.unwrap().message_type, MessageType::GoAway);
    assert_eq!(master.receive().await, None);
}

#[tokio::test]
async fn credentials_outlive_a_restart_and_not_a_revocation() {
    let mut station = Station::start().await;
    let rover = station.new_robot("rover").await;
    let robot = Client::master(&station, &rover).await;
    let arn = robot.arn().await;
    station.restart().await;
    assert_eq!(robot.arn().await, arn);
    let mut master = robot.connect(None).await.unwrap();
    station.command(&["revoke", "rover"]).await;
    assert_eq!(master.receive().await, None);
    let wss = robot.endpoint.replace("https", "wss");
    match *robot.open(&wss, &arn, None).await.unwrap_err() {
        tungstenite::Error::Http(response) => assert_eq!(response.status(), 403),
        other => panic!("refused in another way: {other}"),
    }
}

#[tokio::test]
async fn a_user_who_is_removed_is_cut_off() {
    let station = Station::start().await;
    let rover = station.new_robot("rover").await;
    let token = station.new_token(&[]).await;
    let access = Access::Token(&token);
    let viewer = Client::secure_viewer(&station, "rover", access, &rover.certs()).await;
    let mut page = viewer.connect(Some("page-1")).await.unwrap();
    station.command(&["revoke", "--user", "ann"]).await;
    assert_eq!(page.receive().await, None);
}

#[tokio::test]
async fn an_operator_sends_everyone_away_and_nobody_else_can() {
    let station = Station::start().await;
    let rover = station.new_robot("rover").await;
    let desk = station.new_operator("desk").await;
    let robot = Client::master(&station, &rover).await;
    let mut master = robot.connect(None).await.unwrap();
    let send = async |client: reqwest::Client, robot: &str, body: &str| {
        let url = format!("https://{}/robots/{robot}/signaling", station.secure_host());
        let (status, _, answer) = json_answer(client.post(url).body(body.to_owned())).await;
        (status, answer)
    };
    let away = r#"{"send":"GO_AWAY"}"#;
    for (client, robot, body, status) in [
        (
            http_client(&rover.certs(), Identity::Hidden),
            "rover",
            away,
            403,
        ),
        (
            http_client(&rover.certs(), Identity::Shown),
            "rover",
            away,
            403,
        ),
        (http_client(&desk, Identity::Shown), "nobody", away, 404),
        (http_client(&desk, Identity::Shown), "rover", "", 400),
        (
            http_client(&desk, Identity::Shown),
            "rover",
            r#"{"send":"HOME"}"#,
            400,
        ),
    ] {
        assert_eq!(send(client, robot, body).await.0, status, "{robot} {body}");
    }
    let client = || http_client(&desk, Identity::Shown);
    let one = (200, json!({"sockets": 1}));
    assert_eq!(send(client(), "rover", away).await, one);
    let heard = master.receive().await.unwrap();
    assert_eq!(heard.message_type, MessageType::GoAway);
    let relay = r#"{"send":"RECONNECT_ICE_SERVER"}"#;
    assert_eq!(send(client(), "rover", relay).await, one);
    let heard = master.receive().await.unwrap();
    assert_eq!(heard.message_type, MessageType::ReconnectIceServer);
    assert_eq!(send(client(), "rover", r#"{"send":"CLOSE"}"#).await, one);
    assert_eq!(master.receive().await, None);
}

#[tokio::test]
async fn a_station_with_open_sockets_still_stops() {
    let mut station = Station::start().await;
    let rover = station.new_robot("rover").await;
    let robot = Client::master(&station, &rover).await;
    let mut master = robot.connect(None).await.unwrap();
    station.process().signal(rustix::process::Signal::TERM);
    assert_eq!(master.receive().await, None);
    assert!(station.process().ended().await.success());
}
