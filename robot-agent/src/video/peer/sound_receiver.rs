//! What one viewer says: packets of who may speak go to the speaker, all others nowhere. The sender is told
//! what came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use webrtc::peer_connection::RTCPeerConnection;
use webrtc::rtcp::sender_report::SenderReport;
use webrtc::rtp::packet::Packet;
use webrtc::rtp_transceiver::rtp_codec::RTPCodecType;
use webrtc::rtp_transceiver::rtp_receiver::RTCRtpReceiver;
use webrtc::track::track_remote::TrackRemote;

use super::receiver_reports::{EVERY, ReceiverReports};
use super::session::{Session, Shared};
use super::track::Track;
use crate::audio::{RATE, VoicePacket};
use crate::clock::now;

/// Unreadable packets in a row after which nothing more is expected: the connection is gone or talks
/// nonsense.
const MAX_UNREADABLE: u32 = 100;

/// Tracks of one viewer that wait to be received: one is offered.
const TRACKS_WAITING: usize = 4;

/// Most streams of one viewer in its life, each of which costs a task. One is needed.
const MAX_TRACKS: u32 = 8;

/// A stream that a viewer sends.
pub(super) struct IncomingTrack {
    track: Arc<TrackRemote>,
    receiver: Arc<RTCRtpReceiver>,
}

/// Hands over what begins to come.
pub(super) fn listen(peer: &RTCPeerConnection) -> mpsc::Receiver<IncomingTrack> {
    let (to, tracks) = mpsc::channel(TRACKS_WAITING);
    let mut seen = 0;
    peer.on_track(Box::new(move |track, receiver, _| {
        seen += 1;
        if track.kind() == RTPCodecType::Audio && seen <= MAX_TRACKS {
            let _ = to.try_send(IncomingTrack { track, receiver });
        }
        Box::pin(std::future::ready(()))
    }));
    tracks
}

/// Until the connection is gone.
pub(super) async fn receive(
    incoming: IncomingTrack,
    own: Arc<Track>,
    session: Arc<Session>,
    shared: Arc<Shared>,
) {
    let IncomingTrack { track, receiver } = incoming;
    let reports = Mutex::new(ReceiverReports::new(track.ssrc(), RATE));
    // Each in a loop of its own: the library loses what it was reading when it is interrupted.
    tokio::select! {
        () = read_packets(&track, &reports, &session, &shared) => {}
        () = read_reports(&receiver, &reports) => {}
        () = send_reports(&receiver, &reports, &own) => {}
    }
}

async fn read_packets(
    track: &TrackRemote,
    reports: &Mutex<ReceiverReports>,
    session: &Session,
    shared: &Shared,
) {
    let payload_type = track.payload_type();
    let mut unreadable = 0;
    while unreadable < MAX_UNREADABLE && !session.cancel.is_cancelled() {
        match track.read_rtp().await {
            Ok((packet, _)) if packet.header.payload_type == payload_type => {
                unreadable = 0;
                let Packet { header, payload } = packet;
                let now = now();
                lock(reports).count(header.sequence_number, header.timestamp, now);
                if !payload.is_empty() && may_speak(session, shared) {
                    let packet = VoicePacket {
                        ssrc: header.ssrc,
                        sequence_number: header.sequence_number,
                        timestamp: header.timestamp,
                        payload,
                    };
                    shared.audio.speak(&session.viewer, packet, now);
                }
            }
            Ok((packet, _)) => {
                let payload_type = packet.header.payload_type;
                tracing::trace!(viewer = %session.viewer, payload_type, "no sound: dropped");
            }
            Err(error) => {
                unreadable += 1;
                tracing::debug!(viewer = %session.viewer, "unreadable sound: {error}");
            }
        }
    }
}

/// Nobody is heard but who drives.
fn may_speak(session: &Session, shared: &Shared) -> bool {
    shared.audio.speaks() && shared.robot.driver().as_deref() == Some(&*session.viewer)
}

async fn read_reports(receiver: &RTCRtpReceiver, reports: &Mutex<ReceiverReports>) {
    let mut unreadable = 0;
    while unreadable < MAX_UNREADABLE {
        match receiver.read_rtcp().await {
            Ok((packets, _)) => {
                unreadable = 0;
                let sent = packets.iter().find_map(|packet| {
                    let report: &SenderReport = packet.as_any().downcast_ref()?;
                    Some(report.ntp_time)
                });
                if let Some(ntp) = sent {
                    lock(reports).sender_report(ntp, now());
                }
            }
            Err(error) => {
                unreadable += 1;
                tracing::debug!("unreadable RTCP about sound: {error}");
            }
        }
    }
}

async fn send_reports(receiver: &RTCRtpReceiver, reports: &Mutex<ReceiverReports>, own: &Track) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(bound) = own.bound() else { continue };
        let report = lock(reports).report(bound.ssrc, now());
        if let Some(report) = report
            && let Err(error) = receiver.transport().write_rtcp(&[Box::new(report)]).await
        {
            tracing::debug!("a report on sound is not sent: {error}");
        }
    }
}

fn lock(reports: &Mutex<ReceiverReports>) -> MutexGuard<'_, ReceiverReports> {
    reports.lock().unwrap_or_else(PoisonError::into_inner)
}
