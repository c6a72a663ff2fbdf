//! What the wheels do: actions and `now` in, throttles out.
//!
//! Owns the meaning of an action: the newest one of the one who drives wins at once and holds
//! for its duration, silence after that is rest, a stop is always obeyed. Knows no clock, no
//! bus, no MQTT; `motors` asks it, from one thread, under one lock.

mod driver_lock;
mod freshness;
mod path_speed;
mod robot_clock;
mod sequence;
mod source;

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
use robot_clock::RobotClock;
use sequence::Sequence;

pub use path_speed::PathLimits;
pub use source::Source;

/// How often a ramp is followed: 50 steps a second are smoother than any gearbox, and few
/// enough for a bus at 100 kHz.
const RAMP_STEP: Duration = Duration::from_millis(20);

/// From full speed to rest for who lets go of a key: the robot does not nod, and rests sooner than
/// the pulse of its last action would have let it. `stop` takes no time.
const SOFT_STOP: Duration = Duration::from_millis(150);

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
    age: Option<Duration>,
    now: Instant,
}

/// An action, and what is known of its way here.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// What was received.
    pub action: &'a Action,
    /// From where.
    pub source: &'a Source,
    /// The earliest moment at which it can have been sent, as far as the robot knows itself.
    pub sent_after: Option<Instant>,
    /// When it was received.
    pub now: Instant,
    /// The time of day then, in Unix milliseconds.
    pub unix_ms: u64,
}

/// Why a valid action did not move the wheels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// Given too long ago, or nothing says that it was not.
    #[error("given too long ago")]
    Stale,
    /// `seq` is not above the last one seen of that sender.
    #[error("older than, or the same as, the last one of its sender")]
    OutOfOrder,
    /// Somebody else drives, or another's stop holds until its sender has let go.
    #[error("another drives, or has stopped the robot and the key was not let go since")]
    NotDriver,
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
    /// An action given longer ago than this is dropped; zero turns this off.
    pub stale: Duration,
    /// From rest to full throttle; zero turns the ramp off.
    pub ramp: Duration,
    /// What a slow network leaves of the speed.
    pub path: PathLimits,
}

/// The accepted action that holds until `until`.
#[derive(Clone, Debug)]
struct Running {
    sender: String,
    since: Instant,
    until: Instant,
    course: Course,
}

/// How the wheels get from what they do to what they shall do.
#[derive(Clone, Copy, Debug)]
enum Course {
    /// Up to a target, by the owner's ramp.
    Ramp { left: Slope, right: Slope },
    /// From what they did, evenly down to rest when the action is over.
    SoftStop(Wheels),
}

/// Where a ramp begins: below this small gear motors hum and do not turn, and who presses a key
/// waits.
const RAMP_FROM: f64 = 0.2;

/// One wheel's way to its target, from where it is or else from [`RAMP_FROM`].
#[derive(Clone, Copy, Debug)]
struct Slope {
    /// Without its sign.
    start: f64,
    target: f64,
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
        let person = arrival.source.person(action);
        if action.motion == Motion::Stop {
            self.sequence.note(action, &person.id, now);
            self.driver_lock.stop(&person, now);
            self.running = None;
            return Ok(());
        }
        if self.sequence.is_overtaken(action, &person.id, now) {
            return Err(Dropped::OutOfOrder);
        }
        if action.motion.twist() == (0.0, 0.0) {
            // Rest is never too late, but only the driver may ask for it in this way.
            self.sequence.note(action, &person.id, now);
            if self.driver_lock.let_go(&person, now) {
                self.running = self.soft_stop(now);
            }
            let other = self
                .driver(now)
                .is_some_and(|driver| driver.id != person.id);
            return if other {
                Err(Dropped::NotDriver)
            } else {
                Ok(())
            };
        }
        self.driver_lock.heard(&person.id, now);
        let age = self.freshness.check(arrival, &person.id)?;
        self.sequence.note(action, &person.id, now);
        if !self.driver_lock.admit(&person, now) {
            return Err(Dropped::NotDriver);
        }
        let allowed = self.limits.path.allow(age);
        self.slowed = (allowed != Allowed::ALL).then_some(Slowed { allowed, age, now });
        self.running = self.begin(action, allowed, person.id, now);
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
            age_ms: slowed
                .age
                .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        })
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
        let Some(running) = self.running.as_ref().filter(|r| now < r.until) else {
            return Wheels::REST;
        };
        let elapsed = now.saturating_duration_since(running.since);
        match running.course {
            Course::Ramp { left, right } => Wheels {
                left: left.at(elapsed, self.limits.ramp),
                right: right.at(elapsed, self.limits.ramp),
            },
            Course::SoftStop(from) => {
                let left_to_go = running.until.saturating_duration_since(now);
                let all = running.until.saturating_duration_since(running.since);
                from.scaled(Throttle::saturating(left_to_go.div_duration_f64(all)))
            }
        }
    }

    /// When [`Drive::wheels`] will next answer otherwise than at `now`, if nothing is
    /// accepted before.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let running = self.running.as_ref().filter(|r| now < r.until)?;
        let ramp = self.limits.ramp;
        let settled = match running.course {
            Course::Ramp { left, right } => {
                running.since + left.settles_in(ramp).max(right.settles_in(ramp))
            }
            Course::SoftStop(_) => running.until,
        };
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

    /// The sender called `id` drives no more, as when a viewer leaves. True if they did.
    pub fn release(&mut self, id: &str) -> bool {
        self.running.take_if(|running| running.sender == id);
        self.driver_lock.release(id)
    }

    /// The way to rest of who has let go. It never takes longer than silence would.
    fn soft_stop(&self, now: Instant) -> Option<Running> {
        let running = self.running.as_ref().filter(|r| now < r.until)?;
        if let Course::SoftStop(_) = running.course {
            return self.running.clone();
        }
        let takes = SOFT_STOP.min(self.limits.ramp);
        (!takes.is_zero()).then(|| Running {
            sender: running.sender.clone(),
            since: now,
            until: running.until.min(now + takes),
            course: Course::SoftStop(self.wheels(now)),
        })
    }

    fn begin(
        &self,
        action: &Action,
        allowed: Allowed,
        sender: String,
        now: Instant,
    ) -> Option<Running> {
        let speed = action.speed.map_or(self.limits.speed, Throttle::saturating);
        let speed = Throttle::saturating(speed.0 * allowed.fraction);
        let (linear, angular) = action.motion.twist();
        let linear = if allowed.turn_only { 0.0 } else { linear };
        let target = Wheels::mix(linear, angular).scaled(speed);
        let current = self.wheels(now);
        let pulse = action
            .duration_ms
            .map_or(self.limits.pulse, Duration::from_millis);
        (target != Wheels::REST).then(|| Running {
            sender,
            since: now,
            until: now + pulse.min(self.limits.pulse_max),
            course: Course::Ramp {
                left: Slope::towards(target.left, current.left),
                right: Slope::towards(target.right, current.right),
            },
        })
    }
}

impl Slope {
    /// Less power, and the way back to zero in a reversal, are taken at once.
    fn towards(target: Throttle, current: Throttle) -> Self {
        let same_way = target.0 * current.0 > 0.0;
        Self {
            start: if same_way { current.0.abs() } else { 0.0 }.max(RAMP_FROM),
            target: target.0,
        }
    }

    fn at(self, elapsed: Duration, ramp: Duration) -> Throttle {
        if elapsed >= self.settles_in(ramp) {
            return Throttle(self.target);
        }
        let gained = elapsed.as_secs_f64() / ramp.as_secs_f64();
        let magnitude = (self.start + gained).min(self.target.abs());
        Throttle::saturating(magnitude.copysign(self.target))
    }

    /// `ramp` is the time for the whole way from rest to full throttle.
    fn settles_in(self, ramp: Duration) -> Duration {
        ramp.mul_f64((self.target.abs() - self.start).clamp(0.0, 1.0))
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
            path: PathLimits::default(),
        }
    }
}
