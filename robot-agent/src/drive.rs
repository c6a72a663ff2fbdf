//! What the wheels do: actions and `now` in, throttles out.
//!
//! Owns the meaning of an action: the newest one wins at once and holds for its duration,
//! silence after that is rest, a stop is always obeyed. Knows no clock, no bus, no MQTT;
//! `motors` asks it, from one thread, under one lock.

mod sequence;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod sequence_tests;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use wire::{Action, Motion};

use sequence::Sequence;

pub use sequence::{Dropped, Source};

/// How often a ramp is followed: 50 steps a second are smoother than any gearbox, and few
/// enough for a bus at 100 kHz.
const RAMP_STEP: Duration = Duration::from_millis(20);

/// The state of both wheels over time.
#[derive(Debug)]
pub struct Drive {
    limits: Limits,
    running: Option<Running>,
    sequence: Sequence,
}

/// Throttles of both wheels, forward positive whatever the board thinks of forward.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wheels {
    /// The wheel on the robot's own left.
    pub left: Throttle,
    /// The wheel on the robot's own right.
    pub right: Throttle,
}

/// A fraction of full power in [-1, 1]; never NaN, never -0.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Throttle(f64);

/// What the owner allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Scales actions that name no `speed`.
    pub speed: Throttle,
    /// How long an action that names no duration holds.
    pub pulse: Duration,
    /// What longer durations are cut to.
    pub pulse_max: Duration,
    /// An action sent longer ago than this is dropped; zero turns this off.
    pub stale: Duration,
    /// From rest to full throttle; zero turns the ramp off.
    pub ramp: Duration,
}

/// The accepted action that holds until `until`.
#[derive(Debug)]
struct Running {
    source: Source,
    since: Instant,
    until: Instant,
    left: Slope,
    right: Slope,
}

/// One wheel's way to its target, from where it is or else from zero.
#[derive(Clone, Copy, Debug)]
struct Slope {
    start: f64,
    target: f64,
}

impl Drive {
    /// At rest, having heard from nobody.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            running: None,
            sequence: Sequence::default(),
        }
    }

    /// Takes an action over from whatever is running. `unix_ms` is the wall clock at `now`.
    ///
    /// # Errors
    /// [`Dropped`] if the action is too old or overtaken; a stop never is.
    pub fn accept(
        &mut self,
        action: &Action,
        source: &Source,
        now: Instant,
        unix_ms: u64,
    ) -> Result<(), Dropped> {
        if action.motion == Motion::Stop {
            self.sequence.note_stop(action, source, now);
            self.running = None;
            return Ok(());
        }
        if self.is_stale(action, unix_ms) {
            return Err(Dropped::Stale);
        }
        self.sequence.admit(action, source, now)?;
        self.running = self.begin(action, source, now);
        Ok(())
    }

    /// What the wheels should do at `now`.
    pub fn wheels(&self, now: Instant) -> Wheels {
        let Some(running) = self.running.as_ref().filter(|r| now < r.until) else {
            return Wheels::REST;
        };
        let elapsed = now.saturating_duration_since(running.since);
        Wheels {
            left: running.left.at(elapsed, self.limits.ramp),
            right: running.right.at(elapsed, self.limits.ramp),
        }
    }

    /// When [`Drive::wheels`] will next answer otherwise than at `now`, if nothing is
    /// accepted before.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let running = self.running.as_ref().filter(|r| now < r.until)?;
        let ramp = self.limits.ramp;
        let settled = running.since
            + running
                .left
                .settles_in(ramp)
                .max(running.right.settles_in(ramp));
        if now < settled {
            Some(settled.min(now + RAMP_STEP).min(running.until))
        } else {
            Some(running.until)
        }
    }

    /// Forgets the running action, whoever sent it.
    pub fn halt(&mut self) {
        self.running = None;
    }

    /// Forgets the running action if it came from `source`, as when a viewer leaves.
    pub fn release(&mut self, source: &Source) {
        self.running.take_if(|running| running.source == *source);
    }

    fn is_stale(&self, action: &Action, unix_ms: u64) -> bool {
        let Some(sent_at) = action.sent_at.filter(|_| !self.limits.stale.is_zero()) else {
            return false;
        };
        Duration::from_millis(unix_ms.saturating_sub(sent_at)) > self.limits.stale
    }

    fn begin(&self, action: &Action, source: &Source, now: Instant) -> Option<Running> {
        let speed = action.speed.map_or(self.limits.speed, Throttle::saturating);
        let (linear, angular) = action.motion.twist();
        let target = Wheels::mix(linear, angular).scaled(speed);
        let current = self.wheels(now);
        let pulse = action
            .duration_ms
            .map_or(self.limits.pulse, Duration::from_millis);
        (target != Wheels::REST).then(|| Running {
            source: source.clone(),
            since: now,
            until: now + pulse.min(self.limits.pulse_max),
            left: Slope::towards(target.left, current.left),
            right: Slope::towards(target.right, current.right),
        })
    }
}

impl Slope {
    /// Less power, and the way back to zero in a reversal, are taken at once.
    fn towards(target: Throttle, current: Throttle) -> Self {
        let same_way = target.0 * current.0 > 0.0;
        Self {
            start: if same_way { current.0 } else { 0.0 },
            target: target.0,
        }
    }

    fn at(self, elapsed: Duration, ramp: Duration) -> Throttle {
        if elapsed >= self.settles_in(ramp) {
            return Throttle(self.target);
        }
        let gained = elapsed.as_secs_f64() / ramp.as_secs_f64();
        let magnitude = (self.start.abs() + gained).min(self.target.abs());
        Throttle::saturating(magnitude.copysign(self.target))
    }

    /// `ramp` is the time for the whole way from rest to full throttle.
    fn settles_in(self, ramp: Duration) -> Duration {
        ramp.mul_f64((self.target.abs() - self.start.abs()).clamp(0.0, 1.0))
    }
}

impl Wheels {
    /// Neither wheel turns.
    pub const REST: Self = Self {
        left: Throttle::ZERO,
        right: Throttle::ZERO,
    };

    /// Two wheels from a velocity. The turn is kept as asked, and the way forward gives
    /// up what both wheels together cannot do: who steers round an obstacle at full speed
    /// must get round it.
    pub fn mix(linear: f64, angular: f64) -> Self {
        let angular = Throttle::saturating(angular).0;
        let room = 1.0 - angular.abs();
        let linear = Throttle::saturating(linear).0.clamp(-room, room);
        Self {
            left: Throttle::saturating(linear - angular),
            right: Throttle::saturating(linear + angular),
        }
    }

    fn scaled(self, by: Throttle) -> Self {
        Self {
            left: Throttle::saturating(self.left.0 * by.0),
            right: Throttle::saturating(self.right.0 * by.0),
        }
    }
}

impl Throttle {
    /// No power.
    pub const ZERO: Self = Self(0.0);
    /// All power forward.
    pub const FULL: Self = Self(1.0);

    /// `None` outside of [-1, 1] and for NaN.
    pub fn new(value: f64) -> Option<Self> {
        // Adding zero turns -0.0 into 0.0.
        (-1.0..=1.0).contains(&value).then_some(Self(value + 0.0))
    }

    /// The nearest throttle; NaN is no power.
    pub fn saturating(value: f64) -> Self {
        Self::new(value.clamp(-1.0, 1.0)).unwrap_or(Self::ZERO)
    }

    /// In [-1, 1].
    pub fn get(self) -> f64 {
        self.0
    }
}

impl std::ops::Neg for Throttle {
    type Output = Self;

    fn neg(self) -> Self {
        Self::saturating(-self.0)
    }
}

impl Default for Limits {
    /// The sample's 200 ms at half throttle, held no longer than two seconds, no ramp.
    fn default() -> Self {
        Self {
            speed: Throttle(0.5),
            pulse: Duration::from_millis(200),
            pulse_max: Duration::from_millis(2000),
            stale: Duration::from_millis(1000),
            ramp: Duration::ZERO,
        }
    }
}
