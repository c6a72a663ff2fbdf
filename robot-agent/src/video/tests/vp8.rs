//! Viewers that have no H.264.

use super::*;

/// The encoders that work.
async fn encoders(task: &mut VideoTask, wanted: &[&str]) {
    task.until(&wanted.join(", "), |video| video.encoders == wanted)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_without_h264_sees_and_drives_and_its_encoder_ends_with_it() {
    let mut task = VideoTask::start(config());
    let mut other = Viewer::new("bert").await;
    task.connect(&other).await;
    other.next_picture().await;
    let h264 = task
        .until("encoded", |video| video.encoders.len() == 1)
        .await;
    let [h264] = h264.encoders.as_slice() else {
        unreachable!()
    };

    let mut viewer = Viewer::with_vp8("anna").await;
    let offer = viewer.offer().await;
    let answer = task.negotiate(&viewer, offer).await;
    assert!(answer.contains("a=rtpmap:120 VP8/90000"), "{answer}");
    assert!(!answer.contains("a=fmtp:"), "{answer}");
    for feedback in ["nack", "nack pli", "goog-remb"] {
        let line = format!("a=rtcp-fb:120 {feedback}");
        assert!(!answer.contains(&line), "it was not offered: {answer}");
    }
    let picture = viewer.next_vp8_picture().await;
    let luma = tokio::task::spawn_blocking(move || decoded(picture, Codec::Vp8));
    let luma = luma.await.unwrap();
    assert!(camera::read_timestamp(&luma, 640).is_some());
    viewer
        .send(&viewer.drive, "{\"action\":\"forward\",\"sent_at\":1}")
        .await;
    task.acted(|(_, by)| by == "anna").await;
    encoders(&mut task, &[h264, "vp8enc"]).await;
    // Packets are numbered without a gap, and pictures too.
    let mut packets = Vec::new();
    while packets.len() < 100 {
        packets.push(viewer.next_packet().await);
    }
    for pair in packets.windows(2) {
        let [before, after] = pair else { continue };
        let step = after
            .header
            .sequence_number
            .wrapping_sub(before.header.sequence_number);
        assert_eq!(step, 1);
        let picture = |packet: &webrtc::rtp::packet::Packet| {
            u16::from_be_bytes([packet.payload[2], packet.payload[3]])
        };
        let step = picture(after).wrapping_sub(picture(before)) & 0x7fff;
        assert_eq!(step, u16::from(before.header.marker));
    }

    viewer.peer.close().await.unwrap();
    encoders(&mut task, &[h264]).await;
    other.peer.close().await.unwrap();
    encoders(&mut task, &[]).await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_picture_of_vp8_comes_as_a_key_frame_when_it_is_asked_for() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::with_vp8("anna").await;
    task.connect(&viewer).await;
    let is_key = |picture: &bytes::Bytes| picture[0] & 1 == 0;
    assert!(is_key(&viewer.next_vp8_picture().await));
    let ssrc = viewer.next_packet().await.header.ssrc;
    let pli = PictureLossIndication {
        sender_ssrc: 0,
        media_ssrc: ssrc,
    };
    // To the end of the picture that is on its way.
    while !viewer.next_packet().await.header.marker {}
    viewer.peer.write_rtcp(&[Box::new(pli)]).await.unwrap();
    let repaired = async { while !is_key(&viewer.next_vp8_picture().await) {} };
    tokio::time::timeout(TIMEOUT, repaired)
        .await
        .expect("a key frame");
    // And lost packets come again.
    let lost = viewer.next_packet().await.header.sequence_number;
    let nack = TransportLayerNack {
        sender_ssrc: 0,
        media_ssrc: ssrc,
        nacks: vec![NackPair::new(lost)],
    };
    viewer.peer.write_rtcp(&[Box::new(nack)]).await.unwrap();
    let again = async { while viewer.next_packet().await.header.sequence_number != lost {} };
    tokio::time::timeout(TIMEOUT, again)
        .await
        .expect("the same packet");
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_codec_of_a_connection_does_not_change_but_another_connection_may_have_another() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::with_vp8("anna").await;
    task.connect(&viewer).await;
    viewer.next_vp8_picture().await;
    let Incoming::Offer { sdp, .. } = viewer.offer().await else {
        unreachable!()
    };
    let changed = Incoming::Offer {
        viewer: "anna".to_owned(),
        principal: None,
        sdp: sdp.replace("VP8/90000", "H264/90000"),
    };
    task.to.send(changed).await.unwrap();
    let refused = loop {
        if let Message::Answer { refused, .. } = task.next().await.message {
            break refused;
        }
    };
    assert!(refused.is_some_and(|reason| reason.contains("connect anew")));
    viewer.next_vp8_picture().await;
    let mut anew = Viewer::new("anna").await;
    task.connect(&anew).await;
    anew.next_picture().await;
    task.stop().await;
}
