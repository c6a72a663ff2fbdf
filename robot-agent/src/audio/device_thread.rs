//! A device that is open while it is wanted, and opened again when it fails: what its thread is
//! told, and what it tells.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::device::Direction;
use crate::clock::now;

/// A device that ran this long was well; what befell it then is a new fault.
const STEADY: Duration = Duration::from_secs(10);

/// Waits between attempts: soon at first, as a device just plugged in needs a moment, and never so
/// seldom that its owner would wonder.
const RETRY: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

#[derive(Default)]
struct State {
    wanted: bool,
    stop: bool,
    /// What ends the run.
    error: Option<String>,
    /// What is wrong, until it is well again.
    fault: Option<String>,
    /// The device in words, while it is open.
    running: Option<String>,
}

/// What a device's thread and all others share.
#[derive(Default)]
pub(super) struct DeviceControl {
    state: Mutex<State>,
    changed: Condvar,
}

impl DeviceControl {
    pub(super) fn set_wanted(&self, wanted: bool) {
        self.update(|state| state.wanted = wanted);
    }

    pub(super) fn stop(&self) {
        self.update(|state| state.stop = true);
    }

    /// Ends the run; the first error is the cause, those after it are its consequences.
    pub(super) fn fail(&self, error: String) {
        self.update(|state| _ = state.error.get_or_insert(error));
    }

    /// What is wrong, in words.
    pub(super) fn fault(&self) -> Option<String> {
        self.lock().fault.clone()
    }

    /// The device in words, once it has given or taken sound.
    pub(super) fn running(&self) -> Option<String> {
        self.lock().running.clone()
    }

    /// The device gives or takes sound.
    pub(super) fn works(&self, words: &str) {
        let mut state = self.lock();
        if state.running.is_none() {
            state.running = Some(words.to_owned());
        }
        state.fault = None;
    }

    /// It gives sound, but there is something to say about it.
    pub(super) fn complain(&self, fault: &str) {
        let mut state = self.lock();
        if state.fault.as_deref() != Some(fault) {
            tracing::warn!("{fault}");
            state.fault = Some(fault.to_owned());
        }
    }

    /// Waits until then; whether the device is still wanted.
    ///
    /// # Errors
    /// What [`Self::fail`] was told.
    pub(super) fn wait(&self, until: Option<Instant>) -> Result<bool, String> {
        let mut state = self.lock();
        loop {
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            if state.stop || !state.wanted {
                return Ok(false);
            }
            let left = until.map(|until| until.saturating_duration_since(now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(true);
            }
            state = self.sleep(state, left);
        }
    }

    /// False when asked to stop.
    fn wait_until_wanted(&self) -> bool {
        let mut state = self.lock();
        while !state.stop && !state.wanted {
            state = self.sleep(state, None);
        }
        state.error = None;
        !state.stop
    }

    /// False when asked to stop.
    fn pause(&self, pause: Duration) -> bool {
        let until = now() + pause;
        let mut state = self.lock();
        loop {
            let left = until.saturating_duration_since(now());
            if state.stop || left.is_zero() {
                return !state.stop;
            }
            state = self.sleep(state, Some(left));
        }
    }

    fn sleep<'a>(
        &self,
        state: MutexGuard<'a, State>,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        let limit = limit.unwrap_or(Duration::from_secs(3600));
        let woken = self.changed.wait_timeout(state, limit);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until it is asked to stop. `run_once` opens the device and serves it until it is not wanted.
pub(super) fn run(
    direction: Direction,
    control: &DeviceControl,
    mut run_once: impl FnMut() -> Result<(), String>,
) {
    let mut failures = 0;
    while control.wait_until_wanted() {
        let begun = now();
        let ended = catch_unwind(AssertUnwindSafe(&mut run_once));
        control.lock().running = None;
        let Err(why) = ended.unwrap_or_else(|_| Err("a bug in this program".to_owned())) else {
            continue;
        };
        if now().saturating_duration_since(begun) > STEADY {
            failures = 0;
        }
        let pause = RETRY[failures.min(RETRY.len() - 1)];
        failures += 1;
        control.complain(&format!("{}: {why}", direction.word()));
        if !control.pause(pause) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_device_that_fails_is_opened_again_and_its_fault_said_until_it_works() {
        let control = Arc::new(DeviceControl::default());
        let opened = Arc::new(AtomicU32::new(0));
        control.set_wanted(true);
        let thread = {
            let (control, opened) = (Arc::clone(&control), Arc::clone(&opened));
            std::thread::spawn(move || {
                run(Direction::Microphone, &control, || {
                    match opened.fetch_add(1, Ordering::Relaxed) {
                        0 => Err("no microphone found".to_owned()),
                        1 => panic!("a bug"),
                        _ => {
                            control.works("a microphone");
                            control.wait(None).map(|_| ())
                        }
                    }
                });
            })
        };
        let until = |what: &str, wanted: &dyn Fn() -> bool| {
            let limit = now() + Duration::from_secs(20);
            while !wanted() {
                assert!(now() < limit, "never {what}: {:?}", control.fault());
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        until("a fault", &|| {
            control.fault().as_deref() == Some("microphone: no microphone found")
        });
        until("works", &|| control.running().is_some());
        assert_eq!(control.fault(), None);
        control.fail("unplugged".to_owned());
        until("unplugged", &|| {
            control.fault().as_deref() == Some("microphone: unplugged")
        });
        control.stop();
        thread.join().unwrap();
    }
}
