//! How much one viewer's path can take, judged from what its receiver says. Pure: the clock
//! is an argument.
//!
//! Two witnesses, as neither sees all. The browser's own estimate (REMB) sees a queue that
//! grows, but not a path that merely drops; it falls when the queue grows and then climbs by
//! 8 % a second, so that only its fall says something, and its height nothing. The share of
//! lost packets sees drops. Upward the rule probes for itself: slowly near the rate that
//! failed last, fast far from it.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// Between which rates the encoder may run, in kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Below this a picture is of no use for driving; the path must bear it.
    pub floor_kbps: u32,
    /// What the owner allows, and where every viewer begins.
    pub ceiling_kbps: u32,
}

/// What was seen on a path since it was looked at last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// Packets sent for the first time.
    pub sent: u32,
    /// Of these, how many the receiver missed, mended or not.
    pub lost: u32,
    /// What went out, in kbit/s, resent packets not counted.
    pub sent_kbps: f64,
}

/// How often a path is looked at. Receivers report about once a second and ask for lost
/// packets at once; half a second holds 15 packets even of a slow stream.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// More loss than this is the path's limit, not its noise.
const TOO_MUCH_LOSS: f64 = 0.10;

/// Less loss than this is no reason not to try more.
const LITTLE_LOSS: f64 = 0.02;

/// Share of what got through that is tried after too much loss: the rest drains the queue.
const AFTER_LOSS: f64 = 0.9;

/// An estimate that fell this far below what is sent says that a queue grows. Estimates above
/// what is sent say nothing: they are bounded by what was received.
const REMB_BELOW_SENT: f64 = 0.95;

/// Falls by less than this are the rounding of REMB's short numbers.
const FALL: f64 = 0.99;

/// Two cuts at least this far apart: the effect of one shows in the reports only then.
const BETWEEN_CUTS: Duration = Duration::from_millis(900);

/// After a cut, rest this long before trying more.
const BEFORE_GROWTH: Duration = Duration::from_secs(2);

/// Growth a second far from the rate that failed, and near it.
const FAST: f64 = 1.25;
const SLOW: f64 = 1.04;

/// What counts as near the rate that failed last.
const NEAR: std::ops::Range<f64> = 0.85..1.2;

/// How long a failed rate is remembered. Networks on wheels change.
const FAILED_FOR: Duration = Duration::from_secs(20);

/// Fewer packets than this prove nothing about loss.
const FEWEST_PACKETS: u32 = 10;

/// One viewer's path.
#[derive(Clone, Debug)]
pub(super) struct Path {
    limits: Limits,
    kbps: f64,
    /// When it was judged last.
    judged: Instant,
    /// Packets since then.
    sent: u32,
    lost: u32,
    cut: Option<Cut>,
    estimate_kbps: Option<f64>,
    /// What the estimate fell to, until that is judged.
    fell_to_kbps: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    at: Instant,
    from_kbps: f64,
}

impl Path {
    /// A path nothing is known of: it gets the ceiling, as a first picture that is sharp is
    /// worth more than one that is a blink sooner on a path that turns out narrow.
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            kbps: f64::from(limits.ceiling_kbps),
            judged: now,
            sent: 0,
            lost: 0,
            cut: None,
            estimate_kbps: None,
            fell_to_kbps: None,
        }
    }

    /// What the path can take, in kbit/s.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between two u32 by construction"
    )]
    pub(super) fn kbps(&self) -> u32 {
        self.kbps.round() as u32
    }

    /// The receiver's newest estimate.
    pub(super) fn estimate(&mut self, kbps: f64) {
        if self.estimate_kbps.is_some_and(|last| kbps < last * FALL) {
            self.fell_to_kbps = Some(kbps);
        }
        self.estimate_kbps = Some(kbps);
    }

    /// Judges anew.
    pub(super) fn look(&mut self, seen: &Seen, now: Instant) {
        let too_soon = self
            .cut
            .is_some_and(|cut| now.saturating_duration_since(cut.at) < BETWEEN_CUTS);
        if too_soon {
            return self.begin_anew(now);
        }
        let fell_to = self
            .fell_to_kbps
            .take()
            .filter(|fell_to| *fell_to < seen.sent_kbps * REMB_BELOW_SENT);
        self.sent += seen.sent;
        self.lost += seen.lost;
        let loss = if self.sent < FEWEST_PACKETS {
            None
        } else {
            Some(f64::from(self.lost.min(self.sent)) / f64::from(self.sent))
        };
        match (loss, fell_to) {
            (Some(loss), _) if loss > TOO_MUCH_LOSS => {
                let through = seen.sent_kbps.min(self.kbps) * (1.0 - loss);
                self.cut_to(through * AFTER_LOSS, now);
            }
            (_, Some(fell_to)) => self.cut_to(fell_to, now),
            (Some(loss), None) if loss < LITTLE_LOSS => {
                self.grow(now.saturating_duration_since(self.judged), now);
            }
            (Some(_), None) => {}
            // Of a slow stream half a second is too little.
            (None, None) => return,
        }
        self.begin_anew(now);
    }

    fn begin_anew(&mut self, now: Instant) {
        (self.sent, self.lost) = (0, 0);
        self.judged = now;
    }

    fn cut_to(&mut self, kbps: f64, now: Instant) {
        if kbps < self.kbps {
            self.cut = Some(Cut {
                at: now,
                from_kbps: self.kbps,
            });
            self.set(kbps);
        }
    }

    fn grow(&mut self, elapsed: Duration, now: Instant) {
        let since_cut = self.cut.map(|cut| now.saturating_duration_since(cut.at));
        if since_cut.is_some_and(|since| since < BEFORE_GROWTH) {
            return;
        }
        let near = self
            .cut
            .filter(|_| since_cut.is_some_and(|since| since < FAILED_FOR))
            .is_some_and(|cut| NEAR.contains(&(self.kbps / cut.from_kbps)));
        let rate: f64 = if near { SLOW } else { FAST };
        self.set(self.kbps * rate.powf(elapsed.as_secs_f64()));
    }

    fn set(&mut self, kbps: f64) {
        self.kbps = kbps.clamp(
            f64::from(self.limits.floor_kbps),
            f64::from(self.limits.ceiling_kbps),
        );
    }
}
