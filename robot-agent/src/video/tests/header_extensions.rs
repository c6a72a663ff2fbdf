//! What the packets say beside the picture, to those who can read it.

use super::super::peer::header_extensions::{ABS_CAPTURE_TIME, PLAYOUT_DELAY, TRANSPORT_CC};
use super::*;
use webrtc::rtp::header::Header;

/// One that no robot sends.
const OTHER: &str = "urn:ietf:params:rtp-hdrext:toffset";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_packet_asks_to_be_painted_at_once_where_the_viewer_offers_that() {
    let mut task = VideoTask::start(config());
    for (name, extensions, id) in [
        ("anna", &[OTHER, PLAYOUT_DELAY][..], Some(2)),
        ("bert", &[PLAYOUT_DELAY], Some(1)),
        ("carl", &[OTHER], None),
    ] {
        let mut viewer = Viewer::with_extensions(name, extensions).await;
        let offer = viewer.offer().await;
        let answer = task.negotiate(&viewer, offer).await;
        assert_eq!(answer.contains(PLAYOUT_DELAY), id.is_some(), "{answer}");
        assert!(!answer.contains(OTHER), "{answer}");
        for _ in 0..50 {
            let header = viewer.next_packet().await.header;
            let sent = header.extensions.iter();
            let sent: Vec<_> = sent.map(|sent| (sent.id, &sent.payload[..])).collect();
            let expected = id.map(|id| (id, &[0, 0, 0][..]));
            assert_eq!(sent, Vec::from_iter(expected), "{name}");
        }
        viewer.peer.close().await.unwrap();
    }
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_packet_of_a_picture_says_when_it_was_captured_and_no_other_does() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::with_extensions("anna", &[PLAYOUT_DELAY, ABS_CAPTURE_TIME]).await;
    task.connect(&viewer).await;
    let (mut first, mut captured) = (true, Vec::new());
    for _ in 0..100 {
        let header = viewer.next_packet().await.header;
        assert!(header.get_extension(1).is_some());
        let said = header.get_extension(2);
        assert_eq!(said.is_some(), first, "{header:?}");
        captured.extend(said.map(|said| u64::from_be_bytes(said[..8].try_into().unwrap())));
        first = header.marker;
    }
    assert!(captured.len() > 5, "pictures of one packet or some");
    assert!(captured.is_sorted_by(|a, b| a < b), "{captured:x?}");
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_packet_has_a_number_of_its_own_also_one_that_is_sent_again() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::with_extensions("anna", &[TRANSPORT_CC]).await;
    task.connect(&viewer).await;
    let number = |header: &Header| {
        let number = header.get_extension(1).expect("a number");
        u16::from_be_bytes(number[..].try_into().unwrap())
    };
    let first = viewer.next_packet().await.header;
    let nack = TransportLayerNack {
        sender_ssrc: 0,
        media_ssrc: first.ssrc,
        nacks: vec![NackPair::new(first.sequence_number)],
    };
    viewer.peer.write_rtcp(&[Box::new(nack)]).await.unwrap();
    let mut expected = number(&first);
    loop {
        let header = viewer.next_packet().await.header;
        expected = expected.wrapping_add(1);
        assert_eq!(number(&header), expected);
        if header.sequence_number == first.sequence_number {
            break;
        }
    }
    task.stop().await;
}
