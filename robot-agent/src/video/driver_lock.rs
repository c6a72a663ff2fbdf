//! Who holds the wheel among those who watch: one at a time. Pure; `docs/driving.md` states
//! the rule in words.
//!
//! The first to send a motion takes the wheel and holds it until they release it, leave, or
//! send nothing for [`SILENCE`]. A stop passes from everybody and takes nobody's wheel.
//! Actions by MQTT do not come this way at all.

use std::time::{Duration, Instant};

/// How long a driver may be silent. Long enough to let go of a key and think, short enough
/// that others are not locked out by a page somebody forgot.
pub(super) const SILENCE: Duration = Duration::from_secs(3);

/// The wheel.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    holder: Option<Holder>,
}

#[derive(Debug)]
struct Holder {
    viewer: String,
    heard: Instant,
}

impl Wheel {
    /// Whether `viewer` may move the robot now; if nobody holds the wheel, they do from here.
    pub(super) fn may_drive(&mut self, viewer: &str, now: Instant) -> bool {
        if self.driver(now).is_some_and(|driver| driver != viewer) {
            return false;
        }
        self.holder = Some(Holder {
            viewer: viewer.to_owned(),
            heard: now,
        });
        true
    }

    /// `viewer` said stop. Everybody may; the driver goes on holding the wheel by it.
    pub(super) fn stopped(&mut self, viewer: &str, now: Instant) {
        if self.driver(now) == Some(viewer) {
            self.may_drive(viewer, now);
        }
    }

    /// `viewer` lets go, or is gone. True if they held the wheel.
    pub(super) fn release(&mut self, viewer: &str, now: Instant) -> bool {
        let held = self.driver(now) == Some(viewer);
        if held {
            self.holder = None;
        }
        held
    }

    /// Who drives.
    pub(super) fn driver(&self, now: Instant) -> Option<&str> {
        self.holder
            .as_ref()
            .filter(|holder| now.saturating_duration_since(holder.heard) < SILENCE)
            .map(|holder| holder.viewer.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn the_first_to_move_drives_and_others_do_not() {
        let (mut wheel, now) = (Wheel::default(), start());
        assert_eq!(wheel.driver(now), None);
        assert!(wheel.may_drive("anna", now));
        assert!(!wheel.may_drive("bert", now));
        assert!(wheel.may_drive("anna", now));
        assert_eq!(wheel.driver(now), Some("anna"));
    }

    #[test]
    fn three_seconds_of_silence_free_the_wheel() {
        let (mut wheel, start) = (Wheel::default(), start());
        let after = |ms| start + Duration::from_millis(ms);
        assert!(wheel.may_drive("anna", start));
        assert!(!wheel.may_drive("bert", after(2_999)));
        assert!(wheel.may_drive("bert", after(3_000)));
        assert!(!wheel.may_drive("anna", after(3_001)));
    }

    #[test]
    fn a_refused_viewer_does_not_prolong_the_silence() {
        let (mut wheel, start) = (Wheel::default(), start());
        let after = |ms| start + Duration::from_millis(ms);
        assert!(wheel.may_drive("anna", start));
        for ms in (100..3_000).step_by(100) {
            assert!(!wheel.may_drive("bert", after(ms)));
        }
        assert!(wheel.may_drive("bert", after(3_000)));
    }

    #[test]
    fn whoever_releases_frees_only_their_own_wheel() {
        let (mut wheel, now) = (Wheel::default(), start());
        assert!(wheel.may_drive("anna", now));
        assert!(!wheel.release("bert", now));
        assert_eq!(wheel.driver(now), Some("anna"));
        assert!(wheel.release("anna", now));
        assert!(wheel.may_drive("bert", now));
    }

    #[test]
    fn a_stop_takes_no_wheel_but_keeps_the_drivers() {
        let (mut wheel, start) = (Wheel::default(), start());
        let after = |ms| start + Duration::from_millis(ms);
        wheel.stopped("bert", start);
        assert_eq!(wheel.driver(start), None);
        assert!(wheel.may_drive("anna", start));
        wheel.stopped("bert", after(1_000));
        wheel.stopped("anna", after(2_000));
        assert_eq!(wheel.driver(after(4_000)), Some("anna"));
        assert_eq!(wheel.driver(after(5_000)), None);
    }
}
