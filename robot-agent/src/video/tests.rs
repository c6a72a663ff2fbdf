//! Video with real viewers, over real sockets, in one process.

mod driving;
mod header_extensions;
mod offers;
mod permission;
mod refusals;
mod renegotiation;
mod reports;
mod sockets;
mod sound;
mod video_task;
mod viewer;
mod vp8;

use tokio::sync::{mpsc, watch};
use webrtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use webrtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use wire::Action;
use wire::telemetry::Video;

use super::camera::tests::decoded;
use super::codec::Codec;
use super::messages::{IceServer, Incoming, Message, Outgoing};
use super::*;
use crate::clock::now;
use video_task::{VideoTask, config};
use viewer::{TIMEOUT, Viewer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_picture_of_a_viewer_is_whole() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    let picture = viewer.next_picture().await;
    let luma = tokio::task::spawn_blocking(move || decoded(picture, Codec::H264))
        .await
        .unwrap();
    assert_eq!(luma.len(), 640 * 480 * 3 / 2);
    assert!(camera::read_timestamp(&luma, 640).is_some());
    let video = task.until("watched", |video| video.fps > 5.0).await;
    assert_eq!(video.viewers, 1);
    viewer.peer.close().await.unwrap();
    task.until("empty", |video| video.viewers == 0).await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_before_the_offer_are_used() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    let Incoming::Offer {
        viewer: name, sdp, ..
    } = viewer.offer().await
    else {
        unreachable!()
    };
    let bare = sdp
        .lines()
        .filter(|line| !line.starts_with("a=candidate") && !line.starts_with("a=end-of"))
        .fold(String::new(), |sdp, line| sdp + line + "\r\n");
    for candidate in viewer.candidates() {
        task.to.send(candidate).await.unwrap();
    }
    let offer = Incoming::Offer {
        viewer: name,
        principal: None,
        sdp: bare,
    };
    task.to.send(offer).await.unwrap();
    let sent = task.next().await;
    viewer.receive(sent.message).await;
    viewer.next_picture().await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_without_a_picture_gets_a_key_frame() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    let ssrc = viewer.next_packet().await.header.ssrc;
    let before = task
        .until("running", |video| video.fps > 5.0)
        .await
        .key_frames;
    let pli = PictureLossIndication {
        sender_ssrc: 0,
        media_ssrc: ssrc,
    };
    let begun = now();
    for _ in 0..20 {
        viewer
            .peer
            .write_rtcp(&[Box::new(pli.clone())])
            .await
            .unwrap();
    }
    let video = task
        .until("repaired", |video| video.key_frames > before)
        .await;
    let gaps = now().duration_since(begun).as_millis() / camera::KEY_FRAME_GAP.as_millis();
    let given = u128::from(video.key_frames - before);
    assert!(given <= gaps + 2, "{given} for one storm");
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_packet_comes_again_and_the_past_comes_as_a_key_frame() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    for _ in 0..3 {
        viewer.next_picture().await;
    }
    let lost = viewer.next_packet().await.header;
    let nack = |first: u16| TransportLayerNack {
        sender_ssrc: 0,
        media_ssrc: lost.ssrc,
        nacks: vec![NackPair::new(first)],
    };
    let missing = nack(lost.sequence_number);
    viewer.peer.write_rtcp(&[Box::new(missing)]).await.unwrap();
    loop {
        if viewer.next_packet().await.header.sequence_number == lost.sequence_number {
            break;
        }
    }
    // One that is too old by now, unless a key frame came since on its own account.
    let recovered = async {
        loop {
            let old = viewer.next_packet().await.header;
            while viewer
                .next_packet()
                .await
                .header
                .timestamp
                .wrapping_sub(old.timestamp)
                < 65_000
            {}
            let before = task.status.borrow().as_ref().unwrap().key_frames;
            let missing = nack(old.sequence_number);
            viewer.peer.write_rtcp(&[Box::new(missing)]).await.unwrap();
            let wait = task
                .status
                .wait_for(|status| status.as_ref().unwrap().key_frames > before);
            let soon = Duration::from_secs(2);
            if tokio::time::timeout(soon, wait).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, recovered)
        .await
        .expect("a key frame for what is too old");
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reconnects_replaces_their_own_session() {
    let mut task = VideoTask::start(VideoConfig {
        viewers_max: 1,
        ..config()
    });
    let mut before = Viewer::new("anna").await;
    task.connect(&before).await;
    before.next_picture().await;
    let mut after = Viewer::new("anna").await;
    task.connect(&after).await;
    after.next_picture().await;
    let video = task.until("one", |video| video.viewers == 1).await;
    assert_eq!(video.viewers, 1);
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_offer_again_gets_the_same_answer_again() {
    let mut task = VideoTask::start(config());
    let viewer = Viewer::new("anna").await;
    let offer = viewer.offer().await;
    task.to.send(offer.clone()).await.unwrap();
    let first = task.next().await;
    task.to.send(offer).await.unwrap();
    loop {
        let again = task.next().await;
        if matches!(again.message, Message::Answer { .. }) {
            assert_eq!(again, first);
            break;
        }
    }
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_closes_their_channels_has_left_and_one_is_not_enough() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    viewer
        .report(|report| report.get("telemetry").cloned())
        .await;
    viewer
        .send(&viewer.drive, "{\"action\":\"forward\",\"sent_at\":1}")
        .await;
    task.acted(|(_, viewer)| viewer == "anna").await;
    viewer.drive.close().await.unwrap();
    viewer.send(&viewer.telemetry, "{\"ping\":7}").await;
    viewer.report(|report| report.get("pong").cloned()).await;
    task.until("still there", |video| video.viewers == 1).await;
    // The connection lives on: only the channels tell.
    viewer.telemetry.close().await.unwrap();
    task.until("gone", |video| video.viewers == 0).await;
    task.stop().await;
}

#[test]
fn a_viewer_that_falls_silent_is_dropped() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let (ours, theirs) = (runtime(), runtime());
    ours.block_on(async {
        let mut task = VideoTask::start(config());
        let visit = theirs.spawn(async move {
            let viewer = Viewer::new("anna").await;
            task.connect(&viewer).await;
            (task, viewer)
        });
        let viewer;
        (task, viewer) = visit.await.unwrap();
        task.until("there", |video| video.viewers == 1).await;
        // Its process is gone, without a goodbye.
        theirs.shutdown_background();
        task.until("gone", |video| video.viewers == 0).await;
        task.stop().await;
        std::mem::forget(viewer);
    });
}
