//! What the wheels do: actions and `now` in, throttles out.
//!
//! Owns the meaning of an action: the newest one of the one who drives wins at once and holds
//! for its duration, silence after that is rest, a stop is always obeyed. Knows no clock, no
//! bus, no MQTT; `motors` asks it, from one thread, under one lock.

mod arrival;
mod driver_lock;
mod freshness;
mod path_speed;
mod ramp;
mod robot_clock;
mod running;
mod sequence;
mod source;
mod wheels;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod sequence_tests;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use wire::telemetry;
use wire::{Action, Motion};

use driver_lock::DriverLock;
use freshness::Freshness;
use path_speed::Allowed;
use robot_clock::{RobotClock, millis};
use running::Running;
use sequence::Sequence;

pub use arrival::{Arrival, Dropped};
pub use path_speed::PathLimits;
pub use source::Source;
pub use wheels::{Throttle, Wheels};

/// How long it is shown that an action was slowed down: longer than from one report to the next.
const SLOWED_IS_NEWS: Duration = Duration::from_secs(2);

/// The state of both wheels over time.
#[derive(Debug)]
pub struct Drive {
    limits: Limits,
    running: Option<Running>,
    sequence: Sequence,
    freshness: Freshness,
    driver_lock: DriverLock,
    slowed: Option<Slowed>,
}

/// The last accepted action got less speed than it asked for, as it was `age` on its way.
#[derive(Debug)]
struct Slowed {
    allowed: Allowed,
    age: Duration,
    now: Instant,
}

/// What the owner allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Scales actions that name no `speed`.
    pub speed: Throttle,
    /// How long an action that names no duration holds.
    pub pulse: Duration,
    /// What longer durations are cut to.
    pub pulse_max: Duration,
    /// An action given longer ago than this is dropped; zero turns this off.
    pub stale: Duration,
    /// From rest to full throttle; zero turns the ramp off.
    pub ramp: Duration,
    /// What a slow network leaves of the speed.
    pub path: PathLimits,
}

impl Drive {
    /// At rest, having heard from nobody. `chance` in [0, 1) is where the robot's own clock
    /// begins at `now`.
    pub fn new(limits: Limits, now: Instant, chance: f64) -> Self {
        Self {
            limits,
            running: None,
            sequence: Sequence::default(),
            freshness: Freshness::new(RobotClock::new(now, chance), limits.stale),
            driver_lock: DriverLock::default(),
            slowed: None,
        }
    }

    /// Takes an action over from whatever is running.
    ///
    /// # Errors
    /// [`Dropped`] if the action is too old, overtaken, or of somebody who does not drive; a
    /// stop never is.
    pub fn accept(&mut self, arrival: &Arrival) -> Result<(), Dropped> {
        let Arrival { action, now, .. } = *arrival;
        let sender = arrival.source.sender(action);
        if action.motion == Motion::Stop {
            self.sequence.note(action, &sender.key, now);
            self.driver_lock.stop(&sender, now);
            self.running = None;
            return Ok(());
        }
        if self.sequence.is_overtaken(action, &sender.key, now) {
            return Err(Dropped::OutOfOrder);
        }
        if action.motion.twist() == (0.0, 0.0) {
            // Rest is never too late, but only the driver may ask for it in this way.
            self.sequence.note(action, &sender.key, now);
            if self.driver_lock.let_go(&sender, now) {
                self.running = self
                    .running(now)
                    .and_then(|running| running.soft_stop(self.limits.ramp, now));
            }
            return if self.driver_lock.is_others(&sender, now) {
                Err(Dropped::NotDriver)
            } else {
                Ok(())
            };
        }
        let pulse = self.pulse(action);
        self.driver_lock.heard(&sender, now, now + pulse);
        let age = self.freshness.check(arrival, &sender.key)?;
        self.sequence.note(action, &sender.key, now);
        if !self.driver_lock.admit(&sender, now, now + pulse) {
            return Err(Dropped::NotDriver);
        }
        let allowed = self.limits.path.allow(age);
        self.slowed =
            age.filter(|_| allowed != Allowed::ALL)
                .map(|age| Slowed { allowed, age, now });
        self.running = self.begin(action, allowed, sender.id, now);
        Ok(())
    }

    /// The motor thread is running at `now`; it says so at every turn.
    pub fn turned(&mut self, now: Instant) {
        self.freshness.turned(now);
    }

    /// The robot's own clock at `now`, in milliseconds, as telemetry tells it.
    pub fn clock_ms(&self, now: Instant) -> u64 {
        self.freshness.clock_ms(now)
    }

    /// What a slow network has left of the speed, while that is news.
    pub fn speed_limit(&self, now: Instant) -> Option<telemetry::SpeedLimit> {
        let slowed = self.slowed.as_ref()?;
        let is_news = now.saturating_duration_since(slowed.now) < SLOWED_IS_NEWS;
        is_news.then(|| telemetry::SpeedLimit {
            fraction: slowed.allowed.fraction,
            turn_only: slowed.allowed.turn_only,
            age_ms: millis(slowed.age),
        })
    }

    /// The viewer `id` talks by the robot, in the name of `user`. True if they may, and then it is they
    /// who drive.
    pub fn talk(&mut self, id: &str, user: Option<&str>, now: Instant) -> bool {
        self.driver_lock.talk(&Source::viewer(id, user), now)
    }

    /// Who drives at `now`.
    pub fn driver(&self, now: Instant) -> Option<telemetry::Driver> {
        self.driver_lock.driver(now)
    }

    /// Who stopped the last driver, while that is news.
    pub fn stopped_by(&self, now: Instant) -> Option<telemetry::StoppedBy> {
        self.driver_lock.stopped_by(now)
    }

    /// What the wheels should do at `now`.
    pub fn wheels(&self, now: Instant) -> Wheels {
        self.running(now)
            .map_or(Wheels::REST, |running| running.wheels(now))
    }

    /// When [`Drive::wheels`] will next answer otherwise than at `now`, if nothing is
    /// accepted before.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        Some(self.running(now)?.next_change(now))
    }

    /// Forgets the running action, whoever sent it.
    pub fn halt(&mut self) {
        self.running = None;
    }

    /// The sender called `id` drives no more, as when a viewer leaves. True if they did.
    pub fn release(&mut self, id: &str) -> bool {
        self.running.take_if(|running| running.sender == id);
        self.driver_lock.release(id)
    }

    fn running(&self, now: Instant) -> Option<&Running> {
        self.running.as_ref().filter(|running| now < running.until)
    }

    /// How long `action` holds.
    fn pulse(&self, action: &Action) -> Duration {
        let asked = action.duration_ms.map(Duration::from_millis);
        asked
            .unwrap_or(self.limits.pulse)
            .min(self.limits.pulse_max)
    }

    fn begin(
        &self,
        action: &Action,
        allowed: Allowed,
        sender: String,
        now: Instant,
    ) -> Option<Running> {
        let speed = action.speed.map_or(self.limits.speed, Throttle::saturating);
        let speed = Throttle::saturating(speed.get() * allowed.fraction);
        let (linear, angular) = action.motion.twist();
        let linear = if allowed.turn_only { 0.0 } else { linear };
        let target = Wheels::mix(linear, angular).scaled(speed);
        let current = self
            .running(now)
            .map_or(Wheels::REST, |running| running.exactly(now));
        let (ramp, pulse) = (self.limits.ramp, self.pulse(action));
        (target != Wheels::REST).then(|| Running::ramp(sender, current, target, ramp, now, pulse))
    }
}

impl Default for Limits {
    /// The sample's 200 ms at half throttle, held no longer than two seconds, no ramp.
    fn default() -> Self {
        Self {
            speed: Throttle::saturating(0.5),
            pulse: Duration::from_millis(200),
            pulse_max: Duration::from_millis(2000),
            stale: Duration::from_millis(1000),
            ramp: Duration::ZERO,
            path: PathLimits::default(),
        }
    }
}
