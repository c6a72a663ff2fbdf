//! What the path loses: of the last second, and of the last moment.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::sent_packets::{Fate, PacketResult};

/// The losses of so long are judged together, of so many packets at least.
const LOSS_WINDOW: Duration = Duration::from_secs(1);
const LOSS_PACKETS: u32 = 50;

/// Losses that are not waited for: so many packets, and so large a share of those sent in the last
/// moment.
const SEVERE_WINDOW: Duration = Duration::from_millis(150);
const SEVERE_PACKETS: u32 = 8;
const SEVERE_SHARE: f64 = 0.35;

/// What one picture brings counts for the time until the next, of 30 a second.
const BETWEEN_PICTURES: Duration = Duration::from_millis(33);

/// Nothing came that was sent within this time: the path was gone, which says nothing of its width.
const OUTAGE: Duration = Duration::from_millis(250);

/// One packet in the windows of losses.
#[derive(Clone, Copy, Debug)]
struct Judged {
    sent: Instant,
    bytes: usize,
    lost: bool,
}

pub(super) struct Losses {
    judged: VecDeque<Judged>,
    /// Those of the end that may belong to an outage.
    missing: Vec<Judged>,
    /// What was sent before is not judged: all of it was given up.
    from: Instant,
    /// When the newest packet was sent that has come.
    arrived: Option<Instant>,
}

impl Losses {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            judged: VecDeque::new(),
            missing: Vec::new(),
            from: now,
            arrived: None,
        }
    }

    /// Takes in what became of a packet, and says whether the path was gone before it.
    pub(super) fn take(&mut self, result: &PacketResult) -> bool {
        let judged = Judged {
            sent: result.sent,
            bytes: result.bytes,
            lost: result.fate == Fate::Missing,
        };
        // What a probe loses it was meant to lose.
        let counts = result.probe.is_none() && result.sent >= self.from;
        match result.fate {
            Fate::Missing => self.missing.extend(counts.then_some(judged)),
            Fate::Late => self.find(result.sent),
            Fate::Received(_) => return self.received(judged, counts),
        }
        false
    }

    /// One that was taken for lost.
    fn find(&mut self, sent: Instant) {
        let mut missing = self.judged.iter_mut().chain(&mut self.missing);
        if let Some(found) = missing.rfind(|other| other.sent == sent && other.lost) {
            found.lost = false;
        }
    }

    fn received(&mut self, judged: Judged, counts: bool) -> bool {
        let since = |then| judged.sent.saturating_duration_since(then);
        let first = self.missing.first();
        let was_gone = self.arrived.is_some_and(|last| since(last) > OUTAGE)
            && first.is_some_and(|first| since(first.sent) > OUTAGE);
        self.arrived = Some(judged.sent);
        let missing = std::mem::take(&mut self.missing);
        if !was_gone {
            self.judged.extend(missing);
        }
        self.judged.extend(counts.then_some(judged));
        was_gone
    }

    /// What is older than a second.
    pub(super) fn forget(&mut self, now: Instant) {
        let is_old = |judged: &Judged| now.saturating_duration_since(judged.sent) > LOSS_WINDOW;
        while self.judged.front().is_some_and(is_old) {
            self.judged.pop_front();
        }
    }

    /// What was sent before is not judged any more.
    pub(super) fn judge_from(&mut self, then: Instant) {
        self.from = then;
        self.judged.clear();
        self.missing.clear();
    }

    /// What was judged has had its effect.
    pub(super) fn clear(&mut self) {
        self.judged.clear();
    }

    /// The share that is lost, of enough packets to tell.
    pub(super) fn share(&self) -> Option<f64> {
        let (packets, lost) = count(self.judged.iter());
        (packets >= LOSS_PACKETS).then(|| f64::from(lost) / f64::from(packets))
    }

    /// Whether more is lost than can be sent again.
    pub(super) fn is_severe(&self) -> bool {
        let Some(newest) = self.judged.back() else {
            return false;
        };
        let is_recent =
            |judged: &&Judged| newest.sent.saturating_duration_since(judged.sent) < SEVERE_WINDOW;
        let (packets, lost) = count(self.judged.iter().rev().take_while(is_recent));
        lost >= SEVERE_PACKETS && f64::from(lost) >= f64::from(packets) * SEVERE_SHARE
    }

    /// What came of all that was sent since the first loss, in kbit/s: before that a bucket emptied.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a moment")]
    pub(super) fn passed_kbps(&self) -> f64 {
        let since = || self.judged.iter().skip_while(|judged| !judged.lost);
        let came = since().filter(|judged| !judged.lost);
        let bytes: usize = came.map(|judged| judged.bytes).sum();
        let (first, last) = (since().next(), self.judged.back());
        let span = first.zip(last).map_or(Duration::ZERO, |(first, last)| {
            last.sent.saturating_duration_since(first.sent)
        });
        bytes as f64 * 0.008 / (span + BETWEEN_PICTURES).as_secs_f64()
    }
}

/// All, and those lost.
fn count<'a>(judged: impl Iterator<Item = &'a Judged>) -> (u32, u32) {
    judged.fold((0, 0), |(packets, lost), judged| {
        (packets + 1, lost + u32::from(judged.lost))
    })
}
