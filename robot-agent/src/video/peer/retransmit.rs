//! Which lost packets are sent again: those of the last moment, seldom, and few. Pure.
//!
//! Whoever drives wants the newest picture. A packet that would come too late mends nothing,
//! and answering every request of a choked path chokes it further, so past a bound a key
//! frame is the better answer.

use std::time::{Duration, Instant};

use webrtc::rtp::packet::Packet;

/// Packets remembered: two seconds of a 3 Mbit/s stream, more than [`OLDEST`] of any.
const REMEMBERED: usize = 512;

/// Older packets are not sent again: what they belong to has been overtaken.
const OLDEST: Duration = Duration::from_millis(300);

/// Least time between two resends of a packet. Browsers that do not know the round trip ask
/// again every 100 ms; a little less, or each second request would come a blink too soon.
const BETWEEN: Duration = Duration::from_millis(80);

/// The least that may be resent, in bytes a second: 200 kbit/s.
const LEAST_BYTES_PER_S: f64 = 25_000.0;

/// Share of the stream's own rate that may be resent, where that is more. A quarter mends
/// 8 % of loss with room for those lost twice.
const SHARE: f64 = 0.25;

/// How many seconds of its budget may be spent at once.
const BURST_S: f64 = 1.0;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// Sent again.
    Resend(Packet),
    /// Was sent a moment ago, the budget is spent, or a key frame came since.
    NotNow,
    /// Cannot be mended any more.
    Lost,
}

/// The packets of the last moment.
pub(super) struct Resend {
    slots: Vec<Option<Slot>>,
    budget_bytes: f64,
    budget_at: Instant,
    bytes_per_s: f64,
    /// Packets the receiver missed, each counted once.
    missed: u32,
    /// The first packet of the newest key frame: nobody needs those before it.
    key_frame: Option<u16>,
}

struct Slot {
    packet: Packet,
    sent: Instant,
    resent: Option<Instant>,
    missed: bool,
}

impl Resend {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            slots: std::iter::repeat_with(|| None).take(REMEMBERED).collect(),
            budget_bytes: LEAST_BYTES_PER_S * BURST_S,
            budget_at: now,
            bytes_per_s: LEAST_BYTES_PER_S,
            missed: 0,
            key_frame: None,
        }
    }

    /// The rate of the stream, which bounds that of the resends.
    pub(super) fn stream_kbps(&mut self, kbps: u32) {
        self.bytes_per_s = (f64::from(kbps) * 1000.0 / 8.0 * SHARE).max(LEAST_BYTES_PER_S);
    }

    pub(super) fn remember(&mut self, packet: Packet, now: Instant) {
        let at = usize::from(packet.header.sequence_number) % REMEMBERED;
        self.slots[at] = Some(Slot {
            packet,
            sent: now,
            resent: None,
            missed: false,
        });
    }

    /// A key frame begins with this packet: those before it need no mending any more.
    pub(super) fn key_frame_begins(&mut self, sequence_number: u16) {
        self.key_frame = Some(sequence_number);
    }

    pub(super) fn answer(&mut self, sequence_number: u16, now: Instant) -> Answer {
        self.refill(now);
        let is_past = self
            .key_frame
            .is_some_and(|key| comes_before(sequence_number, key));
        let at = usize::from(sequence_number) % REMEMBERED;
        let Some(slot) = self.slots[at]
            .as_mut()
            .filter(|slot| slot.packet.header.sequence_number == sequence_number)
        else {
            return if is_past {
                Answer::NotNow
            } else {
                Answer::Lost
            };
        };
        self.missed += u32::from(!std::mem::replace(&mut slot.missed, true));
        if is_past {
            return Answer::NotNow;
        }
        if now.saturating_duration_since(slot.sent) > OLDEST {
            return Answer::Lost;
        }
        let last = slot.resent.unwrap_or(slot.sent);
        let first_time = slot.resent.is_none();
        if !first_time && now.saturating_duration_since(last) < BETWEEN {
            return Answer::NotNow;
        }
        #[expect(clippy::cast_precision_loss, reason = "a packet is small")]
        let bytes = slot.packet.payload.len() as f64;
        if self.budget_bytes < bytes {
            return Answer::NotNow;
        }
        self.budget_bytes -= bytes;
        slot.resent = Some(now);
        Answer::Resend(slot.packet.clone())
    }

    /// How many packets the receiver has missed since this was asked last.
    pub(super) fn take_missed(&mut self) -> u32 {
        std::mem::take(&mut self.missed)
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.budget_at).as_secs_f64();
        self.budget_at = now;
        self.budget_bytes =
            (self.budget_bytes + elapsed * self.bytes_per_s).min(self.bytes_per_s * BURST_S);
    }
}

/// Whether `a` was sent before `b`, in numbers that wrap.
fn comes_before(a: u16, b: u16) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use webrtc::rtp::header::Header;

    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

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
        let start = start();
        let mut resend = Resend::new(start);
        resend.remember(packet(7), start);
        assert!(
            matches!(resend.answer(7, after(start, 20)), Answer::Resend(p)
            if p.header.sequence_number == 7)
        );
        assert!(matches!(resend.answer(7, after(start, 99)), Answer::NotNow));
        assert!(matches!(
            resend.answer(7, after(start, 100)),
            Answer::Resend(_)
        ));
    }

    #[test]
    fn the_past_is_not_replayed() {
        let start = start();
        let mut resend = Resend::new(start);
        resend.remember(packet(7), start);
        assert!(matches!(
            resend.answer(7, after(start, 300)),
            Answer::Resend(_)
        ));
        assert!(matches!(resend.answer(7, after(start, 301)), Answer::Lost));
        assert!(matches!(resend.answer(8, after(start, 301)), Answer::Lost));
    }

    #[test]
    fn nothing_before_the_newest_key_frame_is_mended() {
        let start = start();
        let mut resend = Resend::new(start);
        for number in [65_535, 0, 1] {
            resend.remember(packet(number), start);
        }
        resend.key_frame_begins(0);
        assert!(matches!(resend.answer(65_535, start), Answer::NotNow));
        assert!(matches!(resend.answer(65_000, start), Answer::NotNow));
        assert!(matches!(resend.answer(0, start), Answer::Resend(_)));
        assert!(matches!(resend.answer(1, start), Answer::Resend(_)));
        assert_eq!(resend.take_missed(), 3, "but all were missed");
    }

    #[test]
    fn a_packet_pushed_out_by_a_newer_one_is_not_mistaken_for_it() {
        let start = start();
        let mut resend = Resend::new(start);
        resend.remember(packet(7), start);
        resend.remember(packet(7 + 512), start);
        assert!(matches!(resend.answer(7, start), Answer::Lost));
        assert!(matches!(resend.answer(519, start), Answer::Resend(_)));
    }

    #[test]
    fn a_storm_of_requests_gets_no_more_than_the_budget() {
        let start = start();
        let mut resend = Resend::new(start);
        let mut bytes = 0;
        for ms in 0..10_000u16 {
            let now = after(start, u64::from(ms));
            resend.remember(packet(ms), now);
            for back in 0..100 {
                if let Answer::Resend(packet) = resend.answer(ms.wrapping_sub(back), now) {
                    bytes += packet.payload.len();
                }
            }
        }
        let budget = 10.0 * LEAST_BYTES_PER_S + LEAST_BYTES_PER_S * BURST_S;
        assert!(bytes as f64 <= budget, "{bytes} of {budget}");
        assert!(bytes as f64 > budget * 0.9, "{bytes} of {budget}");
    }

    #[test]
    fn every_missed_packet_is_counted_once() {
        let start = start();
        let mut resend = Resend::new(start);
        for number in 0..10 {
            resend.remember(packet(number), start);
        }
        for _ in 0..5 {
            for number in [3, 4] {
                resend.answer(number, start);
            }
        }
        assert_eq!(resend.take_missed(), 2);
        assert_eq!(resend.take_missed(), 0);
    }

    #[test]
    fn a_wrapped_sequence_is_found() {
        let start = start();
        let mut resend = Resend::new(start);
        for number in [65_534, 65_535, 0, 1] {
            resend.remember(packet(number), start);
        }
        for number in [65_534, 65_535, 0, 1] {
            assert!(matches!(resend.answer(number, start), Answer::Resend(p)
                if p.header.sequence_number == number));
        }
    }
}
