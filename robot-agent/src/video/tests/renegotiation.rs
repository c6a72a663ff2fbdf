//! Later offers of a viewer who watches: the picture goes on.

use bytes::Bytes;
use webrtc::rtp_transceiver::RTCRtpTransceiverInit;
use webrtc::rtp_transceiver::rtp_codec::RTPCodecType;
use webrtc::rtp_transceiver::rtp_transceiver_direction::RTCRtpTransceiverDirection;

use super::*;

/// The stream and its next number: a new session would begin others.
async fn position(viewer: &mut Viewer) -> (u32, u16) {
    let header = viewer.next_packet().await.header;
    (header.ssrc, header.sequence_number)
}

/// Asserts that the stream of `before` is still coming, and goes on for some pictures.
async fn goes_on(viewer: &mut Viewer, before: (u32, u16)) {
    for _ in 0..10 {
        viewer.next_picture().await;
    }
    let after = position(viewer).await;
    assert_eq!(after.0, before.0, "it is another stream");
    assert!(
        after.1.wrapping_sub(before.1) < 1 << 15,
        "{before:?} {after:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ice_restart_finds_another_path_for_the_same_picture() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    let offer = viewer.offer().await;
    let first = task.negotiate(&viewer, offer).await;
    viewer
        .send(&viewer.drive, "{\"action\":\"forward\",\"sent_at\":1}")
        .await;
    task.acted(|(_, by)| by == "anna").await;
    for _ in 0..2 {
        let before = position(&mut viewer).await;
        let offer = viewer.restart().await;
        let second = task.negotiate(&viewer, offer).await;
        let credentials = |answer: &str| {
            let line = answer.lines().find(|line| line.starts_with("a=ice-ufrag"));
            line.unwrap().to_owned()
        };
        assert_ne!(credentials(&first), credentials(&second));
        // What still was on its way.
        while viewer.packets.try_recv().is_ok() {}
        goes_on(&mut viewer, before).await;
    }
    assert_eq!(task.robot.driver().as_deref(), Some("anna"));
    viewer
        .send(&viewer.drive, "{\"action\":\"left\",\"sent_at\":1}")
        .await;
    task.acted(|(action, _)| action.motion == wire::Motion::Left)
        .await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_adds_a_section_goes_on_watching() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    let before = position(&mut viewer).await;
    let send = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Recvonly,
        send_encodings: Vec::new(),
    };
    let audio = RTPCodecType::Audio;
    let added = viewer.peer.add_transceiver_from_kind(audio, Some(send));
    added.await.unwrap();
    let offer = viewer.offer().await;
    let answer = task.negotiate(&viewer, offer.clone()).await;
    assert!(answer.contains("m=video 9 "), "{answer}");
    assert!(answer.contains("m=audio 9 "), "{answer}");
    goes_on(&mut viewer, before).await;
    // The same again gets the same answer.
    task.to.send(offer).await.unwrap();
    let again = task.next().await.message;
    assert!(
        matches!(&again, Message::Answer { sdp, .. } if *sdp == answer),
        "{again:?}"
    );
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_may_pause_the_picture_and_begins_again_with_a_key_frame() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    let before = position(&mut viewer).await;
    let transceivers = viewer.peer.get_transceivers().await;
    transceivers[0]
        .set_direction(RTCRtpTransceiverDirection::Inactive)
        .await;
    let offer = viewer.offer().await;
    let answer = task.negotiate(&viewer, offer).await;
    assert!(
        answer.contains("a=inactive") && answer.contains("m=video 9 "),
        "{answer}"
    );
    let quiet = async {
        while tokio::time::timeout(Duration::from_millis(500), viewer.packets.recv())
            .await
            .is_ok()
        {}
    };
    tokio::time::timeout(TIMEOUT, quiet)
        .await
        .expect("it pauses");
    transceivers[0]
        .set_direction(RTCRtpTransceiverDirection::Recvonly)
        .await;
    let offer = viewer.offer().await;
    let answer = task.negotiate(&viewer, offer).await;
    assert!(answer.contains("a=sendonly"), "{answer}");
    // What was on its way when it paused comes first.
    let mut pictures = Vec::new();
    for _ in 0..10 {
        pictures.push(viewer.next_picture().await);
    }
    let is_key = |picture: &Bytes| picture.windows(4).any(|bytes| bytes == [0, 0, 1, 0x67]);
    assert!(pictures.iter().any(is_key), "no key frame");
    goes_on(&mut viewer, before).await;
    task.stop().await;
}
