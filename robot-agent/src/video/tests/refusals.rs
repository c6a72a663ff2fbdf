//! Offers and candidates that come to nothing, and what that costs the others.

use super::viewer::TIMEOUT;
use super::*;

async fn refused(task: &mut VideoTask) -> (String, String) {
    match task.next().await {
        Outgoing {
            viewer,
            message:
                Message::Answer {
                    refused: Some(reason),
                    sdp,
                },
        } => {
            assert!(sdp.contains("m=video 0 "), "{sdp}");
            (viewer, reason)
        }
        other => panic!("{other:?}"),
    }
}

async fn offer_of(name: &str, change: impl Fn(String) -> String) -> Incoming {
    match Viewer::new(name).await.offer().await {
        Incoming::Offer {
            viewer,
            principal,
            sdp,
        } => Incoming::Offer {
            viewer,
            principal,
            sdp: change(sdp),
        },
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_viewers_are_refused_with_the_reason() {
    let mut task = VideoTask::start(VideoConfig {
        viewers_max: 1,
        ..config()
    });
    let viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    task.until("there", |video| video.viewers == 1).await;
    task.to
        .send(offer_of("bert", |sdp| sdp).await)
        .await
        .unwrap();
    let (viewer, reason) = loop {
        let sent = task.next().await;
        if let (
            "bert",
            Message::Answer {
                refused: Some(reason),
                ..
            },
        ) = (sent.viewer.as_str(), sent.message)
        {
            break (sent.viewer, reason);
        }
    };
    assert_eq!(viewer, "bert");
    assert!(reason == "too many viewers (1 of 1)", "{reason}");
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_without_our_codec_is_refused_with_the_reason() {
    let mut task = VideoTask::start(config());
    for (name, from, to) in [
        ("anna", "H264/90000", "H266/90000"),
        ("bert", "packetization-mode=1", "packetization-mode=0"),
    ] {
        let without = |sdp: String| sdp.replace("VP8/90000", "VP7/90000").replace(from, to);
        task.to.send(offer_of(name, without).await).await.unwrap();
        let (_, reason) = refused(&mut task).await;
        assert!(
            reason.contains("H.264") && reason.contains("packetization-mode=1"),
            "{reason}"
        );
    }
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_nonsense_offers_a_second_and_thousands_of_candidates_disturb_nobody() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    viewer.next_picture().await;
    let no_candidate = |n: usize| wire::signaling::Candidate {
        candidate: match n % 4 {
            0 => "candidate:1 1 udp 1 192.0.2.99 9 typ host".to_owned(),
            1 => "candidate:nonsense".to_owned(),
            2 => String::new(),
            _ => "x".repeat(2000),
        },
        ..wire::signaling::Candidate::default()
    };
    for n in 0..50 {
        let offer = Incoming::Offer {
            viewer: format!("unknown-{n}"),
            principal: None,
            sdp: format!("v=0\r\nnonsense {n}\r\n"),
        };
        task.to.send(offer).await.unwrap();
        for m in 0..60 {
            let viewer = if m % 2 == 0 {
                "anna".to_owned()
            } else {
                format!("nobody-{m}")
            };
            let candidate = no_candidate(m);
            let sent = Incoming::Candidate { viewer, candidate };
            task.to.send(sent).await.unwrap();
        }
    }
    for _ in 0..30 {
        viewer.next_picture().await;
    }
    task.until("undisturbed", |video| video.viewers == 1).await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_never_connects_is_dropped() {
    let mut task = VideoTask::start(VideoConfig {
        viewers_max: 1,
        connect_limit: Duration::from_secs(3),
        ..config()
    });
    let dead = |sdp: String| {
        sdp.lines()
            .filter(|line| !line.starts_with("a=candidate"))
            .fold(String::new(), |sdp, line| sdp + line + "\r\n")
    };
    task.to.send(offer_of("ghost", dead).await).await.unwrap();
    assert!(matches!(
        task.next().await.message,
        Message::Answer { refused: None, .. }
    ));
    let deadline = now() + TIMEOUT;
    loop {
        let mut viewer = Viewer::new("anna").await;
        task.to.send(viewer.offer().await).await.unwrap();
        let sent = task.next().await;
        if let Message::Answer { refused: None, .. } = sent.message {
            viewer.receive(sent.message).await;
            viewer.next_picture().await;
            break;
        }
        assert!(now() < deadline, "the ghost stays: {sent:?}");
        // No more often than offers are admitted.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_replaces_the_session_of_somebody_else_by_their_client_id() {
    let mut task = VideoTask::start(config());
    task.permit(&["user-anna/1", "user-bert/1"]).await;
    let anna = Viewer::new("anna").await;
    task.connect_as(&anna, Some("user-anna/1")).await;
    anna.send(&anna.drive, r#"{"action":"forward","sent_at":1}"#)
        .await;
    task.acted(|(_, by)| by == "anna").await;
    let bert = Viewer::new("anna")
        .await
        .offer_as(Some("user-bert/1"))
        .await;
    task.to.send(bert).await.unwrap();
    let (_, reason) = loop {
        let sent = task.next().await;
        if let Message::Answer { refused, .. } = sent.message {
            break (sent.viewer, refused);
        }
    };
    let reason = reason.expect("an answer that refuses");
    assert!(reason.contains("somebody else"), "{reason}");
    assert_eq!(task.robot.driver().as_deref(), Some("anna"));
    task.stop().await;
}
