//! What both wheels do.

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

    pub(super) fn scaled(self, by: Throttle) -> Self {
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
