//! The estimator and a sender as [`super::super::peer`] has it over a path that is computed.

mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::*;
use crate::clock::now;

const LIMITS: Limits = Limits {
    floor_kbps: 150,
    ceiling_kbps: 2500,
};

const PACKET: usize = 1168;
const FRAME_MS: u64 = 33;
/// How much a key frame has, in ms of the bitrate: what the encoder's buffer holds.
const KEY_FRAME_MS: f64 = 120.0;
const FEEDBACK_MS: u64 = 50;

/// As `tests`' relay has it.
#[derive(Clone, Copy, Debug)]
struct Path {
    delay_ms: f64,
    jitter_ms: f64,
    loss: f64,
    gone: bool,
    /// Kbit/s, ms of queue or bucket, and whether it is a queue.
    narrow: Option<(f64, f64, bool)>,
    /// Kbit/s of others in the bottleneck.
    others_kbps: f64,
    feedback_lost: f64,
}

const GOOD: Path = Path {
    delay_ms: 10.0,
    jitter_ms: 0.0,
    loss: 0.0,
    gone: false,
    narrow: None,
    others_kbps: 0.0,
    feedback_lost: 0.0,
};

fn narrow(kbps: f64, queues: bool) -> Path {
    let depth_ms = if queues { 200.0 } else { 100.0 };
    Path {
        narrow: Some((kbps, depth_ms, queues)),
        ..GOOD
    }
}

struct Simulation {
    estimator: BandwidthEstimator,
    begun: Instant,
    ms: u64,
    dice: u64,
    /// When the bottleneck has passed on all that it holds, in ms.
    free_ms: f64,
    /// Number, and when it comes; in the order of sending.
    on_the_way: VecDeque<(u16, Option<f64>)>,
    feedback: VecDeque<(u64, TransportFeedback)>,
    last_out_ms: f64,
    held_until: Option<Instant>,
    key_frame: bool,
    frames: Vec<SimulatedFrame>,
    /// When which packets of which frame are sent again.
    resends: VecDeque<(u64, usize, usize)>,
    /// Kbit/s after every frame.
    rates: Vec<(u64, u32)>,
}

struct SimulatedFrame {
    sent: u64,
    is_key: bool,
    missing: u32,
    /// When its last packet came.
    came_ms: f64,
}

/// How long it takes until a lost packet is sent again: there, back, and a moment until it is missed.
const RESEND_MS: u64 = 40;

impl Simulation {
    fn new(seed: u64) -> Self {
        let begun = now();
        Self {
            estimator: BandwidthEstimator::new(LIMITS, begun),
            begun,
            ms: 0,
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            free_ms: 0.0,
            on_the_way: VecDeque::new(),
            feedback: VecDeque::new(),
            last_out_ms: 0.0,
            held_until: None,
            key_frame: true,
            frames: Vec::new(),
            resends: VecDeque::new(),
            rates: Vec::new(),
        }
    }

    fn now(&self) -> Instant {
        self.begun + Duration::from_millis(self.ms)
    }

    /// Xorshift, in `0..1`.
    fn dice(&mut self) -> f64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn run(&mut self, ms: u64, path: Path) -> &mut Self {
        for _ in 0..ms {
            self.ms += 1;
            if path.others_kbps > 0.0
                && let Some((kbps, ..)) = path.narrow
            {
                self.free_ms = self.free_ms.max(self.ms as f64) + path.others_kbps / kbps;
            }
            if self.ms.is_multiple_of(FRAME_MS) {
                self.frame(&path);
            }
            if self.ms.is_multiple_of(FEEDBACK_MS) {
                self.report(&path);
            }
            self.resend(&path);
            self.receive_feedback();
        }
        self
    }

    fn frame(&mut self, path: &Path) {
        let kbps = f64::from(self.estimator.kbps());
        self.rates.push((self.ms, self.estimator.kbps()));
        let now = self.now();
        if self.held_until.is_some_and(|until| now < until) {
            return;
        }
        if self.held_until.take().is_some() {
            self.key_frame = true;
        }
        let uneven = 0.8 + 0.4 * self.dice();
        let is_key = std::mem::take(&mut self.key_frame);
        let ms = if is_key {
            self.resends.clear();
            KEY_FRAME_MS
        } else {
            FRAME_MS as f64 * uneven
        };
        let bytes = (kbps / 8.0 * ms) as usize;
        let probe = self.estimator.probe(bytes, now);
        let mut left = bytes + probe.filler;
        self.frames.push(SimulatedFrame {
            sent: self.ms,
            is_key,
            missing: 0,
            came_ms: 0.0,
        });
        while left > 0 {
            let size = left.min(PACKET);
            // What is sent again of filler is hardly anything.
            let again = if left > probe.filler { size } else { 2 };
            left -= size;
            self.packet((size, again), probe.id, self.frames.len() - 1, path);
        }
    }

    /// Of this size, and of that if it has to be sent again.
    fn packet(
        &mut self,
        (size, again): (usize, usize),
        probe: Option<u32>,
        frame: usize,
        path: &Path,
    ) {
        let number = self.estimator.send(size, probe, self.now());
        let out = self.out(size, path);
        self.on_the_way.push_back((number, out));
        let of = &mut self.frames[frame];
        match out {
            Some(out) => of.came_ms = of.came_ms.max(out),
            None => {
                of.missing += 1;
                self.resends.push_back((self.ms + RESEND_MS, frame, again));
            }
        }
    }

    fn resend(&mut self, path: &Path) {
        while self
            .resends
            .front()
            .is_some_and(|(due, ..)| *due <= self.ms)
        {
            let (_, frame, size) = self.resends.pop_front().unwrap();
            if self.held_until.is_none()
                && self.ms - self.frames[frame].sent
                    < 300 - self.estimator.queue().as_millis().min(300) as u64
            {
                self.frames[frame].missing -= 1;
                self.packet((size, size), None, frame, path);
            }
        }
    }

    fn out(&mut self, bytes: usize, path: &Path) -> Option<f64> {
        if path.gone || self.dice() < path.loss {
            return None;
        }
        let now = self.ms as f64;
        let mut out = now;
        if let Some((kbps, depth_ms, queues)) = path.narrow {
            // With headers, as a relay sees it.
            let free = self.free_ms.max(now) + (bytes + 40) as f64 * 8.0 / kbps;
            if free - now > depth_ms {
                return None;
            }
            self.free_ms = free;
            out = if queues { free } else { now };
        }
        let due = out + path.delay_ms + path.jitter_ms * self.dice();
        self.last_out_ms = self.last_out_ms.max(due);
        Some(self.last_out_ms)
    }

    /// What has come so far, up to the newest.
    fn report(&mut self, path: &Path) {
        let now = self.ms as f64;
        let newest =
            (self.on_the_way.iter()).rposition(|(_, out)| out.is_some_and(|out| out <= now));
        let Some(newest) = newest else {
            return;
        };
        let about: Vec<_> = self.on_the_way.drain(..=newest).collect();
        let feedback = TransportFeedback {
            first: about[0].0,
            received_us: (about.iter())
                .map(|(_, out)| out.map(|out| (out * 1000.0) as i64 / 250 * 250))
                .collect(),
        };
        if self.dice() >= path.feedback_lost {
            self.feedback
                .push_back((self.ms + path.delay_ms as u64, feedback));
        }
    }

    fn receive_feedback(&mut self) {
        let now = self.now();
        while self.feedback.front().is_some_and(|(at, _)| *at <= self.ms) {
            let (_, feedback) = self.feedback.pop_front().unwrap();
            match self.estimator.transport_feedback(&feedback, now) {
                Reaction::None => {}
                Reaction::KeyFrame => self.key_frame = true,
                Reaction::KeyFrameAt(then) => self.held_until = Some(then),
            }
        }
    }

    fn kbps(&self) -> u32 {
        self.estimator.kbps()
    }

    fn mean_kbps(&self, from: u64) -> f64 {
        let after = self.rates.iter().filter(|(ms, _)| *ms >= from);
        let rates: Vec<_> = after.map(|(_, kbps)| f64::from(*kbps)).collect();
        rates.iter().sum::<f64>() / rates.len() as f64
    }

    /// How long after `from` the rate was first as `is`.
    fn ms_until(&self, from: u64, is: impl Fn(u32) -> bool) -> u64 {
        let at = (self.rates.iter()).find(|(ms, kbps)| *ms >= from && is(*kbps));
        at.expect("never").0 - from
    }

    /// When each frame could be painted, and how old it then was, of those sent after `from`.
    fn painted(&self, from: u64) -> Vec<(f64, f64)> {
        let (mut painted, mut whole, mut came) = (Vec::new(), false, 0.0_f64);
        for frame in &self.frames {
            whole = (whole || frame.is_key) && frame.missing == 0;
            came = came.max(frame.came_ms);
            if whole && frame.sent >= from {
                painted.push((came, came - frame.sent as f64));
            }
        }
        painted
    }

    /// The longest time between two frames.
    fn freeze_ms(&self, from: u64) -> f64 {
        let painted = self.painted(from);
        painted
            .windows(2)
            .map(|two| two[1].0 - two[0].0)
            .fold(0.0, f64::max)
    }

    fn oldest_ms(&self, from: u64) -> f64 {
        self.painted(from)
            .iter()
            .map(|(_, age)| *age)
            .fold(0.0, f64::max)
    }
}
