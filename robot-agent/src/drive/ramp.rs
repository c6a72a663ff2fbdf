//! One wheel's way to what it shall do. Pure.

use std::time::Duration;

use super::wheels::Throttle;

/// Where a ramp begins: below this small gear motors hum and do not turn, and who presses a key
/// waits.
const RAMP_FROM: f64 = 0.2;

/// One wheel's way to its target, from where it is or else from [`RAMP_FROM`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Slope {
    /// Without its sign.
    start: f64,
    target: f64,
}

impl Slope {
    /// Less power, and the way back to zero in a reversal, are taken at once.
    pub(super) fn towards(target: Throttle, current: Throttle) -> Self {
        let same_way = target.get() * current.get() > 0.0;
        Self {
            start: if same_way { current.get().abs() } else { 0.0 }.max(RAMP_FROM),
            target: target.get(),
        }
    }

    pub(super) fn at(self, elapsed: Duration, ramp: Duration) -> Throttle {
        if elapsed >= self.settles_in(ramp) {
            return Throttle::saturating(self.target);
        }
        let gained = elapsed.as_secs_f64() / ramp.as_secs_f64();
        let magnitude = (self.start + gained).min(self.target.abs());
        Throttle::saturating(magnitude.copysign(self.target))
    }

    /// `ramp` is the time for the whole way from rest to full throttle.
    pub(super) fn settles_in(self, ramp: Duration) -> Duration {
        ramp.mul_f64((self.target.abs() - self.start).clamp(0.0, 1.0))
    }
}
