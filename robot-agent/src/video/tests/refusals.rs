//! Offers and candidates that come to nothing, and what that costs the others.

use super::viewer::PATIENCE;
use super::*;

async fn refused(stage: &mut Stage) -> (String, String) {
    match stage.next().await {
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
    match Guest::new(name).await.offer().await {
        Incoming::Offer { viewer, sdp } => Incoming::Offer {
            viewer,
            sdp: change(sdp),
        },
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_house_says_so() {
    let mut stage = Stage::open(Settings {
        viewers_max: 1,
        ..settings()
    });
    let guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    stage.until("there", |video| video.viewers == 1).await;
    stage
        .to
        .send(offer_of("bert", |sdp| sdp).await)
        .await
        .unwrap();
    let (viewer, reason) = loop {
        let said = stage.next().await;
        if let (
            "bert",
            Message::Answer {
                refused: Some(reason),
                ..
            },
        ) = (said.viewer.as_str(), said.message)
        {
            break (said.viewer, reason);
        }
    };
    assert_eq!(viewer, "bert");
    assert!(reason.contains("full"), "{reason}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_without_our_codec_is_refused_with_the_reason() {
    let mut stage = Stage::open(settings());
    let without = |from: &'static str, to: &'static str| move |sdp: String| sdp.replace(from, to);
    let offers = [
        offer_of("anna", without("H264/90000", "H266/90000")).await,
        offer_of(
            "bert",
            without("packetization-mode=1", "packetization-mode=0"),
        )
        .await,
    ];
    for offer in offers {
        stage.to.send(offer).await.unwrap();
        let (_, reason) = refused(&mut stage).await;
        assert!(
            reason.contains("H.264") && reason.contains("packetization-mode=1"),
            "{reason}"
        );
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_nonsense_offers_a_second_and_thousands_of_candidates_disturb_nobody() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    guest.next_picture().await;
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
            viewer: format!("stranger-{n}"),
            sdp: format!("v=0\r\nnonsense {n}\r\n"),
        };
        stage.to.send(offer).await.unwrap();
        for m in 0..60 {
            let viewer = if m % 2 == 0 {
                "anna".to_owned()
            } else {
                format!("nobody-{m}")
            };
            let candidate = no_candidate(m);
            let said = Incoming::Candidate { viewer, candidate };
            stage.to.send(said).await.unwrap();
        }
    }
    for _ in 0..30 {
        guest.next_picture().await;
    }
    stage.until("undisturbed", |video| video.viewers == 1).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_never_connects_loses_its_seat() {
    let mut stage = Stage::open(Settings {
        viewers_max: 1,
        connect_limit: Duration::from_secs(3),
        ..settings()
    });
    let dead = |sdp: String| {
        sdp.lines()
            .filter(|line| !line.starts_with("a=candidate"))
            .fold(String::new(), |sdp, line| sdp + line + "\r\n")
    };
    stage.to.send(offer_of("ghost", dead).await).await.unwrap();
    assert!(matches!(
        stage.next().await.message,
        Message::Answer { refused: None, .. }
    ));
    let deadline = now() + PATIENCE;
    loop {
        let mut guest = Guest::new("anna").await;
        stage.to.send(guest.offer().await).await.unwrap();
        let said = stage.next().await;
        if let Message::Answer { refused: None, .. } = said.message {
            guest.hear(said.message).await;
            guest.next_picture().await;
            break;
        }
        assert!(now() < deadline, "the ghost stays: {said:?}");
        // No more often than the door admits.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    stage.close().await;
}
