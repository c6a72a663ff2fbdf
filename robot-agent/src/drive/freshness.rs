//! How old an action is when it arrives, without a clock that has to be right. Pure.
//!
//! Whoever listens to the robot's telemetry says when an action was given by the robot's own
//! clock (`clock_ms`): the age follows, and is at most too high, by the time that the report
//! took. Of the others the robot only knows what it sees itself: `sent_at` tells how much
//! longer an action was on its way than the quickest of its sender, and for MQTT the robot's
//! own round trips tell since when the broker can have kept it. A robot that has been standing
//! still itself trusts nothing that may have waited meanwhile, unless it is stamped.

use std::time::{Duration, Instant};

use super::arrival::{Arrival, Dropped};
use super::robot_clock::RobotClock;

/// What the sender's estimate of the robot's clock may be ahead by, from rounding and drift.
/// More means that the stamp is of another robot, or another start of this one.
const AHEAD: Duration = Duration::from_millis(250);

/// A round trip that proves a broker to be live may itself take this long beyond `stale`.
const ROUND_TRIP: Duration = Duration::from_millis(250);

/// The motor thread turns four times a second; a gap of three turns is a process that was not
/// run, and what came meanwhile waited in the kernel.
const STALLED: Duration = Duration::from_millis(750);

/// How long after a stall what waited is still being read.
const AFTER_STALL: Duration = Duration::from_millis(500);

/// How long a sender whose clock does not agree with ours must send steadily before it is
/// believed that this is its clock, and not a delay.
const PROBATION: Duration = Duration::from_secs(1);

/// As long as the count of [`super::sequence`]: who was silent so long is a stranger again.
const FORGET_AFTER: Duration = Duration::from_secs(3);

/// How fast two clocks may drift apart: 1,000 ppm, ten times a bad quartz.
const DRIFT: f64 = 0.001;

/// As many as [`super::sequence`] remembers.
const MAX_SENDERS: usize = 16;

#[derive(Debug)]
pub(super) struct Freshness {
    clock: RobotClock,
    stale: Duration,
    /// When the motor thread last turned; none before it did.
    turned: Option<Instant>,
    /// What is not stamped is not trusted before this.
    trusted_from: Option<Instant>,
    delays: Vec<Delay>,
}

/// How long the actions of one sender take, by the sender's clock and ours, which may differ by
/// anything.
#[derive(Debug)]
struct Delay {
    of: String,
    /// Of the quickest, in milliseconds: our monotonic clock minus `sent_at`.
    least_ms: f64,
    first: Instant,
    last: Instant,
    /// Whether `least_ms` may be taken for a delay of nothing.
    believed: bool,
}

impl Freshness {
    /// With `stale` zero nothing is ever stale.
    pub(super) fn new(clock: RobotClock, stale: Duration) -> Self {
        Self {
            clock,
            stale,
            turned: None,
            trusted_from: None,
            delays: Vec::new(),
        }
    }

    pub(super) fn clock_ms(&self, now: Instant) -> u64 {
        self.clock.ms(now)
    }

    /// The motor thread runs; how long it did not tells of a process that stood still.
    pub(super) fn turned(&mut self, now: Instant) {
        if self.stalled(now) {
            self.trusted_from = Some(now + AFTER_STALL);
        }
        self.turned = Some(now);
    }

    /// The age of an action of `sender`, where it says; `Err` if it is, or may be, too old.
    pub(super) fn check(
        &mut self,
        arrival: &Arrival,
        sender: &str,
    ) -> Result<Option<Duration>, Dropped> {
        let Arrival { action, now, .. } = *arrival;
        if self.stale.is_zero() {
            return Ok(None);
        }
        let (age, fresh) = match action.clock_ms.map(|given| self.clock.age(given, now)) {
            Some(Ok(age)) => (Some(age), age <= self.stale),
            Some(Err(ahead)) => (Some(Duration::ZERO), ahead <= AHEAD),
            None => (None, self.is_vouched_for(arrival, sender)),
        };
        if fresh { Ok(age) } else { Err(Dropped::Stale) }
    }

    /// Whether the robot itself knows that an action without a stamp was sent just now.
    fn is_vouched_for(&mut self, arrival: &Arrival, sender: &str) -> bool {
        let Arrival { action, now, .. } = *arrival;
        let on_time = action
            .sent_at
            .is_none_or(|sent_at| self.is_on_time(sent_at, sender, arrival));
        let just_sent = arrival
            .sent_after
            .is_some_and(|sent| now.saturating_duration_since(sent) <= self.stale + ROUND_TRIP);
        let trusted = self.trusted_from.is_none_or(|from| now >= from);
        on_time && just_sent && trusted && !self.stalled(now)
    }

    fn stalled(&self, now: Instant) -> bool {
        self.turned
            .is_some_and(|turned| now.saturating_duration_since(turned) > STALLED)
    }

    fn is_on_time(&mut self, sent_at: u64, sender: &str, at: &Arrival) -> bool {
        // All are below 2^53, so an f64 holds them.
        let sent_at = sent_at as f64;
        let stale_ms = self.stale.as_secs_f64() * 1000.0;
        let delay_ms = self.clock.ms(at.now) as f64 - sent_at;
        let by_clocks_ms = at.unix_ms as f64 - sent_at;
        let delay = self.delay(sender, delay_ms, at.now);
        delay.update(delay_ms, at.now);
        // Two clocks that agree to the second need no probation.
        delay.believed |= (by_clocks_ms.abs() <= stale_ms)
            || at.now.saturating_duration_since(delay.first) >= PROBATION;
        delay.believed && delay_ms - delay.least_ms <= stale_ms
    }

    fn delay(&mut self, sender: &str, delay_ms: f64, now: Instant) -> &mut Delay {
        self.delays
            .retain(|delay| now.saturating_duration_since(delay.last) < FORGET_AFTER);
        let known = self.delays.iter().position(|delay| delay.of == sender);
        let at = known.unwrap_or_else(|| {
            if self.delays.len() == MAX_SENDERS {
                self.delays.remove(0);
            }
            self.delays.push(Delay {
                of: sender.to_owned(),
                least_ms: delay_ms,
                first: now,
                last: now,
                believed: false,
            });
            self.delays.len() - 1
        });
        &mut self.delays[at]
    }
}

impl Delay {
    fn update(&mut self, delay_ms: f64, now: Instant) {
        let since = now.saturating_duration_since(self.last);
        let drifted_ms = self.least_ms + since.as_secs_f64() * 1000.0 * DRIFT;
        self.least_ms = drifted_ms.min(delay_ms);
        self.last = now;
    }
}

#[cfg(test)]
mod tests;
