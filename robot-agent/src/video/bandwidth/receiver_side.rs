//! What a path can take whose receiver does not say when packets came.
//!
//! Two signals, as neither sees all. The browser's own estimate (REMB) sees a queue that
//! grows, but not a path that merely drops; it falls when the queue grows and then climbs by
//! 8 % a second, so that only its fall says something, and its height nothing. The share of
//! lost packets sees drops. Upward the estimator probes: slowly near the rate that failed
//! last, fast far from it.
//!
//! "Measured" means with Chromium behind a path throttled
//! to 800 kbit/s, with a queue of 200 ms or none.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::limits::Limits;

/// What was sent on a path since the last update, and what is known of its fate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::video) struct Sample {
    /// Packets and their payload, resent ones not counted.
    pub packets: u32,
    pub bytes: usize,
    /// Packets the receiver asked for again, each counted once.
    pub nacked: u32,
    /// The highest share lost of any receiver report.
    pub lost_share: f64,
}

/// How often an estimate is updated. Receivers report about once a second and ask for lost
/// packets at once; half a second holds 15 packets even of a slow stream.
pub(in crate::video) const UPDATE_EVERY: Duration = Duration::from_millis(500);

/// More loss than this is the path's limit, not its noise: GCC section 6, which decreases
/// above 10 %, holds down to 2 % and increases below.
const HIGH_LOSS: f64 = 0.10;
const LOW_LOSS: f64 = 0.02;

/// Share of what got through that is tried after high loss: the rest drains the queue. As
/// GCC section 5.5 cuts to 0.8 to 0.95 of the rate received. Its section 6 cuts by half the
/// loss only, which takes five reports from 2.5 Mbit/s down to 800 kbit/s.
const AFTER_LOSS: f64 = 0.9;

/// A REMB that fell this far below what is sent says that a queue grows. One above what is
/// sent says nothing: the browser bounds it by 1.5 times what it received (measured).
const REMB_BELOW_SENT: f64 = 0.95;

/// Falls by less than this are the rounding of REMB's 18 bits of mantissa
/// (draft-alvestrand-rmcat-remb-03).
const REMB_FALL: f64 = 0.99;

/// Two decreases at least this far apart: receiver reports come about once a second, and show
/// the effect of one only then.
const BETWEEN_DECREASES: Duration = Duration::from_millis(900);

/// After a decrease, rest this long before trying more.
const BEFORE_INCREASE: Duration = Duration::from_secs(2);

/// Increase a second far from the rate that failed, and near it. With the 1.08 of GCC section
/// 5.5 the browser's own estimate is back at 2.5 Mbit/s after 30 s (measured), this after 15.
const FAST: f64 = 1.25;
const SLOW: f64 = 1.04;

/// What counts as near the rate that failed last.
const NEAR: std::ops::Range<f64> = 0.85..1.2;

/// How long a failed rate is remembered. Networks on wheels change.
const FAILED_FOR: Duration = Duration::from_secs(20);

/// Fewer packets than this prove nothing about loss.
const MIN_PACKETS: u32 = 10;

/// The estimate.
#[derive(Clone, Debug)]
pub(super) struct ReceiverSide {
    limits: Limits,
    kbps: f64,
    updated: Instant,
    /// When the loss was last judged, and packets since then.
    judged: Instant,
    sent: u32,
    lost: u32,
    decrease: Option<Decrease>,
    remb_kbps: Option<f64>,
    /// What the REMB fell to since the last update.
    remb_fell_to_kbps: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Decrease {
    at: Instant,
    from_kbps: f64,
}

impl ReceiverSide {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            kbps: f64::from(limits.ceiling_kbps),
            updated: now,
            judged: now,
            sent: 0,
            lost: 0,
            decrease: None,
            remb_kbps: None,
            remb_fell_to_kbps: None,
        }
    }

    /// What the path can take, in kbit/s.
    pub(super) fn kbps(&self) -> f64 {
        self.kbps
    }

    /// The receiver's newest estimate.
    pub(super) fn remb(&mut self, kbps: f64) {
        if self.remb_kbps.is_some_and(|last| kbps < last * REMB_FALL) {
            self.remb_fell_to_kbps = Some(kbps);
        }
        self.remb_kbps = Some(kbps);
    }

    /// Takes in what was seen since the last update.
    pub(super) fn update(&mut self, sample: &Sample, now: Instant) {
        let elapsed = now.saturating_duration_since(self.updated).as_secs_f64();
        if elapsed <= 0.0 {
            return;
        }
        self.updated = now;
        #[expect(
            clippy::cast_precision_loss,
            reason = "half a second of video is small"
        )]
        let sent_kbps = sample.bytes as f64 * 8.0 / 1000.0 / elapsed;
        let too_soon = self
            .decrease
            .is_some_and(|last| now.saturating_duration_since(last.at) < BETWEEN_DECREASES);
        if too_soon {
            return self.restart_count(now);
        }
        let fell_to = self
            .remb_fell_to_kbps
            .take()
            .filter(|fell_to| *fell_to < sent_kbps * REMB_BELOW_SENT);
        match (self.count_loss(sample), fell_to) {
            (Some(loss), _) if loss > HIGH_LOSS => {
                let through = sent_kbps.min(self.kbps) * (1.0 - loss);
                self.decrease_to(through * AFTER_LOSS, now);
            }
            (_, Some(fell_to)) => self.decrease_to(fell_to, now),
            (Some(loss), None) if loss < LOW_LOSS => self.increase(now),
            (Some(_), None) => {}
            // Of a slow stream half a second is too little.
            (None, None) => return,
        }
        self.restart_count(now);
    }

    /// The share lost of all packets since the last judgement, if they are enough.
    fn count_loss(&mut self, sample: &Sample) -> Option<f64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a u32"
        )]
        let reported = (sample.lost_share * f64::from(sample.packets)) as u32;
        self.sent += sample.packets;
        self.lost += sample.nacked.max(reported);
        (self.sent >= MIN_PACKETS)
            .then(|| f64::from(self.lost.min(self.sent)) / f64::from(self.sent))
    }

    fn restart_count(&mut self, now: Instant) {
        (self.sent, self.lost) = (0, 0);
        self.judged = now;
    }

    fn decrease_to(&mut self, kbps: f64, now: Instant) {
        if kbps < self.kbps {
            self.decrease = Some(Decrease {
                at: now,
                from_kbps: self.kbps,
            });
            self.set(kbps);
        }
    }

    fn increase(&mut self, now: Instant) {
        let since = |then| now.saturating_duration_since(then);
        if self
            .decrease
            .is_some_and(|last| since(last.at) < BEFORE_INCREASE)
        {
            return;
        }
        let near = self.decrease.is_some_and(|last| {
            since(last.at) < FAILED_FOR && NEAR.contains(&(self.kbps / last.from_kbps))
        });
        let rate: f64 = if near { SLOW } else { FAST };
        self.set(self.kbps * rate.powf(since(self.judged).as_secs_f64()));
    }

    fn set(&mut self, kbps: f64) {
        self.kbps = self.limits.clamp(kbps);
    }
}
