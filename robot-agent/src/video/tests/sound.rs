//! Sound with real viewers: what the robot hears, and who is heard.

use webrtc::rtcp::receiver_report::ReceiverReport;
use webrtc::rtcp::sender_report::SenderReport;
use webrtc::rtp::header::Header;
use webrtc::rtp::packet::Packet;
use webrtc::rtp_transceiver::rtp_codec::RTPCodecType;
use webrtc::track::track_local::TrackLocalWriter;
use webrtc::track::track_local::track_local_static_rtp::TrackLocalStaticRTP;

use super::*;
use crate::audio::{AudioConfig, Device};

fn both() -> AudioConfig {
    AudioConfig {
        microphone: Device::Test,
        speaker: Device::Test,
        ..AudioConfig::OFF
    }
}

/// 20 ms of silence in Opus, full band; a real encoder's, but without its loudness.
const OPUS: &[u8] = &[0xf8, 0xff, 0xfe];

async fn say(voice: &TrackLocalStaticRTP, from: u16, count: u16) {
    for number in from..from + count {
        let packet = Packet {
            header: Header {
                version: 2,
                sequence_number: number,
                timestamp: u32::from(number) * 960,
                ..Header::default()
            },
            payload: OPUS.into(),
        };
        let _ = voice.write_rtp(&packet).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn hears(viewer: &mut Viewer) -> Packet {
    let packet = tokio::time::timeout(TIMEOUT, viewer.sound.recv()).await;
    packet.expect("sound in time").expect("sound")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_offers_to_receive_sound_hears_the_robot_20_ms_at_a_time() {
    let mut task = VideoTask::with_sound(config(), both());
    let mut viewer = Viewer::receiving("anna", &[RTPCodecType::Audio, RTPCodecType::Video]).await;
    task.connect(&viewer).await;
    viewer.next_picture().await;
    let mut before = hears(&mut viewer).await;
    assert!(before.header.marker, "the first after silence says so");
    for _ in 0..8 {
        let next = hears(&mut viewer).await;
        let (was, is) = (&before.header, &next.header);
        assert_eq!(is.sequence_number, was.sequence_number.wrapping_add(1));
        if !is.marker {
            assert_eq!(is.timestamp.wrapping_sub(was.timestamp), 960);
        }
        before = next;
    }
    let status = task.audio.status(now()).unwrap();
    assert_eq!((status.listeners, status.microphone_fault), (1, None));
    // Both streams tell the same clock, by which a viewer brings them together.
    let mut ssrcs = std::collections::HashSet::new();
    while ssrcs.len() < 2 {
        ssrcs.insert(viewer.next_rtcp::<SenderReport>().await.ssrc);
    }
    assert!(ssrcs.contains(&before.header.ssrc));
    viewer.peer.close().await.unwrap();
    task.until("empty", |video| video.viewers == 0).await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_that_they_do_not_listen_is_sent_nothing_until_they_do() {
    let mut task = VideoTask::with_sound(config(), both());
    let mut viewer = Viewer::receiving("anna", &[RTPCodecType::Video, RTPCodecType::Audio]).await;
    task.connect(&viewer).await;
    viewer
        .send(&viewer.telemetry, "{\"listen\":false,\"ping\":1}")
        .await;
    viewer.report(|report| report.get("pong").cloned()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    while viewer.sound.try_recv().is_ok() {}
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(viewer.sound.try_recv().is_err());
    assert_eq!(task.audio.status(now()).unwrap().listeners, 0);
    viewer.send(&viewer.telemetry, "{\"listen\":true}").await;
    hears(&mut viewer).await;
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_is_muted_sends_nothing_whoever_asks() {
    let muted = AudioConfig {
        muted: true,
        ..both()
    };
    let mut task = VideoTask::with_sound(config(), muted);
    let mut viewer = Viewer::receiving("anna", &[RTPCodecType::Video, RTPCodecType::Audio]).await;
    task.connect(&viewer).await;
    viewer.send(&viewer.telemetry, "{\"listen\":true}").await;
    viewer.next_picture().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(viewer.sound.try_recv().is_err());
    assert!(task.audio.status(now()).unwrap().muted);
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_drives_is_heard_and_who_talks_drives_if_nobody_else_does() {
    let mut task = VideoTask::with_sound(config(), both());
    let (mut anna, her_voice, _) = Viewer::speaking("anna").await;
    let (mut bert, his_voice, sender) = Viewer::speaking("bert").await;
    task.connect(&anna).await;
    task.connect(&bert).await;
    anna.next_picture().await;
    bert.next_picture().await;
    let talker = |task: &VideoTask| task.audio.status(now()).unwrap().talker;
    say(&her_voice, 0, 20).await;
    assert_eq!(talker(&task), None, "nobody drives");
    anna.send(&anna.telemetry, "{\"talk\":true}").await;
    tokio::time::timeout(TIMEOUT, async {
        let mut number = 20;
        while talker(&task).as_deref() != Some("anna") {
            say(&her_voice, number, 1).await;
            number += 1;
        }
    })
    .await
    .expect("she is heard");
    assert_eq!(task.robot.driver().as_deref(), Some("anna"));
    bert.send(&bert.telemetry, "{\"talk\":true}").await;
    say(&his_voice, 0, 60).await;
    assert_ne!(talker(&task).as_deref(), Some("bert"));
    // Each is told what came of what they send, heard or not.
    let report = async {
        loop {
            let (compound, _) = sender.read_rtcp().await.unwrap();
            let found = compound.iter().find_map(|packet| {
                let report: &ReceiverReport = packet.as_any().downcast_ref()?;
                report.reports.first().cloned()
            });
            if let Some(report) = found {
                return report;
            }
        }
    };
    let report = tokio::time::timeout(TIMEOUT, report)
        .await
        .expect("a report");
    assert_eq!(report.total_lost, 0);
    let pictures = task.until("pictures", |video| video.fps > 5.0).await;
    assert_eq!(pictures.viewers, 2);
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_as_sound_takes_nothing_from_pictures_and_orders() {
    let mut task = VideoTask::with_sound(config(), both());
    let (mut anna, voice, _) = Viewer::speaking("anna").await;
    task.connect(&anna).await;
    anna.next_picture().await;
    anna.send(&anna.telemetry, "{\"talk\":true}").await;
    let mut random = 7_u32;
    for burst in 0..100_u16 {
        for _ in 0..20 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let length = (random >> 24) as usize * usize::from(burst % 3);
            let packet = Packet {
                header: Header {
                    version: 2,
                    sequence_number: (random >> 16) as u16 * (burst % 2),
                    timestamp: random.wrapping_mul(u32::from(burst % 5)),
                    marker: burst % 2 == 0,
                    ..Header::default()
                },
                payload: vec![random as u8; length].into(),
            };
            let _ = voice.write_rtp(&packet).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anna.send(&anna.drive, "{\"action\":\"forward\",\"sent_at\":1}")
        .await;
    task.acted(|(_, viewer)| viewer == "anna").await;
    while anna.packets.try_recv().is_ok() {}
    anna.next_packet().await;
    assert_eq!(task.audio.status(now()).unwrap().speaker_fault, None);
    task.stop().await;
}
