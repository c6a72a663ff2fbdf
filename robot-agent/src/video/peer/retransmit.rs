//! Answers NACKs: which lost packets are sent again. Those of the last moment, seldom, and few.
//! Pure.
//!
//! Whoever drives wants the newest picture. A packet that would come too late repairs nothing,
//! and answering every request of a choked path chokes it further, so past a bound a key
//! frame is the better answer.

use std::time::{Duration, Instant};

use daemon::rate_limit::{Rate, TokenBucket};
use webrtc::rtp::packet::Packet;

/// Packets stored: two seconds of a 3 Mbit/s stream, more than [`MAX_AGE`] of any.
const STORED_PACKETS: usize = 512;

/// Older packets are not sent again: what they belong to has been overtaken.
const MAX_AGE: Duration = Duration::from_millis(300);

/// Least time between two retransmissions of a packet, as long as the round trip is not known. Browsers
/// that do not know it either ask again every 100 ms; a little less, or each second request would come
/// a blink too soon.
const RETRANSMIT_GAP: Duration = Duration::from_millis(80);

/// The share of the round trip that it is where that is known and shorter. Browsers that know it ask again
/// after one, by their measure; again a little less.
const GAP_OF_ROUND_TRIP: f64 = 0.8;

/// And never less than this: browsers look for what is missing every 20 ms.
const SHORTEST_GAP: Duration = Duration::from_millis(10);

/// The least that may be retransmitted, in bytes a second: 200 kbit/s.
const MIN_BYTES_PER_S: f64 = 25_000.0;

/// Share of the stream's own rate that may be retransmitted, where that is more. A quarter
/// repairs 8 % of loss with room for those lost twice.
const SHARE: f64 = 0.25;

/// How many seconds of its budget may be spent at once.
const BURST_S: f64 = 1.0;

/// What becomes of one lost packet.
#[derive(Debug)]
pub(super) enum Response {
    Retransmit(Packet),
    /// Was sent a moment ago, the budget is spent, or a key frame was sent since.
    Ignore,
    /// Too old, or not stored any more.
    Unrecoverable,
}

/// The packets of the last moment, and the budget to send them again.
pub(super) struct NackResponder {
    slots: Vec<Option<Slot>>,
    budget_bytes: TokenBucket,
    gap: Duration,
    max_age: Duration,
    /// Packets the receiver asked for, each counted once.
    nacked: u32,
    /// The first packet of the newest key frame: nobody needs those before it.
    key_frame: Option<u16>,
}

struct Slot {
    packet: Packet,
    sent: Instant,
    retransmitted: Option<Instant>,
    nacked: bool,
}

impl NackResponder {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            slots: std::iter::repeat_with(|| None)
                .take(STORED_PACKETS)
                .collect(),
            budget_bytes: TokenBucket::new(budget(MIN_BYTES_PER_S), now),
            gap: RETRANSMIT_GAP,
            max_age: MAX_AGE,
            nacked: 0,
            key_frame: None,
        }
    }

    /// The rate of the stream, which bounds that of the retransmissions.
    pub(super) fn set_stream_kbps(&mut self, kbps: u32, now: Instant) {
        let bytes_per_s = (f64::from(kbps) * 1000.0 / 8.0 * SHARE).max(MIN_BYTES_PER_S);
        self.budget_bytes.set_rate(budget(bytes_per_s), now);
    }

    /// How long the receiver's path is, there and back.
    pub(super) fn set_round_trip(&mut self, round_trip: Duration) {
        let gap = round_trip.mul_f64(GAP_OF_ROUND_TRIP);
        self.gap = gap.clamp(SHORTEST_GAP, RETRANSMIT_GAP);
    }

    /// How long what is sent now waits on the path: it comes later by that.
    pub(super) fn set_queue(&mut self, queue: Duration) {
        self.max_age = MAX_AGE.saturating_sub(queue);
    }

    pub(super) fn store(&mut self, packet: Packet, now: Instant) {
        let at = usize::from(packet.header.sequence_number) % STORED_PACKETS;
        self.slots[at] = Some(Slot {
            packet,
            sent: now,
            retransmitted: None,
            nacked: false,
        });
    }

    /// A key frame begins with this packet: those before it are not needed any more.
    pub(super) fn key_frame_begins(&mut self, sequence_number: u16) {
        self.key_frame = Some(sequence_number);
    }

    pub(super) fn respond(&mut self, sequence_number: u16, now: Instant) -> Response {
        let is_past = self
            .key_frame
            .is_some_and(|key| comes_before(sequence_number, key));
        let at = usize::from(sequence_number) % STORED_PACKETS;
        let Some(slot) = self.slots[at]
            .as_mut()
            .filter(|slot| slot.packet.header.sequence_number == sequence_number)
        else {
            return if is_past {
                Response::Ignore
            } else {
                Response::Unrecoverable
            };
        };
        self.nacked += u32::from(!std::mem::replace(&mut slot.nacked, true));
        if is_past {
            return Response::Ignore;
        }
        if now.saturating_duration_since(slot.sent) > self.max_age {
            return Response::Unrecoverable;
        }
        let just_sent = |at| now.saturating_duration_since(at) < self.gap;
        if slot.retransmitted.is_some_and(just_sent) {
            return Response::Ignore;
        }
        #[expect(clippy::cast_precision_loss, reason = "a packet is small")]
        let bytes = slot.packet.payload.len() as f64;
        if !self.budget_bytes.take_many(bytes, now) {
            return Response::Ignore;
        }
        slot.retransmitted = Some(now);
        Response::Retransmit(slot.packet.clone())
    }

    /// How many packets the receiver has asked for since the last call.
    pub(super) fn take_nacked(&mut self) -> u32 {
        std::mem::take(&mut self.nacked)
    }
}

fn budget(bytes_per_s: f64) -> Rate {
    Rate {
        burst: bytes_per_s * BURST_S,
        per_s: bytes_per_s,
    }
}

/// Whether `a` was sent before `b`, in numbers that wrap.
fn comes_before(a: u16, b: u16) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use bytes::Bytes;
    use webrtc::rtp::header::Header;

    fn packet(sequence_number: u16) -> Packet {
        Packet {
            header: Header {
                sequence_number,
                ..Header::default()
            },
            payload: Bytes::from(vec![0; 1000]),
        }
    }

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn a_lost_packet_is_sent_again_but_not_twice_in_a_moment() {
        let start = now();
        let mut responder = NackResponder::new(start);
        responder.store(packet(7), start);
        assert!(
            matches!(responder.respond(7, after(start, 20)), Response::Retransmit(p)
            if p.header.sequence_number == 7)
        );
        assert!(matches!(
            responder.respond(7, after(start, 99)),
            Response::Ignore
        ));
        assert!(matches!(
            responder.respond(7, after(start, 100)),
            Response::Retransmit(_)
        ));
    }

    #[test]
    fn on_a_short_path_a_lost_packet_is_sent_again_sooner() {
        for (round_trip, gap) in [(1, 10), (20, 16), (50, 40), (100, 80), (2000, 80)] {
            let start = now();
            let mut responder = NackResponder::new(start);
            responder.set_round_trip(Duration::from_millis(round_trip));
            responder.store(packet(7), start);
            let resent = |response| matches!(response, Response::Retransmit(_));
            assert!(resent(responder.respond(7, start)));
            let early = responder.respond(7, after(start, gap - 1));
            assert!(matches!(early, Response::Ignore), "{round_trip} ms");
            let again = responder.respond(7, after(start, gap));
            assert!(resent(again), "{round_trip} ms");
        }
    }

    #[test]
    fn the_past_is_not_replayed() {
        let start = now();
        let mut responder = NackResponder::new(start);
        responder.store(packet(7), start);
        assert!(matches!(
            responder.respond(7, after(start, 300)),
            Response::Retransmit(_)
        ));
        assert!(matches!(
            responder.respond(7, after(start, 301)),
            Response::Unrecoverable
        ));
        assert!(matches!(
            responder.respond(8, after(start, 301)),
            Response::Unrecoverable
        ));
    }

    #[test]
    fn what_waits_on_the_path_is_too_old_sooner() {
        let start = now();
        let mut responder = NackResponder::new(start);
        responder.store(packet(7), start);
        responder.set_queue(Duration::from_millis(200));
        let resent = |response| matches!(response, Response::Retransmit(_));
        assert!(!resent(responder.respond(7, after(start, 101))));
        assert!(resent(responder.respond(7, after(start, 100))));
    }

    #[test]
    fn nothing_before_the_newest_key_frame_is_sent_again() {
        let start = now();
        let mut responder = NackResponder::new(start);
        for number in [65_535, 0, 1] {
            responder.store(packet(number), start);
        }
        responder.key_frame_begins(0);
        assert!(matches!(responder.respond(65_535, start), Response::Ignore));
        assert!(matches!(responder.respond(65_000, start), Response::Ignore));
        assert!(matches!(
            responder.respond(0, start),
            Response::Retransmit(_)
        ));
        assert!(matches!(
            responder.respond(1, start),
            Response::Retransmit(_)
        ));
        assert_eq!(responder.take_nacked(), 3, "but all are counted");
    }

    #[test]
    fn a_packet_pushed_out_by_a_newer_one_is_not_mistaken_for_it() {
        let start = now();
        let mut responder = NackResponder::new(start);
        responder.store(packet(7), start);
        responder.store(packet(7 + 512), start);
        assert!(matches!(
            responder.respond(7, start),
            Response::Unrecoverable
        ));
        assert!(matches!(
            responder.respond(519, start),
            Response::Retransmit(_)
        ));
    }

    #[test]
    fn a_storm_of_requests_gets_no_more_than_the_budget() {
        let start = now();
        let mut responder = NackResponder::new(start);
        let mut bytes = 0;
        for ms in 0..10_000u16 {
            let now = after(start, u64::from(ms));
            responder.store(packet(ms), now);
            for back in 0..100 {
                if let Response::Retransmit(packet) = responder.respond(ms.wrapping_sub(back), now)
                {
                    bytes += packet.payload.len();
                }
            }
        }
        let budget = 10.0 * MIN_BYTES_PER_S + MIN_BYTES_PER_S * BURST_S;
        assert!(bytes as f64 <= budget, "{bytes} of {budget}");
        assert!(bytes as f64 > budget * 0.9, "{bytes} of {budget}");
    }

    #[test]
    fn every_lost_packet_is_counted_once() {
        let start = now();
        let mut responder = NackResponder::new(start);
        for number in 0..10 {
            responder.store(packet(number), start);
        }
        for _ in 0..5 {
            for number in [3, 4] {
                responder.respond(number, start);
            }
        }
        assert_eq!(responder.take_nacked(), 2);
        assert_eq!(responder.take_nacked(), 0);
    }

    #[test]
    fn a_wrapped_sequence_is_found() {
        let start = now();
        let mut responder = NackResponder::new(start);
        for number in [65_534, 65_535, 0, 1] {
            responder.store(packet(number), start);
        }
        for number in [65_534, 65_535, 0, 1] {
            assert!(
                matches!(responder.respond(number, start), Response::Retransmit(p)
                if p.header.sequence_number == number)
            );
        }
    }
}
