//! The packets that are on their way, by their transport-wide sequence numbers, and what became of
//! them (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::collections::VecDeque;
use std::time::Instant;

/// Packets that are remembered: four seconds of 10 Mbit/s, more than any report is late.
const REMEMBERED: usize = 4096;

/// A receiver's reference time has 24 bits of 64 ms, so its clock begins anew after this, in µs.
const WRAPS_US: i64 = (1 << 24) * 64_000;

/// What a receiver reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::video) struct TransportFeedback {
    /// The number of the first packet that it is about.
    pub first: u16,
    /// When this and each that follows came, in µs by the receiver's clock; `None` if it has not.
    pub received_us: Vec<Option<i64>>,
}

/// What is known of a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PacketResult {
    pub sent: Instant,
    /// Of payload.
    pub bytes: usize,
    /// Which probe it is part of.
    pub probe: Option<u32>,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// At this time by the receiver's clock, in ms.
    Received(f64),
    Missing,
    /// Reported missing before; it was only overtaken.
    Late,
}

#[derive(Debug)]
struct Sent {
    sent: Instant,
    bytes: usize,
    probe: Option<u32>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    OnItsWay,
    Missing,
    Received,
}

#[derive(Debug, Default)]
pub(super) struct SentPackets {
    packets: VecDeque<Sent>,
    /// The number of the first of them.
    first: u16,
    /// The receiver's clock when it last reported, unwrapped.
    received_us: Option<i64>,
}

impl SentPackets {
    /// One more; its number.
    pub(super) fn push(&mut self, bytes: usize, probe: Option<u32>, now: Instant) -> u16 {
        if self.packets.len() == REMEMBERED {
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        let number = self.first.wrapping_add(self.len());
        self.packets.push_back(Sent {
            sent: now,
            bytes,
            probe,
            state: State::OnItsWay,
        });
        number
    }

    fn len(&self) -> u16 {
        u16::try_from(self.packets.len()).expect("at most REMEMBERED")
    }

    /// What a report says that is new, in the order in which the packets were sent.
    pub(super) fn resolve(&mut self, feedback: &TransportFeedback) -> Vec<PacketResult> {
        let mut results = Vec::new();
        let mut number = feedback.first;
        for received_us in &feedback.received_us {
            let received_us = received_us.map(|us| self.unwrap(us));
            let index = usize::from(number.wrapping_sub(self.first));
            number = number.wrapping_add(1);
            let Some(packet) = self.packets.get_mut(index) else {
                continue;
            };
            let fate = match (packet.state, received_us) {
                (State::OnItsWay, None) => Fate::Missing,
                #[expect(clippy::cast_precision_loss, reason = "exact for 285 years")]
                (State::OnItsWay, Some(us)) => Fate::Received(us as f64 / 1000.0),
                (State::Missing, Some(_)) => Fate::Late,
                (State::Missing, None) | (State::Received, _) => continue,
            };
            packet.state = match fate {
                Fate::Missing => State::Missing,
                Fate::Received(_) | Fate::Late => State::Received,
            };
            results.push(PacketResult {
                sent: packet.sent,
                bytes: packet.bytes,
                probe: packet.probe,
                fate,
            });
        }
        results
    }

    /// The time that is nearest to the last among those that look the same on the wire.
    fn unwrap(&mut self, us: i64) -> i64 {
        let unwrapped = self.received_us.map_or(us, |last| {
            let step = (us - last).rem_euclid(WRAPS_US);
            last + if step > WRAPS_US / 2 {
                step - WRAPS_US
            } else {
                step
            }
        });
        self.received_us = Some(unwrapped);
        unwrapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn fates(sent: &mut SentPackets, first: u16, received_us: &[Option<i64>]) -> Vec<Fate> {
        let feedback = TransportFeedback {
            first,
            received_us: received_us.to_vec(),
        };
        let results = sent.resolve(&feedback);
        results.iter().map(|result| result.fate).collect()
    }

    #[test]
    fn every_packet_is_resolved_once_and_one_that_was_overtaken_is_late() {
        let mut sent = SentPackets::default();
        for number in 0..4 {
            assert_eq!(sent.push(1000, None, now()), number);
        }
        let received = |ms| Fate::Received(ms);
        let first = fates(&mut sent, 0, &[Some(1000), None, Some(3000)]);
        assert_eq!(first, [received(1.0), Fate::Missing, received(3.0)]);
        let second = fates(&mut sent, 0, &[Some(1000), Some(9000), None, Some(4000)]);
        assert_eq!(second, [Fate::Late, received(4.0)]);
        assert_eq!(fates(&mut sent, 0, &[None, None]), []);
    }

    #[test]
    fn numbers_and_the_receivers_clock_wrap() {
        let mut sent = SentPackets::default();
        let mut last = 0;
        for round in 0..70_000_i64 {
            let number = sent.push(1, None, now());
            let came = WRAPS_US - 1_000_000 + round * 1000;
            let at = came as f64 / 1000.0;
            let on_the_wire = came % WRAPS_US;
            let resolved = fates(&mut sent, number, &[Some(on_the_wire)]);
            assert_eq!(resolved, [Fate::Received(at)]);
            last = number;
        }
        assert_eq!(last, (69_999_u32 % 65_536) as u16);
    }

    #[test]
    fn what_was_never_sent_or_is_forgotten_says_nothing() {
        let mut sent = SentPackets::default();
        assert_eq!(fates(&mut sent, 0, &[Some(1); 3]), []);
        for _ in 0..REMEMBERED + 1 {
            sent.push(1, None, now());
        }
        assert_eq!(fates(&mut sent, 0, &[Some(1), Some(2)]).len(), 1);
        assert_eq!(fates(&mut sent, 60_000, &[Some(1); 9]), []);
    }
}
