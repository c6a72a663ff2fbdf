//! The accepted action that holds, and what the wheels do meanwhile. Pure.

use std::time::{Duration, Instant};

use super::ramp::Slope;
use super::wheels::{Throttle, Wheels};

/// How often a ramp is followed: 50 steps a second are smoother than any gearbox, and few
/// enough for a bus at 100 kHz.
pub(super) const RAMP_STEP: Duration = Duration::from_millis(20);

/// From full speed to rest for who lets go of a key: the robot does not nod, and rests sooner than
/// the pulse of its last action would have let it. `stop` takes no time.
const SOFT_STOP: Duration = Duration::from_millis(150);

/// Holds until `until`.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) sender: String,
    pub(super) until: Instant,
    since: Instant,
    /// From when on nothing changes.
    settled: Instant,
    profile: Profile,
}

/// How the wheels get from what they do to what they shall do.
#[derive(Clone, Copy, Debug)]
enum Profile {
    /// Up to a target, by the owner's ramp.
    Ramp {
        left: Slope,
        right: Slope,
        ramp: Duration,
    },
    /// From what they did, evenly down to rest when the action is over.
    SoftStop(Wheels),
}

impl Running {
    /// From `current` to `target`, which is held for `pulse`.
    pub(super) fn ramp(
        sender: String,
        current: Wheels,
        target: Wheels,
        ramp: Duration,
        now: Instant,
        pulse: Duration,
    ) -> Self {
        let left = Slope::towards(target.left, current.left);
        let right = Slope::towards(target.right, current.right);
        Self {
            sender,
            until: now + pulse,
            since: now,
            settled: now + left.settles_in(ramp).max(right.settles_in(ramp)),
            profile: Profile::Ramp { left, right, ramp },
        }
    }

    /// The way to rest of who has let go; none where there is no ramp. It never takes longer than
    /// silence would.
    pub(super) fn soft_stop(&self, ramp: Duration, now: Instant) -> Option<Self> {
        if let Profile::SoftStop(_) = self.profile {
            return Some(self.clone());
        }
        let takes = SOFT_STOP.min(ramp);
        let until = self.until.min(now + takes);
        (!takes.is_zero()).then(|| Self {
            sender: self.sender.clone(),
            until,
            since: now,
            settled: until,
            profile: Profile::SoftStop(self.exactly(now)),
        })
    }

    /// What the wheels should do at `now`: on a ramp, what they should do since its last step.
    pub(super) fn wheels(&self, now: Instant) -> Wheels {
        self.exactly(if now < self.settled {
            self.step(now)
        } else {
            now
        })
    }

    /// What the wheels should do at `now` on a ramp without steps.
    pub(super) fn exactly(&self, now: Instant) -> Wheels {
        let elapsed = now.saturating_duration_since(self.since);
        match self.profile {
            Profile::Ramp { left, right, ramp } => Wheels {
                left: left.at(elapsed, ramp),
                right: right.at(elapsed, ramp),
            },
            Profile::SoftStop(from) => {
                let left_to_go = self.until.saturating_duration_since(now);
                let all = self.until.saturating_duration_since(self.since);
                from.scaled(Throttle::saturating(left_to_go.div_duration_f64(all)))
            }
        }
    }

    /// When [`Self::wheels`] will next answer otherwise than at `now`.
    pub(super) fn next_change(&self, now: Instant) -> Instant {
        if now < self.settled {
            let next = self.step(now) + RAMP_STEP;
            next.min(self.settled).min(self.until)
        } else {
            self.until
        }
    }

    /// The last step of the ramp before `now`.
    fn step(&self, now: Instant) -> Instant {
        let elapsed = now.saturating_duration_since(self.since);
        let steps = elapsed.as_millis() / RAMP_STEP.as_millis();
        self.since + RAMP_STEP * u32::try_from(steps).unwrap_or(u32::MAX)
    }
}
