//! Sends the frames to one viewer: from the packetizer into the track, a key frame first, lost
//! packets again within bounds, and at the rate its path can take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::MissedTickBehavior;
use webrtc::Error;
use webrtc::dtls_transport::RTCDtlsTransport;
use webrtc::rtp::header::Header;
use webrtc::rtp::packet::Packet;
use webrtc::rtp_transceiver::rtp_sender::RTCRtpSender;

use super::filler;
use super::packetizer::{PAYLOAD_BYTES, PacketizedFrame};
use super::retransmit::{NackResponder, Response};
use super::rtcp::Feedback;
use super::sender_reports::SenderReports;
use super::session::{Session, Shared};
use super::track::{Bound, CNAME, Track};
use crate::clock::now;
use crate::video::bandwidth::{self, BandwidthEstimator, Reaction, Sample};
use crate::video::codec::Codec;

/// Least time between two key frames requested because lost packets are not recoverable. A
/// path that drops for a while would otherwise be filled with key frames.
const BETWEEN_RECOVERIES: Duration = Duration::from_secs(1);

/// A change of the bitrate by more than this part of it does not wait for the next look at all viewers.
const URGENT: u32 = 10;

/// One viewer's RTP stream.
pub(super) struct RtpSender {
    track: Arc<Track>,
    session: Arc<Session>,
    shared: Arc<Shared>,
    frames: broadcast::Receiver<Arc<PacketizedFrame>>,
    sequence_number: u16,
    /// Frames are held back until a key frame comes.
    waits_for_key: bool,
    nack_responder: NackResponder,
    reports: SenderReports,
    transport: Arc<RTCDtlsTransport>,
    bandwidth: BandwidthEstimator,
    sample: Sample,
    recovered: Option<Instant>,
    /// Frames are dropped until then: what is on its way would only be in the way of a key frame.
    held_until: Option<Instant>,
}

impl RtpSender {
    /// Subscribes here already, so that the key frame requested next is not missed.
    pub(super) fn new(
        track: &Arc<Track>,
        sender: &RTCRtpSender,
        session: &Arc<Session>,
        shared: &Arc<Shared>,
    ) -> Self {
        let now = now();
        Self {
            track: Arc::clone(track),
            session: Arc::clone(session),
            shared: Arc::clone(shared),
            frames: shared.frames.subscribe(session.codec),
            sequence_number: rand::random(),
            waits_for_key: true,
            nack_responder: NackResponder::new(now),
            reports: SenderReports::new(shared.clock),
            transport: sender.transport(),
            bandwidth: BandwidthEstimator::new(shared.limits, now),
            sample: Sample::default(),
            recovered: None,
            held_until: None,
        }
    }

    /// Sends until the connection is gone or the session is about to end.
    pub(super) async fn run(mut self, mut feedback: mpsc::Receiver<Feedback>) {
        let mut updates = tokio::time::interval(bandwidth::UPDATE_EVERY);
        updates.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.session.cancel.is_cancelled() {
            let sent = tokio::select! {
                frame = self.frames.recv() => match frame {
                    Ok(frame) => self.send(&frame).await,
                    Err(RecvError::Lagged(frames)) => {
                        tracing::debug!(viewer = %self.session.viewer, frames, "too slow, frames skipped");
                        self.waits_for_key = true;
                        self.shared.camera.key_frame(self.session.codec);
                        Ok(())
                    }
                    Err(RecvError::Closed) => return,
                },
                feedback = feedback.recv() => match feedback {
                    Some(feedback) => self.process(feedback).await,
                    None => return,
                },
                _ = updates.tick() => {
                    self.update_bandwidth(now());
                    Ok(())
                }
                () = at(self.held_until) => {
                    self.held_until = None;
                    self.shared.camera.key_frame(self.session.codec);
                    Ok(())
                }
                () = at(self.reports.due(now())) => {
                    self.report().await;
                    Ok(())
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn send(&mut self, frame: &PacketizedFrame) -> Result<(), Error> {
        let is_held = self.held_until.is_some();
        if frame.key && !is_held {
            self.waits_for_key = false;
            self.nack_responder.key_frame_begins(self.sequence_number);
        }
        self.waits_for_key |= self.session.is_paused() || is_held;
        let track = Arc::clone(&self.track);
        let Some(bound) = track.bound().filter(|_| !self.waits_for_key) else {
            return Ok(());
        };
        let bytes = frame.payloads.iter().map(Bytes::len).sum();
        let probe = self.bandwidth.probe(bytes, now());
        let filler = probe.filler.div_ceil(PAYLOAD_BYTES);
        let payloads = frame.payloads.iter().cloned();
        let payloads = payloads.chain(std::iter::repeat_n(filler::largest(), filler));
        let last = (frame.payloads.len() + filler).saturating_sub(1);
        for (index, payload) in payloads.enumerate() {
            let mut header = Header {
                version: 2,
                marker: index == last,
                payload_type: bound.payload_type,
                sequence_number: self.sequence_number,
                timestamp: frame.timestamp,
                ssrc: bound.ssrc,
                ..Header::default()
            };
            let captured = (index == 0).then_some(frame.captured);
            bound.header_extensions.add_to(&mut header, captured)?;
            self.sequence_number = self.sequence_number.wrapping_add(1);
            self.sample.packets += 1;
            self.sample.bytes += payload.len();
            let mut packet = Packet { header, payload };
            self.write(bound, &mut packet, probe.id).await?;
            if index >= frame.payloads.len() {
                // Where filler is lost its number is missing, not its bytes.
                packet.payload = filler::least();
            }
            self.nack_responder.store(packet, now());
        }
        Ok(())
    }

    /// An error once the connection is gone.
    async fn write(
        &mut self,
        bound: &Bound,
        packet: &mut Packet,
        probe: Option<u32>,
    ) -> Result<(), Error> {
        let bytes = packet.payload.len();
        self.reports.count(bytes);
        // There is no filler in VP8 to probe with: its viewers have REMB.
        if bound.header_extensions.has_transport_cc() && self.session.codec == Codec::H264 {
            let number = self.bandwidth.send(bytes, probe, now());
            let header = &mut packet.header;
            bound.header_extensions.set_number(header, number)?;
        }
        match bound.writer.write_rtp(packet).await {
            Err(Error::ErrClosedPipe) => Err(Error::ErrClosedPipe),
            Err(error) => {
                tracing::debug!("a packet is not sent: {error}");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    async fn process(&mut self, feedback: Feedback) -> Result<(), Error> {
        match feedback {
            Feedback::Nack(numbers) => return self.retransmit(numbers).await,
            Feedback::Lost(share) => self.sample.lost_share = self.sample.lost_share.max(share),
            Feedback::Remb(kbps) => self.bandwidth.remb(kbps),
            Feedback::Echo(echo) => {
                if let Some(round_trip) = self.shared.clock.round_trip(echo, now()) {
                    self.nack_responder.set_round_trip(round_trip);
                }
            }
            Feedback::ReferenceTime(reference) => self.reports.ask(reference, now()),
            Feedback::Transport(feedback) => {
                let reaction = self.bandwidth.transport_feedback(&feedback, now());
                self.react(reaction);
                self.apply_bandwidth(now());
            }
            // One that is held back comes anyway.
            Feedback::NeedsKeyFrame if self.held_until.is_some() => {}
            Feedback::NeedsKeyFrame => self.shared.camera.key_frame(self.session.codec),
        }
        Ok(())
    }

    async fn retransmit(&mut self, numbers: Vec<u16>) -> Result<(), Error> {
        let track = Arc::clone(&self.track);
        let Some(bound) = track.bound().filter(|_| self.held_until.is_none()) else {
            return Ok(());
        };
        let mut unrecoverable = false;
        for number in numbers {
            match self.nack_responder.respond(number, now()) {
                Response::Retransmit(mut packet) => self.write(bound, &mut packet, None).await?,
                Response::Ignore => {}
                Response::Unrecoverable => unrecoverable = true,
            }
        }
        if unrecoverable {
            self.recover(now());
        }
        Ok(())
    }

    /// Asks for a key frame, unless one has just been.
    fn recover(&mut self, now: Instant) {
        let just_recovered = |at| now.saturating_duration_since(at) < BETWEEN_RECOVERIES;
        if !self.recovered.is_some_and(just_recovered) {
            tracing::debug!(
                viewer = %self.session.viewer,
                "packet loss not recoverable, key frame requested"
            );
            self.recovered = Some(now);
            self.shared.camera.key_frame(self.session.codec);
        }
    }

    /// After losses that retransmissions would only add to.
    fn react(&mut self, reaction: Reaction) {
        match reaction {
            Reaction::None => {}
            Reaction::KeyFrame => self.recover(now()),
            Reaction::KeyFrameAt(then) => {
                tracing::debug!(viewer = %self.session.viewer, "the path is full, frames held back");
                self.recovered = Some(then);
                self.held_until = Some(then);
            }
        }
    }

    async fn report(&mut self) {
        let Some(bound) = self.track.bound() else {
            return;
        };
        let report = self.reports.report(bound.ssrc, CNAME, now());
        if let Err(error) = self.transport.write_rtcp(&report).await {
            tracing::debug!(viewer = %self.session.viewer, "a report is not sent: {error}");
        }
    }

    fn update_bandwidth(&mut self, now: Instant) {
        let mut sample = std::mem::take(&mut self.sample);
        sample.nacked = self.nack_responder.take_nacked();
        self.bandwidth.update(&sample, now);
        self.apply_bandwidth(now);
        let kbps = self.bandwidth.kbps();
        tracing::trace!(viewer = %self.session.viewer, ?sample, kbps, "bandwidth");
    }

    fn apply_bandwidth(&mut self, now: Instant) {
        let (before, kbps) = (self.session.kbps(), self.bandwidth.kbps());
        self.nack_responder.set_stream_kbps(kbps, now);
        self.nack_responder.set_queue(self.bandwidth.queue());
        self.session.set_kbps(kbps);
        if kbps.abs_diff(before) > before / URGENT {
            self.shared.changed.notify_one();
        }
    }
}

/// Waits until then, or for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
