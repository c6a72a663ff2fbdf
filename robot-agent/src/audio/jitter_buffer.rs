//! Packets of one who speaks, in their order and at their time: late enough that most have come, and no
//! later. Pure.
//!
//! The delay follows how unevenly packets come: it is what all but a few of the last seconds' packets
//! were late by, against the earliest. Packets that come too late are dropped, missing ones are
//! concealed, and what a stalled path delivers all at once is skipped: nobody hears the past.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::frame::{FRAME, FRAME_SAMPLES, RATE};
use super::opus;

/// A packet of RTP, as far as it matters here.
#[derive(Clone, Debug)]
pub(crate) struct VoicePacket {
    pub(crate) ssrc: u32,
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
    pub(crate) payload: Bytes,
}

/// What is played next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Packet(Bytes),
    /// A packet is missing: 20 ms are to be concealed.
    Lost,
    /// Nobody speaks.
    Silence,
}

/// What became of the packets of one who spoke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub played: u32,
    pub concealed: u32,
    pub late: u32,
    pub skipped: u32,
    pub duplicate: u32,
    pub malformed: u32,
}

/// Most packets that wait: a second of sound, and more than the longest delay.
const MAX_PACKETS: usize = 50;

/// Packets in which the spread of delays is seen: some five seconds, as long as a path that was bad is
/// not trusted.
const WINDOW: usize = 250;

/// The share of packets that come in time.
const IN_TIME: f64 = 0.96;

/// The delay before there is much to judge by, and its bounds. One frame of it is the decoder's, which
/// looks at the next packet. Below the least a busy machine alone is heard; with more than the longest
/// nobody talks.
const FIRST_DELAY: Duration = Duration::from_millis(70);
const LEAST_DELAY: Duration = Duration::from_millis(45);
const LONGEST_DELAY: Duration = Duration::from_millis(220);
const FEW: usize = 25;

/// So much later than wanted, packets are left out until the delay is right again.
const TOO_LATE: Duration = Duration::from_millis(60);

/// Frames that are concealed in a row: after that it is silence.
const MAX_CONCEALED: u32 = 5;

/// A jump beyond this, in packets and in seconds of sound, is another stream.
const MAX_JUMP: i64 = 250;
const MAX_JUMP_S: i64 = 10;

struct Stored {
    /// Of the first sample, unwrapped.
    ticks: i64,
    samples: i64,
    payload: Bytes,
}

#[derive(Default)]
pub(super) struct JitterBuffer {
    stream: Option<Stream>,
    pub counts: Counts,
}

struct Stream {
    ssrc: u32,
    begun: Instant,
    /// The newest packet: its number and its first sample, unwrapped.
    newest: (i64, i64),
    packets: BTreeMap<i64, Stored>,
    /// What is played next; none while nobody speaks.
    next: Option<(i64, i64)>,
    /// Below this, packets have been played or given up.
    played_below: i64,
    concealed_in_row: u32,
    skips: bool,
    /// When the last packets came, against when their sound began, in microseconds.
    transits: VecDeque<i64>,
}

impl JitterBuffer {
    /// Takes a packet that came at `now`.
    pub(super) fn receive(&mut self, packet: VoicePacket, now: Instant) {
        let Some(samples) = opus::samples(&packet.payload) else {
            self.counts.malformed += 1;
            return;
        };
        if !self.stream.as_ref().is_some_and(|s| s.continues(&packet)) {
            self.stream = Some(Stream::new(&packet, now));
        }
        if let Some(stream) = &mut self.stream {
            let samples = i64::try_from(samples).unwrap_or_default();
            stream.store(packet, samples, now, &mut self.counts);
        }
    }

    /// What is played at `now`: called for every 20 ms that are missing.
    pub(super) fn next(&mut self, now: Instant) -> Step {
        match &mut self.stream {
            Some(stream) => stream.step(now, &mut self.counts),
            None => Step::Silence,
        }
    }

    /// How much later than they could be packets are played.
    pub(super) fn delay(&self) -> Duration {
        self.stream.as_ref().map_or(FIRST_DELAY, Stream::delay)
    }
}

impl Stream {
    fn new(first: &VoicePacket, now: Instant) -> Self {
        Self {
            ssrc: first.ssrc,
            begun: now,
            newest: (first.sequence_number.into(), first.timestamp.into()),
            packets: BTreeMap::new(),
            next: None,
            played_below: i64::MIN,
            concealed_in_row: 0,
            skips: false,
            transits: VecDeque::new(),
        }
    }

    /// Number and first sample, unwrapped.
    fn unwrapped(&self, packet: &VoicePacket) -> (i64, i64) {
        let (number, ticks) = self.newest;
        let ahead = packet.sequence_number.wrapping_sub(low_bits(number) as u16);
        let later = packet.timestamp.wrapping_sub(low_bits(ticks));
        (
            number + i64::from(ahead.cast_signed()),
            ticks + i64::from(later.cast_signed()),
        )
    }

    fn continues(&self, packet: &VoicePacket) -> bool {
        let (number, ticks) = self.unwrapped(packet);
        let (ahead, later) = (number - self.newest.0, ticks - self.newest.1);
        packet.ssrc == self.ssrc
            && ahead.abs() <= MAX_JUMP
            && later.abs() <= MAX_JUMP_S * i64::from(RATE)
            && (ahead.signum() * later.signum() >= 0)
    }

    fn store(&mut self, packet: VoicePacket, samples: i64, now: Instant, counts: &mut Counts) {
        let (number, ticks) = self.unwrapped(&packet);
        if number >= self.newest.0 {
            self.newest = (number, ticks);
        }
        if self.packets.contains_key(&number) {
            counts.duplicate += 1;
            return;
        }
        if self.transits.len() == WINDOW {
            self.transits.pop_front();
        }
        self.transits.push_back(self.since(now) - micros(ticks));
        if number < self.played_below {
            counts.late += 1;
            return;
        }
        let payload = packet.payload;
        let stored = Stored {
            ticks,
            samples,
            payload,
        };
        self.packets.insert(number, stored);
        while self.packets.len() > MAX_PACKETS {
            self.drop_first(counts);
        }
    }

    fn drop_first(&mut self, counts: &mut Counts) {
        if let Some((number, stored)) = self.packets.pop_first() {
            counts.skipped += 1;
            self.played_below = number + 1;
            self.next = Some((number + 1, stored.ticks + stored.samples));
        }
    }

    fn step(&mut self, now: Instant, counts: &mut Counts) -> Step {
        self.skip_what_is_too_late(now, counts);
        let Some((&number, first)) = self.packets.first_key_value() else {
            return self.conceal(false, counts);
        };
        let due = self.due(first.ticks);
        match self.next {
            // A new word, or silence that the sender has left out.
            None if self.since(now) < due => Step::Silence,
            Some((next, ticks)) if number == next && first.ticks > ticks => {
                self.next = None;
                self.step(now, counts)
            }
            Some((next, _)) if number > next => {
                // As long as packets are played too early, concealing makes them later.
                let early = self.since(now) + FRAME_US < due - (number - next) * FRAME_US;
                self.conceal(!early, counts)
            }
            _ => self.play_first(counts),
        }
    }

    fn play_first(&mut self, counts: &mut Counts) -> Step {
        let Some((number, stored)) = self.packets.pop_first() else {
            return Step::Silence;
        };
        counts.played += 1;
        self.concealed_in_row = 0;
        self.played_below = number + 1;
        self.next = Some((number + 1, stored.ticks + stored.samples));
        Step::Packet(stored.payload)
    }

    /// A frame that is not there; `given_up` if it is played no more.
    fn conceal(&mut self, given_up: bool, counts: &mut Counts) -> Step {
        let Some((number, ticks)) = self.next else {
            return Step::Silence;
        };
        self.concealed_in_row += 1;
        if self.concealed_in_row > MAX_CONCEALED {
            self.next = None;
            return Step::Silence;
        }
        if given_up {
            counts.concealed += 1;
            self.played_below = number + 1;
            self.next = Some((number + 1, ticks + FRAME_SAMPLES as i64));
        }
        Step::Lost
    }

    fn skip_what_is_too_late(&mut self, now: Instant, counts: &mut Counts) {
        while let Some((_, first)) = self.packets.first_key_value() {
            let late = self.since(now) - self.due(first.ticks);
            self.skips = late
                > if self.skips {
                    FRAME_US
                } else {
                    micros_of(TOO_LATE)
                };
            // The last is played in any case: there is nothing newer.
            if !self.skips || self.packets.len() == 1 {
                return;
            }
            self.drop_first(counts);
        }
    }

    /// When the sample is played, in microseconds since the stream began.
    fn due(&self, ticks: i64) -> i64 {
        let earliest = self.transits.iter().min().copied().unwrap_or_default();
        micros(ticks) + earliest + micros_of(self.delay())
    }

    fn delay(&self) -> Duration {
        if self.transits.len() < FEW {
            return FIRST_DELAY;
        }
        let mut sorted: Vec<_> = self.transits.iter().copied().collect();
        sorted.sort_unstable();
        let at = (sorted.len() as f64 * IN_TIME) as usize;
        let late = sorted[at.min(sorted.len() - 1)] - sorted[0];
        let late = Duration::from_micros(u64::try_from(late).unwrap_or_default());
        (late + FRAME + FRAME / 2).clamp(LEAST_DELAY, LONGEST_DELAY)
    }

    fn since(&self, now: Instant) -> i64 {
        micros_of(now.saturating_duration_since(self.begun))
    }
}

const FRAME_US: i64 = 20_000;

fn micros(ticks: i64) -> i64 {
    ticks * 1_000_000 / i64::from(RATE)
}

fn micros_of(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of RTP wrap"
)]
fn low_bits(unwrapped: i64) -> u32 {
    unwrapped as u32
}

#[cfg(test)]
mod tests;
