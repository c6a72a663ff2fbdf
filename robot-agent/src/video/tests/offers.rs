//! Offers of every shape that a viewer may make, and the picture that each of them gets.

use webrtc::data_channel::data_channel_init::RTCDataChannelInit;
use webrtc::rtp_transceiver::rtp_codec::RTPCodecType;
use wire::Motion;

use super::super::camera::{CameraConfig, Format};
use super::*;

const AUDIO_FIRST: [RTPCodecType; 2] = [RTPCodecType::Audio, RTPCodecType::Video];

fn changed(offer: Incoming, change: impl Fn(&str) -> String) -> Incoming {
    match offer {
        Incoming::Offer {
            viewer,
            principal,
            sdp,
        } => Incoming::Offer {
            viewer,
            principal,
            sdp: change(&sdp),
        },
        other => other,
    }
}

fn without_lines(sdp: &str, start: &str) -> String {
    let kept = sdp.lines().filter(|line| !line.starts_with(start));
    kept.fold(String::new(), |sdp, line| sdp + line + "\r\n")
}

/// The part of `answer` that begins with its section of this kind.
fn from_section<'a>(answer: &'a str, kind: &str) -> &'a str {
    let at = answer.find(&format!("m={kind} "));
    &answer[at.unwrap_or_else(|| panic!("no {kind}: {answer}"))..]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_first_is_accepted_in_silence_and_has_the_candidates() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::receiving("anna", &AUDIO_FIRST).await;
    let offer = viewer.offer().await;
    let answer = task.negotiate(&viewer, offer).await;
    viewer.next_picture().await;
    let (audio, video) = answer.split_at(answer.len() - from_section(&answer, "video").len());
    assert!(
        audio.contains("m=audio 9 ") && audio.contains("a=inactive"),
        "{answer}"
    );
    assert!(
        audio.contains("a=candidate:") && !video.contains("a=candidate:"),
        "{answer}"
    );
    // Data channels work all the same.
    viewer
        .send(&viewer.drive, "{\"action\":\"forward\",\"sent_at\":1}")
        .await;
    task.acted(|(_, by)| by == "anna").await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_first_without_a_group_is_rejected_and_the_video_has_the_candidates() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::receiving("anna", &AUDIO_FIRST).await;
    let offer = changed(viewer.offer().await, |sdp| without_lines(sdp, "a=group"));
    let answer = task.negotiate(&viewer, offer).await;
    viewer.next_picture().await;
    let (audio, video) = answer.split_at(answer.len() - from_section(&answer, "video").len());
    assert!(audio.contains("m=audio 0 "), "{answer}");
    assert!(
        video.contains("a=candidate:") && !audio.contains("a=candidate:"),
        "{answer}"
    );
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_without_a_bundle_group_gets_the_picture() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    let offer = changed(viewer.offer().await, |sdp| without_lines(sdp, "a=group"));
    let answer = task.negotiate(&viewer, offer).await;
    viewer.next_picture().await;
    assert!(answer.contains("m=video 9 "), "{answer}");
    assert!(answer.contains("m=application 0 "), "{answer}");
    assert!(!answer.contains("a=group"), "{answer}");
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_insists_on_being_the_client_of_dtls_gets_the_picture() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    let offer = changed(viewer.offer().await, |sdp| {
        sdp.replace("a=setup:actpass", "a=setup:active")
    });
    let answer = task.negotiate(&viewer, offer).await;
    assert!(answer.contains("a=setup:passive"), "{answer}");
    viewer.next_picture().await;
    viewer
        .send(&viewer.drive, "{\"action\":\"forward\",\"sent_at\":1}")
        .await;
    task.acted(|(_, by)| by == "anna").await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_heard_on_a_channel_of_any_name_and_on_those_nobody_announced() {
    let mut task = VideoTask::start(config());
    let viewer = Viewer::new("anna").await;
    let mut channels = vec![
        viewer
            .peer
            .create_data_channel("kvsDataChannel", None)
            .await,
    ];
    for id in [0, 2, 14] {
        let negotiated = RTCDataChannelInit {
            negotiated: Some(id),
            ..RTCDataChannelInit::default()
        };
        let channel = viewer.peer.create_data_channel("orders", Some(negotiated));
        channels.push(channel.await);
    }
    task.connect(&viewer).await;
    let angular = |n: usize| f64::from(u8::try_from(n).unwrap()) / 8.0;
    for (n, channel) in channels.iter().enumerate() {
        let channel = channel.as_ref().unwrap();
        viewer.send(channel, "hello").await;
        let order = format!(
            r#"{{"action":"drive","linear":0,"angular":{},"sent_at":1}}"#,
            angular(n)
        );
        viewer.send(channel, &order).await;
        let motion = Motion::Drive {
            linear: 0.0,
            angular: angular(n),
        };
        task.acted(|(action, by)| action.motion == motion && by == "anna")
            .await;
    }
    assert_eq!(*task.robot.rejected.lock().unwrap(), 4);
    let last = channels[3].as_ref().unwrap();
    viewer.send(last, "{\"release\":true}").await;
    task.acted(|(action, by)| action.motion == Motion::Stop && by == "anna")
        .await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_profile_that_decodes_the_stream_is_answered() {
    let mut task = VideoTask::start(VideoConfig {
        viewers_max: 8,
        ..config()
    });
    for (name, offered) in [
        ("anna", "profile-level-id=42c01f"),
        ("bert", "profile-level-id=42001f"),
        ("carl", "profile-level-id=4d401f"),
        ("dora", "profile-level-id=640028"),
        ("emil", "level-asymmetry-allowed=1"),
    ] {
        let viewer = Viewer::new(name).await;
        let offer = changed(viewer.offer().await, |sdp| {
            let others = ["42001f", "640032", "42e01f"];
            let one = others.iter().fold(sdp.to_owned(), |sdp, other| {
                sdp.replace(&format!("profile-level-id={other}"), offered)
            });
            without_lines(&one, "a=rtpmap:102")
        });
        task.to.send(offer).await.unwrap();
        let sent = task.next().await;
        let Message::Answer { sdp, refused: None } = sent.message else {
            panic!("{offered}: {sent:?}");
        };
        let fmtp = sdp.lines().find(|line| line.starts_with("a=fmtp:"));
        let profile = offered
            .strip_prefix("profile-level-id=")
            .unwrap_or("42e01f");
        let same = format!("profile-level-id={}", &profile[..4]);
        assert!(
            fmtp.is_some_and(|fmtp| fmtp.contains(&same)),
            "{offered}: {sdp}"
        );
        drop(viewer);
    }
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_says_the_level_that_the_frames_have() {
    for (width, height, warm) in [(640, 480, true), (640, 480, false), (1920, 1080, false)] {
        let camera = CameraConfig {
            format: Format {
                width,
                height,
                fps: 30,
            },
            warm,
            ..config().camera
        };
        let mut task = VideoTask::start(VideoConfig { camera, ..config() });
        let mut viewer = Viewer::new("anna").await;
        let offer = viewer.offer().await;
        let answer = task.negotiate(&viewer, offer).await;
        let picture = viewer.next_picture().await;
        let said = picture.windows(7).find_map(|bytes| match *bytes {
            [0, 0, 1, 0x67, 0x42, 0xc0, level] => Some(format!("profile-level-id=42e0{level:02x}")),
            _ => None,
        });
        let said = said.unwrap_or_else(|| panic!("{:x?}", &picture[..16]));
        assert!(answer.contains(&said), "{width}x{height}: {said}: {answer}");
        task.stop().await;
    }
}
