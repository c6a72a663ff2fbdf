//! The room with real viewers, over real sockets, in one process.

mod driving;
mod refusals;
mod video_task;
mod viewer;

use bytes::Bytes;
use gstreamer::prelude::*;
use webrtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use webrtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};

use super::messages::Message;
use super::*;
use video_task::{Stage, settings};
use viewer::{Guest, PATIENCE};

/// Decodes a key frame and returns its luma.
fn decoded(picture: Bytes) -> Vec<u8> {
    let pipeline = gstreamer::parse::launch(
        "appsrc name=in caps=video/x-h264,stream-format=byte-stream,alignment=au format=time \
         ! h264parse ! openh264dec ! videoconvert ! video/x-raw,format=I420 \
         ! appsink name=out sync=false",
    )
    .unwrap()
    .downcast::<gstreamer::Pipeline>()
    .unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let input = pipeline.by_name("in").unwrap();
    let input = input.downcast_ref::<gstreamer_app::AppSrc>().unwrap();
    input
        .push_buffer(gstreamer::Buffer::from_slice(picture))
        .unwrap();
    input.end_of_stream().unwrap();
    let output = pipeline.by_name("out").unwrap();
    let output = output.downcast_ref::<gstreamer_app::AppSink>().unwrap();
    let sample = output.pull_sample().expect("a decoded picture");
    let luma = sample.buffer().unwrap().map_readable().unwrap().to_vec();
    pipeline.set_state(gstreamer::State::Null).unwrap();
    luma
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_picture_of_a_viewer_is_whole() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    let picture = guest.next_picture().await;
    let luma = tokio::task::spawn_blocking(move || decoded(picture))
        .await
        .unwrap();
    assert_eq!(luma.len(), 640 * 480 * 3 / 2);
    assert!(camera::read_timestamp(&luma, 640).is_some());
    let video = stage.until("watched", |video| video.fps > 5.0).await;
    assert_eq!(video.viewers, 1);
    guest.peer.close().await.unwrap();
    stage.until("empty", |video| video.viewers == 0).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_before_the_offer_are_used() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    let Incoming::Offer { viewer, sdp } = guest.offer().await else {
        unreachable!()
    };
    let bare = sdp
        .lines()
        .filter(|line| !line.starts_with("a=candidate") && !line.starts_with("a=end-of"))
        .fold(String::new(), |sdp, line| sdp + line + "\r\n");
    for candidate in guest.candidates() {
        stage.to.send(candidate).await.unwrap();
    }
    let offer = Incoming::Offer { viewer, sdp: bare };
    stage.to.send(offer).await.unwrap();
    let said = stage.next().await;
    guest.hear(said.message).await;
    guest.next_picture().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_without_a_picture_gets_a_key_frame() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    let ssrc = guest.next_packet().await.header.ssrc;
    let before = stage
        .until("running", |video| video.fps > 5.0)
        .await
        .key_frames;
    let pli = PictureLossIndication {
        sender_ssrc: 0,
        media_ssrc: ssrc,
    };
    let begun = now();
    for _ in 0..20 {
        guest
            .peer
            .write_rtcp(&[Box::new(pli.clone())])
            .await
            .unwrap();
    }
    let video = stage
        .until("mended", |video| video.key_frames > before)
        .await;
    let gaps = now().duration_since(begun).as_millis() / camera::KEY_FRAME_GAP.as_millis();
    let given = u128::from(video.key_frames - before);
    assert!(given <= gaps + 2, "{given} for one storm");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_packet_comes_again_and_the_past_comes_as_a_key_frame() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    for _ in 0..3 {
        guest.next_picture().await;
    }
    let lost = guest.next_packet().await.header;
    let nack = |first: u16| TransportLayerNack {
        sender_ssrc: 0,
        media_ssrc: lost.ssrc,
        nacks: vec![NackPair::new(first)],
    };
    let missing = nack(lost.sequence_number);
    guest.peer.write_rtcp(&[Box::new(missing)]).await.unwrap();
    loop {
        if guest.next_packet().await.header.sequence_number == lost.sequence_number {
            break;
        }
    }
    // One that is past mending by now, unless a key frame came since on its own account.
    let rescued = async {
        loop {
            let old = guest.next_packet().await.header;
            while guest
                .next_packet()
                .await
                .header
                .timestamp
                .wrapping_sub(old.timestamp)
                < 65_000
            {}
            let before = stage.status.borrow().as_ref().unwrap().key_frames;
            let missing = nack(old.sequence_number);
            guest.peer.write_rtcp(&[Box::new(missing)]).await.unwrap();
            let wait = stage
                .status
                .wait_for(|status| status.as_ref().unwrap().key_frames > before);
            let soon = Duration::from_secs(2);
            if tokio::time::timeout(soon, wait).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, rescued)
        .await
        .expect("a key frame for what is past mending");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_anew_takes_their_own_seat() {
    let mut stage = Stage::open(Settings {
        viewers_max: 1,
        ..settings()
    });
    let mut before = Guest::new("anna").await;
    stage.bring(&before).await;
    before.next_picture().await;
    let mut after = Guest::new("anna").await;
    stage.bring(&after).await;
    after.next_picture().await;
    let video = stage.until("one", |video| video.viewers == 1).await;
    assert_eq!(video.viewers, 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_offer_again_gets_the_same_answer_again() {
    let mut stage = Stage::open(settings());
    let guest = Guest::new("anna").await;
    let offer = guest.offer().await;
    stage.to.send(offer.clone()).await.unwrap();
    let first = stage.next().await;
    stage.to.send(offer).await.unwrap();
    loop {
        let again = stage.next().await;
        if matches!(again.message, Message::Answer { .. }) {
            assert_eq!(again, first);
            break;
        }
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_closes_their_channels_has_left_and_one_is_not_enough() {
    let mut stage = Stage::open(settings());
    let mut guest = Guest::new("anna").await;
    stage.bring(&guest).await;
    guest.told(|said| said.get("telemetry").cloned()).await;
    guest.say(&guest.drive, "{\"action\":\"forward\"}").await;
    stage.acted(|(_, viewer)| viewer == "anna").await;
    guest.drive.close().await.unwrap();
    guest.say(&guest.telemetry, "{\"ping\":7}").await;
    guest.told(|said| said.get("pong").cloned()).await;
    stage.until("still there", |video| video.viewers == 1).await;
    // The connection lives on: only the channels tell.
    guest.telemetry.close().await.unwrap();
    stage.until("gone", |video| video.viewers == 0).await;
    stage.close().await;
}

#[test]
fn a_viewer_that_falls_silent_loses_its_seat() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let (ours, theirs) = (runtime(), runtime());
    ours.block_on(async {
        let mut stage = Stage::open(settings());
        let visit = theirs.spawn(async move {
            let guest = Guest::new("anna").await;
            stage.bring(&guest).await;
            (stage, guest)
        });
        let guest;
        (stage, guest) = visit.await.unwrap();
        stage.until("there", |video| video.viewers == 1).await;
        // Its process is gone, without a goodbye.
        theirs.shutdown_background();
        stage.until("gone", |video| video.viewers == 0).await;
        stage.close().await;
        std::mem::forget(guest);
    });
}
