//! Sends what the microphone hears to one viewer who listens. Sound is small and late sound is worth nothing:
//! nothing is sent again, and nothing of it is reckoned to what the path can take.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use webrtc::Error;
use webrtc::dtls_transport::RTCDtlsTransport;
use webrtc::rtp::header::Header;
use webrtc::rtp::packet::Packet;
use webrtc::rtp_transceiver::rtp_sender::RTCRtpSender;

use super::media_clock::MediaClock;
use super::sender_reports::SenderReports;
use super::session::{Session, Shared};
use super::track::{CNAME, Track};
use crate::audio::{RATE, SoundPacket};
use crate::clock::now;

/// How long a viewer has to say whether they listen.
const SAY_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct SoundSender {
    track: Arc<Track>,
    session: Arc<Session>,
    shared: Arc<Shared>,
    transport: Arc<RTCDtlsTransport>,
    sequence_number: u16,
    clock: MediaClock,
    reports: SenderReports,
    /// Whether what is sent next is the first after silence.
    begins: bool,
}

impl SoundSender {
    pub(super) fn new(
        track: &Arc<Track>,
        sender: &RTCRtpSender,
        session: &Arc<Session>,
        shared: &Arc<Shared>,
    ) -> Self {
        let clock = shared.clock.with_rate(RATE);
        Self {
            track: Arc::clone(track),
            session: Arc::clone(session),
            shared: Arc::clone(shared),
            transport: sender.transport(),
            sequence_number: rand::random(),
            clock,
            reports: SenderReports::new(clock),
            begins: true,
        }
    }

    /// Sends until the connection is gone or the session is about to end.
    pub(super) async fn run(mut self) {
        self.session.wait_for_listening(SAY_LIMIT).await;
        self.shared.changed.notify_one();
        let mut packets = self.shared.audio.packets();
        while !self.session.cancel.is_cancelled() {
            match packets.recv().await {
                Ok(packet) if self.session.listens() => {
                    if self.send(&packet).await.is_err() {
                        return;
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => self.begins = true,
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// An error once the connection is gone.
    async fn send(&mut self, sound: &SoundPacket) -> Result<(), Error> {
        let Some(bound) = self.track.bound() else {
            return Ok(());
        };
        let packet = Packet {
            header: Header {
                version: 2,
                marker: sound.begins || self.begins,
                payload_type: bound.payload_type,
                sequence_number: self.sequence_number,
                timestamp: self.clock.rtp(sound.captured),
                ssrc: bound.ssrc,
                ..Header::default()
            },
            payload: sound.payload.clone(),
        };
        self.begins = false;
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.reports.count(packet.payload.len());
        match bound.writer.write_rtp(&packet).await {
            Err(Error::ErrClosedPipe) => return Err(Error::ErrClosedPipe),
            Err(error) => tracing::debug!("a packet of sound is not sent: {error}"),
            Ok(_) => {}
        }
        let now = now();
        if self.reports.due(now).is_some_and(|due| due <= now) {
            let report = self.reports.report(bound.ssrc, CNAME, now);
            if let Err(error) = self.transport.write_rtcp(&report).await {
                tracing::debug!(viewer = %self.session.viewer, "a report on sound is not sent: {error}");
            }
        }
        Ok(())
    }
}
