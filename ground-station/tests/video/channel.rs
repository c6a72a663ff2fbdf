//! A robot and its viewers find each other, through restarts and revocations.

use crate::client::{End, answer, certs, hear, https, say, secure_host, token};
use serde_json::json;
use tests::Station;
use tokio_tungstenite::tungstenite;
use wire::signaling::MessageType;

#[tokio::test]
async fn a_robot_answers_a_viewer() {
    let station = Station::start().await;
    let rover = certs(&station, "rover").await;
    let robot = End::robot(&station, &rover).await;
    let mut master = robot.connect("rover", None).await.unwrap();
    let token = token(&station, &[]).await;
    for base in [
        format!("http://{}", station.ready.http),
        format!("https://{}", secure_host(&station)),
    ] {
        let viewer = End::viewer(&base, "rover", &token, &rover).await;
        let mut page = viewer.connect("rover", Some("page-1")).await.unwrap();
        let offer = json!({"action": "SDP_OFFER", "messagePayload": "b2ZmZXI="});
        say(&mut page, &offer).await;
        let heard = hear(&mut master).await.unwrap();
        assert_eq!(heard.message_type, MessageType::SdpOffer);
        assert_eq!(heard.sender_client_id.as_deref(), Some("page-1"));
        let answer = json!({
            "action": "SDP_ANSWER",
            "messagePayload": "YW5zd2Vy",
            "recipientClientId": "page-1",
        });
        say(&mut master, &answer).await;
        let heard = hear(&mut page).await.unwrap();
        assert_eq!(heard.message_payload.as_deref(), Some("YW5zd2Vy"));
    }
    let url = format!("http://{}/metrics", station.ready.http);
    let metrics = station.client.get(url).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("outpost_signaling_messages_total{kind=\"offer\"} 2"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_hour_ends_with_a_word_and_then_the_socket() {
    // An hour becomes five seconds, and ten minutes of silence one.
    let station = Station::start_with(&["--time-scale", "0.0015"]).await;
    let rover = certs(&station, "rover").await;
    let robot = End::robot(&station, &rover).await;
    let mut master = robot.connect("rover", None).await.unwrap();
    // Idle comes sooner than the hour unless something is said now and then.
    let mut pings = tokio::time::interval(std::time::Duration::from_millis(20));
    let word = loop {
        tokio::select! {
            word = hear(&mut master) => break word,
            _ = pings.tick() => {
                let ping = tungstenite::Message::Ping("".into());
                futures::SinkExt::send(&mut master, ping).await.unwrap();
            }
        }
    };
    assert_eq!(word.unwrap().message_type, MessageType::GoAway);
    assert_eq!(hear(&mut master).await, None);
}

#[tokio::test]
async fn credentials_outlive_a_restart_and_not_a_revocation() {
    let mut station = Station::start().await;
    let rover = certs(&station, "rover").await;
    let robot = End::robot(&station, &rover).await;
    let arn = robot.arn("rover").await;
    station.restart().await;
    assert_eq!(robot.arn("rover").await, arn);
    let mut master = robot.connect("rover", None).await.unwrap();
    station.command(&["revoke", "rover"]).await;
    assert_eq!(hear(&mut master).await, None);
    let wss = robot.endpoint.replace("https", "wss");
    match *robot.open(&wss, &arn, None).await.unwrap_err() {
        tungstenite::Error::Http(response) => assert_eq!(response.status(), 403),
        other => panic!("refused in another way: {other}"),
    }
}

#[tokio::test]
async fn a_user_who_is_removed_is_cut_off() {
    let station = Station::start().await;
    let rover = certs(&station, "rover").await;
    let token = token(&station, &[]).await;
    let base = format!("https://{}", secure_host(&station));
    let viewer = End::viewer(&base, "rover", &token, &rover).await;
    let mut page = viewer.connect("rover", Some("page-1")).await.unwrap();
    station.command(&["revoke", "--user", "ann"]).await;
    assert_eq!(hear(&mut page).await, None);
}

#[tokio::test]
async fn an_operator_sends_everyone_away_and_nobody_else_can() {
    let station = Station::start().await;
    let rover = certs(&station, "rover").await;
    let desk = station.new_operator("desk").await;
    let robot = End::robot(&station, &rover).await;
    let mut master = robot.connect("rover", None).await.unwrap();
    let send = async |client: reqwest::Client, robot: &str, body: &str| {
        let url = format!("https://{}/robots/{robot}/signaling", secure_host(&station));
        let (status, _, answer) = answer(client.post(url).body(body.to_owned())).await;
        (status, answer)
    };
    let away = r#"{"send":"GO_AWAY"}"#;
    for (client, robot, body, status) in [
        (https(&rover, false), "rover", away, 403),
        (https(&rover, true), "rover", away, 403),
        (https(&desk, true), "nobody", away, 404),
        (https(&desk, true), "rover", "", 400),
        (https(&desk, true), "rover", r#"{"send":"HOME"}"#, 400),
    ] {
        assert_eq!(send(client, robot, body).await.0, status, "{robot} {body}");
    }
    let client = || https(&desk, true);
    let one = (200, json!({"sockets": 1}));
    assert_eq!(send(client(), "rover", away).await, one);
    let heard = hear(&mut master).await.unwrap();
    assert_eq!(heard.message_type, MessageType::GoAway);
    let relay = r#"{"send":"RECONNECT_ICE_SERVER"}"#;
    assert_eq!(send(client(), "rover", relay).await, one);
    let heard = hear(&mut master).await.unwrap();
    assert_eq!(heard.message_type, MessageType::ReconnectIceServer);
    assert_eq!(send(client(), "rover", r#"{"send":"CLOSE"}"#).await, one);
    assert_eq!(hear(&mut master).await, None);
}

#[tokio::test]
async fn a_station_with_open_sockets_still_stops() {
    let mut station = Station::start().await;
    let rover = certs(&station, "rover").await;
    let robot = End::robot(&station, &rover).await;
    let mut master = robot.connect("rover", None).await.unwrap();
    station.process().signal(rustix::process::Signal::TERM);
    assert_eq!(hear(&mut master).await, None);
    assert!(station.process().ended().await.success());
}
