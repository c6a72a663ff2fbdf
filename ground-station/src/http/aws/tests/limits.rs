//! The sockets' limits, with the times made short, and bad input.

use tokio::io::AsyncWriteExt;
use wire::signaling::{MAX_FRAME_BYTES, MessageType};

use super::*;

#[tokio::test]
async fn a_socket_is_told_to_go_and_then_closed() {
    let times = Times {
        session: Duration::from_millis(200),
        grace: Duration::from_millis(200),
        ..Times::DOCUMENTED
    };
    let bench = bench(times).await;
    let mut master = bench.master().await;
    assert_eq!(
        receive(&mut master).await,
        FromService::bare(MessageType::GoAway)
    );
    assert_eq!(closed(&mut master).await, CloseReason::TimeUp.words());
}

#[tokio::test]
async fn a_silent_socket_is_closed_and_a_ping_keeps_it_open() {
    let times = Times {
        idle: Duration::from_secs(4),
        ..Times::DOCUMENTED
    };
    let bench = bench(times).await;
    let mut silent = bench.viewer("silent").await.unwrap();
    let mut alive = bench.viewer("alive").await.unwrap();
    let mut pings = tokio::time::interval(Duration::from_millis(50));
    let reason = loop {
        tokio::select! {
            reason = closed(&mut silent) => break reason,
            _ = pings.tick() => alive.send(Message::Ping("".into())).await.unwrap(),
        }
    };
    assert_eq!(reason, CloseReason::Idle.words());
    send_frame(&mut alive, &offer("still here")).await;
    let mut master = bench.master().await;
    let got = receive(&mut master).await;
    assert_eq!(got.sender_client_id.as_deref(), Some("alive"));
}

#[tokio::test]
async fn empty_frames_come_now_and_then() {
    let times = Times {
        empty_frame: Duration::from_millis(100),
        ..Times::DOCUMENTED
    };
    let bench = bench(times).await;
    let mut master = bench.master().await;
    for _ in 0..3 {
        assert_eq!(next(&mut master).await, Message::Text("".into()));
    }
}

#[tokio::test]
async fn garbage_is_dropped_and_the_socket_goes_on() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master().await;
    let mut viewer = bench.viewer("v1").await.unwrap();
    for garbage in [
        "",
        "garbage",
        "{\"action\":\"SDP_OFFER\",\"messagePayload\":\"e3",
        "{\"action\":\"GO_AWAY\",\"messagePayload\":\"e30=\"}",
        "{\"action\":\"SDP_OFFER\",\"messagePayload\":\"<script>\"}",
    ] {
        viewer.send(Message::Text(garbage.into())).await.unwrap();
    }
    viewer
        .send(Message::Binary(vec![0; 100].into()))
        .await
        .unwrap();
    // Truncated base64 is for the receiver to find out, as with the real service.
    let truncated = json!({"action": "SDP_OFFER", "messagePayload": "eyJ0eX"});
    send_frame(&mut viewer, &truncated).await;
    assert_eq!(
        receive(&mut master).await.message_payload.as_deref(),
        Some("eyJ0eX")
    );
    assert_eq!(bench.signaling.counters.refused.get(), 5);
}

#[tokio::test]
async fn what_is_too_long_is_refused_and_what_is_far_too_long_ends_the_socket() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut viewer = bench.viewer("v1").await.unwrap();
    let long = json!({
        "action": "SDP_OFFER",
        "messagePayload": "A".repeat(10 * 1024 + 1),
        "correlationId": "c",
    });
    send_frame(&mut viewer, &long).await;
    let told = receive(&mut viewer).await.status_response.unwrap();
    assert_eq!(told.error_type.as_deref(), Some("InvalidArgumentException"));
    let longer = "x".repeat(MAX_FRAME_BYTES + 1);
    viewer.send(Message::Text(longer.into())).await.unwrap();
    let ended = async { while viewer.next().await.is_some_and(|frame| frame.is_ok()) {} };
    tokio::time::timeout(TIMEOUT, ended).await.unwrap();
    free_again(&bench, "viewer").await;
}

#[tokio::test]
async fn too_many_candidates_are_dropped_and_told() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut viewer = bench.viewer("v1").await.unwrap();
    let candidate = json!({
        "action": "ICE_CANDIDATE",
        "messagePayload": "e30=",
        "correlationId": "c",
    });
    for _ in 0..300 {
        send_frame(&mut viewer, &candidate).await;
    }
    let told = receive(&mut viewer).await.status_response.unwrap();
    assert_eq!(
        told.error_type.as_deref(),
        Some("ClientLimitExceededException")
    );
}

#[tokio::test]
async fn who_sends_nothing_but_garbage_is_closed() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut viewer = bench.viewer("v1").await.unwrap();
    for _ in 0..400 {
        if viewer.send(Message::Text("garbage".into())).await.is_err() {
            break;
        }
    }
    free_again(&bench, "viewer").await;
}

#[tokio::test]
async fn half_a_frame_holds_up_nobody() {
    let times = Times {
        idle: Duration::from_secs(4),
        ..Times::DOCUMENTED
    };
    let bench = bench(times).await;
    let mut half = bench.viewer("half").await.unwrap();
    // A masked text frame of 100 bytes that ends after three.
    let head = [0x81, 0x80 | 100, 1, 2, 3, 4, b'{', b'"', b'a'];
    half.get_mut().write_all(&head).await.unwrap();
    half.get_mut().flush().await.unwrap();
    let mut master = bench.master().await;
    let mut whole = bench.viewer("whole").await.unwrap();
    send_frame(&mut whole, &offer("hello")).await;
    assert_eq!(
        receive(&mut master).await.sender_client_id.as_deref(),
        Some("whole")
    );
    assert_eq!(closed(&mut half).await, CloseReason::Idle.words());
}

#[tokio::test]
async fn a_stopping_station_says_goodbye() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master().await;
    bench.shutdown.cancel();
    assert_eq!(closed(&mut master).await, CloseReason::Stopping.words());
    free_again(&bench, "master").await;
}

#[tokio::test]
async fn metrics_count_sockets_and_messages_and_name_nobody() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master().await;
    let mut viewer = bench.viewer("v1").await.unwrap();
    send_frame(&mut viewer, &offer("hello")).await;
    receive(&mut master).await;
    let text = metrics(&bench);
    for line in [
        "signaling_connected{role=\"master\"} 1",
        "signaling_connected{role=\"viewer\"} 1",
        "signaling_messages_total{kind=\"offer\"} 1",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("rover") && !text.contains("v1"), "{text}");
}

fn metrics(bench: &Bench) -> String {
    let mut registry = prometheus_client::registry::Registry::default();
    bench.signaling.counters.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

/// Waits until nobody is connected in `role`.
async fn free_again(bench: &Bench, role: &str) {
    let line = format!("signaling_connected{{role=\"{role}\"}} 0");
    let deadline = clock::instant() + TIMEOUT;
    while !metrics(bench).contains(&line) {
        assert!(clock::instant() < deadline, "{}", metrics(bench));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
