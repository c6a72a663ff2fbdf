//! How much one viewer's path can take. Pure.
//!
//! Viewers that report when each packet came (transport-wide congestion control) are judged here
//! ([`sender_side`]); of the others the receiver's own estimate and its losses have to do
//! ([`receiver_side`]).
//!
//! - [`sent_packets`]: which packets are on their way, and what became of them.
//! - [`delay`]: whether a queue grows on the path. [`losses`]: whether it drops. [`probe`]: whether it
//!   takes more.
//!
//! GCC in here is draft-ietf-rmcat-gcc-02.

mod delay;
mod limits;
mod losses;
mod probe;
mod receiver_side;
mod sender_side;
mod sent_packets;
#[cfg(test)]
mod simulation;

use std::time::{Duration, Instant};

pub(super) use limits::Limits;
pub(super) use probe::Probe;
pub(super) use receiver_side::{Sample, UPDATE_EVERY};
pub(super) use sender_side::Reaction;
pub(super) use sent_packets::TransportFeedback;

use receiver_side::ReceiverSide;
use sender_side::SenderSide;
use sent_packets::SentPackets;

/// The estimate of one viewer's path.
pub(super) struct BandwidthEstimator {
    limits: Limits,
    sent: SentPackets,
    receiver_side: ReceiverSide,
    /// Once the first report of when packets came is in: what is offered need not be done.
    sender_side: Option<SenderSide>,
}

impl BandwidthEstimator {
    /// A path nothing is known of gets the ceiling, as a first picture that is sharp is
    /// worth more than one that is a blink sooner on a path that turns out narrow.
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            sent: SentPackets::default(),
            receiver_side: ReceiverSide::new(limits, now),
            sender_side: None,
        }
    }

    /// What the encoder is to send, in kbit/s.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between two u32 by construction"
    )]
    pub(super) fn kbps(&self) -> u32 {
        let of_sender = self.sender_side.as_ref().map(SenderSide::kbps);
        of_sender
            .unwrap_or_else(|| self.receiver_side.kbps())
            .round() as u32
    }

    /// A frame of so many bytes is about to leave: what it is to do to find out whether the path
    /// takes more.
    pub(super) fn probe(&mut self, frame_bytes: usize, now: Instant) -> Probe {
        let sender_side = self.sender_side.as_mut();
        sender_side.map_or_else(Probe::default, |side| side.probe(frame_bytes, now))
    }

    /// How long what is sent now has to wait on the path, as far as that is known.
    pub(super) fn queue(&self) -> Duration {
        let sender_side = self.sender_side.as_ref();
        sender_side.map_or(Duration::ZERO, SenderSide::queue)
    }

    /// A packet with so many bytes of payload leaves now, as part of this probe; its transport-wide
    /// sequence number.
    pub(super) fn send(&mut self, bytes: usize, probe: Option<u32>, now: Instant) -> u16 {
        self.sent.push(bytes, probe, now)
    }

    /// When which packets came.
    pub(super) fn transport_feedback(
        &mut self,
        feedback: &TransportFeedback,
        now: Instant,
    ) -> Reaction {
        let results = self.sent.resolve(feedback);
        let (limits, kbps) = (self.limits, self.receiver_side.kbps());
        self.sender_side
            .get_or_insert_with(|| SenderSide::new(limits, kbps, now))
            .feedback(&results, now)
    }

    /// The receiver's newest estimate.
    pub(super) fn remb(&mut self, kbps: f64) {
        self.receiver_side.remb(kbps);
    }

    /// Takes in what was seen since the last update.
    pub(super) fn update(&mut self, sample: &Sample, now: Instant) {
        self.receiver_side.update(sample, now);
    }
}
