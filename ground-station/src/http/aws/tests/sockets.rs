//! The sockets: who is let in, and what they receive from each other.

use wire::signaling::{MessageType, StatusResponse};

use super::*;

#[tokio::test]
async fn an_offer_is_answered() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master().await;
    let mut viewer = bench.viewer("v1").await.unwrap();
    send_frame(
        &mut viewer,
        &json!({"action": "ICE_CANDIDATE", "messagePayload": "e30="}),
    )
    .await;
    send_frame(&mut viewer, &offer("hello")).await;
    let early = receive(&mut master).await;
    assert_eq!(
        early.message_type,
        MessageType::IceCandidate,
        "it may come first"
    );
    let got = receive(&mut master).await;
    assert_eq!(got.message_type, MessageType::SdpOffer);
    assert_eq!(got.sender_client_id.as_deref(), Some("v1"));
    assert_eq!(got.message_payload, Some(encode_payload(&"hello")));
    // In the casing of the C SDK.
    let answer =
        json!({"action": "SDP_ANSWER", "RecipientClientId": "v1", "MessagePayload": "e30="});
    send_frame(&mut master, &answer).await;
    let Message::Text(text) = next(&mut viewer).await else {
        panic!("not a text frame")
    };
    let got: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        got,
        json!({"messageType": "SDP_ANSWER", "messagePayload": "e30="})
    );
}

#[tokio::test]
async fn what_is_refused_is_told_with_a_correlation_id_and_otherwise_not() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master().await;
    send_frame(&mut master, &answer("gone")).await;
    let mut told = answer("gone");
    told["correlationId"] = "c-1".into();
    send_frame(&mut master, &told).await;
    let first = receive(&mut master).await;
    assert_eq!(first.message_type, MessageType::StatusResponse);
    assert_eq!(
        first.status_response,
        Some(StatusResponse {
            correlation_id: "c-1".into(),
            error_type: Some("InvalidArgumentException".into()),
            status_code: Some("400".into()),
            description: Some("no viewer 'gone' is connected".into()),
        })
    );
}

#[tokio::test]
async fn the_newest_master_wins() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut old = bench.master().await;
    let mut new = bench.master().await;
    assert_eq!(closed(&mut old).await, CloseReason::Replaced.words());
    let mut viewer = bench.viewer("v1").await.unwrap();
    send_frame(&mut viewer, &offer("hello")).await;
    assert_eq!(receive(&mut new).await.message_type, MessageType::SdpOffer);
}

#[tokio::test]
async fn an_offer_waits_for_a_master_who_comes_back() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut viewer = bench.viewer("v1").await.unwrap();
    send_frame(&mut viewer, &offer("hello")).await;
    // The offer was taken when the refusal of the next message comes.
    let malformed = json!({"action": "SDP_OFFER", "messagePayload": "{}", "correlationId": "c"});
    send_frame(&mut viewer, &malformed).await;
    assert_eq!(
        receive(&mut viewer).await.message_type,
        MessageType::StatusResponse
    );
    let mut master = bench.master().await;
    assert_eq!(
        receive(&mut master).await.message_payload,
        Some(encode_payload(&"hello"))
    );
}

async fn assert_turned_away(viewer: &mut Socket, why: &str) {
    let told = receive(viewer).await.status_response.unwrap();
    assert_eq!(
        told.error_type.as_deref(),
        Some("ClientLimitExceededException")
    );
    assert_eq!(told.description.as_deref(), Some(why));
    assert_eq!(closed(viewer).await, CloseReason::Limit.words());
}

/// Whether a message of this viewer is looked at.
async fn is_let_in(viewer: &mut Socket) -> bool {
    let nonsense = json!({"action": "SDP_OFFER", "messagePayload": "<", "correlationId": "c"});
    send_frame(viewer, &nonsense).await;
    let told = receive(viewer).await.status_response.unwrap();
    told.correlation_id == "c"
}

#[tokio::test]
async fn viewers_that_all_come_at_once_are_told_why_not_all_are_let_in() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut viewers = Vec::new();
    for n in 0..15 {
        // All in one place, so that there is no other limit than that of their number a second.
        viewers.push(bench.viewer(&format!("v{}", n % 5)).await.unwrap());
    }
    let last = viewers.last_mut().unwrap();
    assert_turned_away(last, "more than 3 connections a second to this channel").await;
}

#[tokio::test]
async fn ten_may_watch() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut viewers = Vec::new();
    for n in 0..10 {
        viewers.push(bench.viewer(&format!("v{n}")).await.unwrap());
    }
    let mut eleventh = bench.viewer("v10").await.unwrap();
    assert_turned_away(&mut eleventh, "this channel has its 10 viewers").await;
    viewers.pop().unwrap().close(None).await.unwrap();
    let deadline = clock::instant() + TIMEOUT;
    while !is_let_in(&mut bench.viewer("v10").await.unwrap()).await {
        assert!(clock::instant() < deadline, "the place never was free");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn credentials_open_one_side_of_one_channel() {
    let bench = bench(Times::DOCUMENTED).await;
    let robot = bench.credentials(Role::Master, "rover");
    let viewer = bench.credentials(Role::Viewer, "rover");
    let (ours, other) = (bench.arn("rover"), bench.arn("other"));
    let aged = ours.replace("123", "124");
    let long = "x".repeat(257);
    for (who, arn, id, status) in [
        (&robot, &ours, Some("v1"), 403),
        (&robot, &other, None, 403),
        (&robot, &aged, None, 404),
        (&robot, &"rover".to_owned(), None, 400),
        (&viewer, &ours, None, 403),
        (&viewer, &other, Some("v1"), 403),
        (&viewer, &ours, Some("a b"), 400),
        (&viewer, &ours, Some(long.as_str()), 400),
    ] {
        let url = bench.url(who, arn, id, now());
        let (got, kind) = refused(bench.connect(&url).await);
        assert_eq!(got, status, "{arn} {id:?}: {kind}");
    }
}

#[tokio::test]
async fn a_url_that_is_spoiled_or_too_old_opens_nothing() {
    let bench = bench(Times::DOCUMENTED).await;
    let viewer = bench.credentials(Role::Viewer, "rover");
    let arn = bench.arn("rover");
    let url = bench.url(&viewer, &arn, Some("v1"), now());
    let spoiled = [
        url.replace("ClientId=v1", "ClientId=v2"),
        url.replace("channel%2Frover", "channel%2Fother"),
        url.replace("Expires=299", "Expires=3000"),
        url.replace("us-east-1%2Fkinesisvideo", "us-east-1%2Fs3"),
        bench.url(&viewer, &arn, Some("v1"), now() - Duration::from_secs(300)),
        bench.url(&viewer, &arn, Some("v1"), now() + Duration::from_secs(600)),
        format!("ws://{}/?X-Amz-ChannelARN={arn}", bench.host),
    ];
    for url in &spoiled {
        let (status, kind) = refused(bench.connect(url).await);
        assert_eq!(status, 403, "{url}: {kind}");
    }
    assert!(bench.connect(&url).await.is_ok());
}

#[tokio::test]
async fn what_is_no_socket_goes_past() {
    let bench = bench(Times::DOCUMENTED).await;
    let url = format!("ws://{}/elsewhere?a=b", bench.host);
    assert_eq!(refused(bench.connect(&url).await).0, 404);
}

#[tokio::test]
async fn who_is_revoked_is_closed_at_once() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master().await;
    let mut viewer = bench.viewer("v1").await.unwrap();
    bench.directory.send_modify(|directory| {
        Arc::make_mut(directory).revoked.insert("0a".into(), 1);
    });
    assert_eq!(closed(&mut master).await, CloseReason::Revoked.words());
    bench.directory.send_modify(|directory| {
        Arc::make_mut(directory).users.clear();
    });
    assert_eq!(closed(&mut viewer).await, CloseReason::Revoked.words());
}

#[tokio::test]
async fn announcements_and_cuts_come_on_demand() {
    let bench = bench(Times::DOCUMENTED).await;
    let mut master = bench.master().await;
    assert_eq!(broadcast(&bench, MessageType::ReconnectIceServer), 1);
    assert_eq!(
        receive(&mut master).await,
        FromService::bare(MessageType::ReconnectIceServer)
    );
    assert_eq!(broadcast(&bench, MessageType::GoAway), 1);
    assert_eq!(
        receive(&mut master).await,
        FromService::bare(MessageType::GoAway)
    );
    let closed_now = bench
        .signaling
        .channels()
        .close("rover", CloseReason::OnDemand);
    assert_eq!(closed_now, 1);
    assert_eq!(closed(&mut master).await, CloseReason::OnDemand.words());
}

fn broadcast(bench: &Bench, what: MessageType) -> usize {
    bench.signaling.channels().broadcast("rover", what)
}
