//! Whether a path that was narrow takes more again, asked with filler that travels behind a picture.
//!
//! A train first: one picture is filled up to a few packets that leave at once, and how far apart they
//! come says what the bottleneck passes. One that has no queue, but drops, passes a train as if it
//! were wide. So where packets were lost, the rate itself is tried for a moment, filled up
//! behind each picture, and the losses say.

use std::time::{Duration, Instant};

use super::sent_packets::{Fate, PacketResult};

/// Bytes of a train, that of the picture included: five packets, as in libwebrtc's shortest probe. On
/// a path of 800 kbit/s the next picture waits 60 ms behind it.
const TRAIN_BYTES: usize = 5 * 1168;

/// Packets of a train that have to come. The time between the first and the last is what counts.
const TRAIN_PACKETS: u32 = 4;

/// The most that a probe vouches for, as a multiple of what is known to pass: that of libwebrtc's second
/// probe. After a trial of it has failed the next tries less.
const STEP: f64 = 6.0;
const SMALL_STEP: f64 = 2.0;

/// A train that shows less than this, as a multiple of what is known to pass, shows nothing new.
const WIDER: f64 = 1.2;

/// Share of what a train shows that is taken: libwebrtc's, for a train that spread on its way.
const SHOWN: f64 = 0.95;

/// How long a rate is tried. A bucket of 100 ms is empty after half of it at twice its rate.
const TRIAL: Duration = Duration::from_millis(200);
/// And one of less.
const SMALL_TRIAL: Duration = Duration::from_millis(500);

/// More loss than this fails a trial.
const TRIAL_LOSS: f64 = 0.2;
/// Fewer packets say nothing; so many lost, and so large a share of them, end it early.
const TRIAL_PACKETS: u32 = 10;
const TRIAL_LOST: u32 = 4;

/// Time from one probe to the next, soon after the path became narrow and later. Each costs the next
/// picture of a path that stayed narrow some 60 ms.
const SOON: Duration = Duration::from_millis(1200);
const LATER: Duration = Duration::from_secs(4);
const SOON_FOR: Duration = Duration::from_secs(30);

/// When no report of a probe has come after this, none will.
const UNANSWERED: Duration = Duration::from_secs(1);

/// The longest time since the last picture that is filled up.
const LONGEST_GAP: Duration = Duration::from_millis(50);

/// What is known when a probe could be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// What is known to pass, and the most that is wanted.
    pub kbps: f64,
    pub ceiling_kbps: f64,
    /// Whether it was losses that said so.
    pub drops: bool,
}

/// What a frame that is about to leave is to do for a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::video) struct Probe {
    /// Of the probe that its packets are part of.
    pub id: Option<u32>,
    /// Bytes to add to it.
    pub filler: usize,
}

/// What a probe has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outcome {
    /// So much passes, in kbit/s.
    Passes(f64),
    /// No more than is known.
    Fails,
}

#[derive(Clone, Copy, Debug)]
enum ProbeState {
    Idle,
    Train(Train),
    Trial(Trial),
}

#[derive(Clone, Copy, Debug)]
struct Train {
    sent: Instant,
    circumstances: Circumstances,
    packets: u32,
    bytes: usize,
    /// When the first and the last came, by the receiver's clock.
    came_ms: (f64, f64),
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    kbps: f64,
    until: Instant,
    filled: Instant,
    received: u32,
    lost: u32,
}

pub(super) struct Prober {
    state: ProbeState,
    id: u32,
    next: Instant,
    /// Whether the next trial is one of less.
    less: bool,
}

impl Prober {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: ProbeState::Idle,
            id: 0,
            next: now,
            less: false,
        }
    }

    /// A frame of so many bytes is about to leave.
    pub(super) fn frame(&mut self, bytes: usize, path: Circumstances, now: Instant) -> Probe {
        let filler = match &mut self.state {
            ProbeState::Idle if now >= self.next => {
                self.state = ProbeState::Train(Train {
                    sent: now,
                    circumstances: path,
                    packets: 0,
                    bytes: 0,
                    came_ms: (f64::INFINITY, f64::NEG_INFINITY),
                });
                TRAIN_BYTES.saturating_sub(bytes)
            }
            ProbeState::Trial(trial) if now < trial.until => trial.fill(bytes, now),
            _ => return Probe::default(),
        };
        Probe {
            id: Some(self.id),
            filler,
        }
    }

    /// Whether more is sent than is known to pass, on purpose.
    pub(super) fn tries(&self) -> bool {
        matches!(self.state, ProbeState::Trial(_))
    }

    /// Not before then.
    pub(super) fn postpone(&mut self, until: Instant) {
        self.end(until);
    }

    fn end(&mut self, next: Instant) {
        self.state = ProbeState::Idle;
        self.id = self.id.wrapping_add(1);
        self.next = next;
    }

    /// Takes in what became of packets, and says what that shows, once it does.
    pub(super) fn results(&mut self, results: &[PacketResult], now: Instant) -> Option<Outcome> {
        let id = self.id;
        let of_probe = results.iter().filter(|result| result.probe == Some(id));
        let newest = results.iter().map(|result| result.sent).max()?;
        match &mut self.state {
            ProbeState::Idle => None,
            ProbeState::Train(train) => {
                of_probe.for_each(|result| train.count(result));
                let is_over = newest > train.sent || now > train.sent + UNANSWERED;
                is_over
                    .then_some(*train)
                    .map(|train| self.judge(train, now))?
            }
            ProbeState::Trial(trial) => {
                of_probe.for_each(|result| trial.count(result));
                let over = newest >= trial.until || now > trial.until + UNANSWERED;
                let outcome = trial.outcome(over)?;
                self.less &= outcome == Outcome::Fails;
                self.end(now);
                Some(outcome)
            }
        }
    }

    fn judge(&mut self, train: Train, now: Instant) -> Option<Outcome> {
        let path = train.circumstances;
        let most = (path.kbps * STEP).min(path.ceiling_kbps);
        let shown = train.kbps().unwrap_or(0.0);
        let wider = shown > path.kbps * WIDER;
        self.end(now);
        if wider && path.drops {
            let less = self.less;
            self.less = !less;
            let (kbps, lasts) = if less {
                (most.min(path.kbps * SMALL_STEP), SMALL_TRIAL)
            } else {
                (most, TRIAL)
            };
            self.state = ProbeState::Trial(Trial {
                kbps,
                until: now + lasts,
                filled: now,
                received: 0,
                lost: 0,
            });
            return None;
        }
        Some(if wider {
            Outcome::Passes(most.min(shown * SHOWN))
        } else {
            Outcome::Fails
        })
    }
}

/// How long after a decrease, or a probe that failed, the next is sent.
pub(super) fn pause(narrow_for: Duration) -> Duration {
    if narrow_for < SOON_FOR { SOON } else { LATER }
}

impl Train {
    fn count(&mut self, result: &PacketResult) {
        if let Fate::Received(at_ms) = result.fate {
            self.packets += 1;
            // The first only opens the measurement.
            self.bytes += if self.packets > 1 { result.bytes } else { 0 };
            let (first, last) = self.came_ms;
            self.came_ms = (first.min(at_ms), last.max(at_ms));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a few packets")]
    fn kbps(&self) -> Option<f64> {
        let (first, last) = self.came_ms;
        (self.packets >= TRAIN_PACKETS).then(|| self.bytes as f64 * 8.0 / (last - first).max(0.1))
    }
}

impl Trial {
    /// So much that the time since the last frame is full.
    fn fill(&mut self, bytes: usize, now: Instant) -> usize {
        let since = now.saturating_duration_since(self.filled).min(LONGEST_GAP);
        self.filled = now;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some kilobytes"
        )]
        let full = (self.kbps * 125.0 * since.as_secs_f64()) as usize;
        full.saturating_sub(bytes)
    }

    fn count(&mut self, result: &PacketResult) {
        match result.fate {
            Fate::Received(_) => self.received += 1,
            Fate::Missing => self.lost += 1,
            Fate::Late => {
                self.received += 1;
                self.lost = self.lost.saturating_sub(1);
            }
        }
    }

    fn outcome(&self, over: bool) -> Option<Outcome> {
        let packets = self.received + self.lost;
        let loses = f64::from(self.lost) > f64::from(packets) * TRIAL_LOSS;
        if loses && self.lost >= TRIAL_LOST {
            return Some(Outcome::Fails);
        }
        over.then_some(if packets >= TRIAL_PACKETS {
            Outcome::Passes(self.kbps)
        } else {
            Outcome::Fails
        })
    }
}
