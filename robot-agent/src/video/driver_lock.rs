//! Which viewer may drive: one at a time. Pure; `docs/driving.md` states the rule in words.
//!
//! The first to send a motion takes the lock and holds it until they release it, leave, or
//! send nothing for [`TIMEOUT`]. A stop passes from everybody and takes nobody's lock.
//! Actions by MQTT do not come this way at all.

use std::time::{Duration, Instant};

/// How long a driver may send nothing. Long enough to release a key and think, short enough
/// that others are not locked out by a page somebody forgot.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub(super) struct DriverLock {
    holder: Option<Holder>,
}

#[derive(Debug)]
struct Holder {
    viewer: String,
    renewed: Instant,
}

impl DriverLock {
    /// Whether `viewer` may move the robot now. Takes a lock that is free, renews their own.
    pub(super) fn acquire(&mut self, viewer: &str, now: Instant) -> bool {
        if self.driver(now).is_some_and(|driver| driver != viewer) {
            return false;
        }
        self.holder = Some(Holder {
            viewer: viewer.to_owned(),
            renewed: now,
        });
        true
    }

    /// Keeps the lock of `viewer` who sent a stop; takes none.
    pub(super) fn renew(&mut self, viewer: &str, now: Instant) {
        if self.driver(now) == Some(viewer) {
            self.acquire(viewer, now);
        }
    }

    /// True if `viewer` held the lock.
    pub(super) fn release(&mut self, viewer: &str, now: Instant) -> bool {
        let held = self.driver(now) == Some(viewer);
        if held {
            self.holder = None;
        }
        held
    }

    pub(super) fn driver(&self, now: Instant) -> Option<&str> {
        self.holder
            .as_ref()
            .filter(|holder| now.saturating_duration_since(holder.renewed) < TIMEOUT)
            .map(|holder| holder.viewer.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    #[test]
    fn the_first_to_move_drives_and_others_do_not() {
        let (mut lock, now) = (DriverLock::default(), now());
        assert_eq!(lock.driver(now), None);
        assert!(lock.acquire("anna", now));
        assert!(!lock.acquire("bert", now));
        assert!(lock.acquire("anna", now));
        assert_eq!(lock.driver(now), Some("anna"));
    }

    #[test]
    fn three_seconds_of_silence_free_the_lock() {
        let (mut lock, start) = (DriverLock::default(), now());
        let after = |ms| start + Duration::from_millis(ms);
        assert!(lock.acquire("anna", start));
        assert!(!lock.acquire("bert", after(2_999)));
        assert!(lock.acquire("bert", after(3_000)));
        assert!(!lock.acquire("anna", after(3_001)));
    }

    #[test]
    fn a_refused_viewer_does_not_prolong_the_silence() {
        let (mut lock, start) = (DriverLock::default(), now());
        let after = |ms| start + Duration::from_millis(ms);
        assert!(lock.acquire("anna", start));
        for ms in (100..3_000).step_by(100) {
            assert!(!lock.acquire("bert", after(ms)));
        }
        assert!(lock.acquire("bert", after(3_000)));
    }

    #[test]
    fn whoever_releases_frees_only_their_own_lock() {
        let (mut lock, now) = (DriverLock::default(), now());
        assert!(lock.acquire("anna", now));
        assert!(!lock.release("bert", now));
        assert_eq!(lock.driver(now), Some("anna"));
        assert!(lock.release("anna", now));
        assert!(lock.acquire("bert", now));
    }

    #[test]
    fn a_stop_takes_no_lock_but_keeps_the_drivers() {
        let (mut lock, start) = (DriverLock::default(), now());
        let after = |ms| start + Duration::from_millis(ms);
        lock.renew("bert", start);
        assert_eq!(lock.driver(start), None);
        assert!(lock.acquire("anna", start));
        lock.renew("bert", after(1_000));
        lock.renew("anna", after(2_000));
        assert_eq!(lock.driver(after(4_000)), Some("anna"));
        assert_eq!(lock.driver(after(5_000)), None);
    }
}
