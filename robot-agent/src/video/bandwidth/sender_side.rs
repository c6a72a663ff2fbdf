//! What a path can take whose receiver says when each packet came: GCC, sections 4 to 6, and probes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::delay::{DelayDetector, Usage};
use super::limits::Limits;
use super::losses::Losses;
use super::probe::{self, Circumstances, Outcome, Probe, Prober};
use super::sent_packets::{Fate, PacketResult};

/// Share of what came that is sent after a queue has grown (GCC, section 5.5), and after losses that no
/// queue announced: a bucket that is full takes a whole picture, which comes first.
const AFTER_QUEUE: f64 = 0.85;
const AFTER_LOSS: f64 = 0.9;

/// While a queue drains, so much of the estimate is sent.
const DRAIN: f64 = 0.5;
/// Less is no queue.
const DRAINED_MS: f64 = 25.0;

/// Over how long what came is counted. A path that narrows shows its rate within three pictures.
const RATE_WINDOW_MS: f64 = 150.0;
/// Half of what came in this time came for sure: of pictures that come seldom, the shorter may have none.
const LONG_RATE_WINDOW_MS: f64 = 500.0;

/// Two decreases are at least this far apart: the second goes by what came after the first.
const BETWEEN_DECREASES: Duration = Duration::from_millis(250);

/// A queue that after so long at a lower rate is no shorter is none: the path has become longer.
const DRAINED_AFTER: Duration = Duration::from_millis(1500);

/// Increase a second, and the most of what came that may be sent (GCC, section 5.5).
const INCREASE: f64 = 1.08;
const ABOVE_RECEIVED: f64 = 1.5;
/// After a decrease, rest this long before trying more.
const BEFORE_INCREASE: Duration = Duration::from_millis(500);

/// After a probe that was passed, the next one.
const AFTER_SUCCESS: Duration = Duration::from_millis(200);

/// Losses of so long after a trial are still its own.
const AFTER_TRIAL: Duration = Duration::from_millis(200);

/// More loss than this is the path's limit and no noise. GCC's section 6 has 10 %; a path that loses 8 % at
/// random loses that in every tenth window.
const HIGH_LOSS: f64 = 0.15;
/// With more the rate is not increased but by probes.
const LOW_LOSS: f64 = 0.02;

/// A queue that passes less than this share of what is sent is soon full, and then the loss severe.
const COLLAPSED: f64 = 0.5;

/// How long pictures are held back at most, so that the queue has gone when the key frame comes, and
/// at least, so that a bucket has room for it.
const LONGEST_HOLD: Duration = Duration::from_millis(300);
const SHORTEST_HOLD: Duration = Duration::from_millis(60);
/// A queue has grown by this since what the newest report is about, less what the key frame takes to be
/// made. Measured.
const GROWN_MS: f64 = 30.0;

/// What the sender is to do beside sending at another rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::video) enum Reaction {
    None,
    /// Nothing came for a while, and what was sent then is worth nothing: a key frame.
    KeyFrame,
    /// More is lost than can be sent again: nothing before then, and then a key frame.
    KeyFrameAt(Instant),
}

#[derive(Clone, Copy, Debug)]
struct Decrease {
    at: Instant,
    drops: bool,
}

pub(super) struct SenderSide {
    limits: Limits,
    kbps: f64,
    began: Instant,
    updated: Instant,
    delay: DelayDetector,
    losses: Losses,
    prober: Prober,
    /// When what came, in ms by the receiver's clock, and its bytes.
    received: VecDeque<(f64, usize)>,
    decrease: Option<Decrease>,
    /// Since when the queue is to drain.
    draining: Option<Instant>,
    held_until: Instant,
}

impl SenderSide {
    pub(super) fn new(limits: Limits, kbps: f64, now: Instant) -> Self {
        Self {
            limits,
            kbps,
            began: now,
            updated: now,
            delay: DelayDetector::new(now),
            losses: Losses::new(now),
            prober: Prober::new(now),
            received: VecDeque::new(),
            decrease: None,
            draining: None,
            held_until: now,
        }
    }

    pub(super) fn kbps(&self) -> f64 {
        let share = if self.draining.is_some() { DRAIN } else { 1.0 };
        self.limits.clamp(self.kbps * share)
    }

    /// How long what is sent now has to wait on the path.
    pub(super) fn queue(&self) -> Duration {
        Duration::from_secs_f64(self.delay.queue_ms().max(0.0) / 1000.0)
    }

    /// A frame of so many bytes is about to leave.
    pub(super) fn probe(&mut self, frame_bytes: usize, now: Instant) -> Probe {
        let ceiling_kbps = f64::from(self.limits.ceiling_kbps);
        match self.decrease {
            Some(decrease) if self.kbps < ceiling_kbps && self.draining.is_none() => {
                let path = Circumstances {
                    kbps: self.kbps,
                    ceiling_kbps,
                    drops: decrease.drops,
                };
                self.prober.frame(frame_bytes, path, now)
            }
            _ => Probe::default(),
        }
    }

    /// Takes in what became of packets.
    pub(super) fn feedback(&mut self, results: &[PacketResult], now: Instant) -> Reaction {
        let mut was_gone = false;
        for result in results {
            if let Fate::Received(at_ms) = result.fate {
                self.delay.packet(result.sent, at_ms);
                self.received.push_back((at_ms, result.bytes));
            }
            was_gone |= self.losses.take(result);
        }
        self.forget(now);
        self.drain(now);
        let tried = self.prober.tries();
        if let Some(outcome) = self.prober.results(results, now) {
            self.probed(outcome, now);
        }
        if tried {
            // What is lost now the trial has lost, and what is sent again for it.
            self.losses.judge_from(now + AFTER_TRIAL);
        }
        let restarts = self.judge(now);
        self.updated = now;
        match (was_gone, restarts) {
            (true, _) => Reaction::KeyFrame,
            (false, true) => self.restart(now),
            (false, false) => Reaction::None,
        }
    }

    /// Whether more is lost, or soon will be, than can be sent again.
    fn judge(&mut self, now: Instant) -> bool {
        let last = self.decrease.map_or(self.began, |last| last.at);
        if now < last.max(self.held_until) + BETWEEN_DECREASES {
            return false;
        }
        let (severe, loss) = (self.losses.is_severe(), self.losses.share());
        let loses = severe || loss.is_some_and(|loss| loss > HIGH_LOSS);
        let queues = self.delay.usage() == Usage::Over;
        let collapses = queues && self.received_kbps() < self.kbps * COLLAPSED;
        if loses || queues {
            self.decrease(loses, now);
        } else if loss.is_none_or(|loss| loss < LOW_LOSS) {
            self.increase(now);
        }
        severe || collapses
    }

    /// What is older than what is judged.
    fn forget(&mut self, now: Instant) {
        self.losses.forget(now);
        let newest_ms = self.received.back().map_or(0.0, |received| received.0);
        self.received
            .retain(|(at_ms, _)| newest_ms - at_ms < LONG_RATE_WINDOW_MS);
    }

    /// What came lately, in kbit/s.
    fn received_kbps(&self) -> f64 {
        let seldom = self.came_within(LONG_RATE_WINDOW_MS) / 2.0;
        self.came_within(RATE_WINDOW_MS).max(seldom)
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes of a moment")]
    fn came_within(&self, window_ms: f64) -> f64 {
        let newest_ms = self.received.back().map_or(0.0, |received| received.0);
        let came = self.received.iter().rev();
        let inside = came.filter(|(at_ms, _)| newest_ms - at_ms < window_ms);
        inside.map(|(_, bytes)| *bytes).sum::<usize>() as f64 * 8.0 / window_ms
    }

    /// The queue has gone, or was none.
    fn drain(&mut self, now: Instant) {
        let Some(since) = self.draining else {
            return;
        };
        if self.delay.queue_ms() < DRAINED_MS {
            self.draining = None;
        } else if now.saturating_duration_since(since.max(self.held_until)) > DRAINED_AFTER {
            self.delay.rebase();
            self.draining = None;
        }
    }

    fn decrease(&mut self, lost: bool, now: Instant) {
        let has_queue = self.delay.queue_ms() > DRAINED_MS;
        let drops = lost && !has_queue;
        let received = self.received_kbps();
        let kbps = if drops {
            received.min(self.losses.passed_kbps()) * AFTER_LOSS
        } else {
            received * AFTER_QUEUE
        };
        self.kbps = self.limits.clamp(kbps.min(self.kbps));
        if has_queue {
            self.draining.get_or_insert(now);
        }
        self.decrease = Some(Decrease { at: now, drops });
        self.prober.postpone(now + probe::pause(Duration::ZERO));
        self.losses.clear();
    }

    fn increase(&mut self, now: Instant) {
        let rests = self
            .decrease
            .is_some_and(|last| now.saturating_duration_since(last.at) < BEFORE_INCREASE);
        if rests || self.draining.is_some() {
            return;
        }
        let elapsed = now.saturating_duration_since(self.updated).as_secs_f64();
        let most = self.received_kbps() * ABOVE_RECEIVED;
        let kbps = (self.kbps * INCREASE.powf(elapsed)).min(most);
        self.kbps = self.limits.clamp(kbps.max(self.kbps));
    }

    fn probed(&mut self, outcome: Outcome, now: Instant) {
        let narrow_since = self.decrease.map_or(now, |last| last.at);
        match outcome {
            Outcome::Passes(kbps) => {
                self.kbps = self.limits.clamp(kbps.max(self.kbps));
                self.prober.postpone(now + AFTER_SUCCESS);
            }
            Outcome::Fails => {
                let narrow_for = now.saturating_duration_since(narrow_since);
                self.prober.postpone(now + probe::pause(narrow_for));
            }
        }
    }

    /// Holds back until what waits on the path has left it.
    fn restart(&mut self, now: Instant) -> Reaction {
        let hold_ms = self.delay.queue_ms().max(0.0) + GROWN_MS;
        let hold = Duration::from_secs_f64(hold_ms / 1000.0).clamp(SHORTEST_HOLD, LONGEST_HOLD);
        self.held_until = now + hold;
        self.losses.judge_from(now);
        Reaction::KeyFrameAt(self.held_until)
    }
}
