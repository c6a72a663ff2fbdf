//! When a command's change is in force: the running station says up to which revision of the
//! store it acts, and a command waits for its own.
//!
//! So `new-key` prints a key that works, and after `revoke` the robot is out.

use crate::state_dir::{self, PUBLIC, StateDir};
use std::time::Duration;
use tracing::warn;

/// How often a command looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often it looks before it goes on without: restarting the broker takes a fraction of a
/// second, twice that on a busy Pi.
const LOOKS: u32 = 500;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The running station acts by it.
    InForce,
    /// No station runs with this folder; the next one will act by it.
    AtNextRun,
    /// A station runs, but has not said so in time.
    NotYet,
}

/// Says that the station acts by everything up to `revision`.
pub fn record(folder: &StateDir, revision: u64) {
    let text = revision.to_string();
    if let Err(error) = state_dir::write(&folder.in_force(), text.as_bytes(), PUBLIC) {
        warn!(%error, "commands cannot be told that their change is in force");
    }
}

/// Waits until the running station, if there is one, acts by `revision`.
pub fn wait(folder: &StateDir, revision: u64) -> Applied {
    for _ in 0..LOOKS {
        let said = std::fs::read_to_string(folder.in_force()).ok();
        let said: Option<u64> = said.and_then(|text| text.parse().ok());
        // Asked second: a station that starts reads everything before it holds the lock.
        if folder.lock_run().is_ok() {
            return Applied::AtNextRun;
        }
        if said.is_some_and(|said| said >= revision) {
            return Applied::InForce;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Applied::NotYet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_waits_for_a_station_only_while_one_runs() {
        let dir = tempfile::tempdir().unwrap();
        let folder = StateDir::open(dir.path()).unwrap();
        record(&folder, 4);
        assert_eq!(wait(&folder, 5), Applied::AtNextRun);
        let running = folder.lock_run().unwrap();
        assert_eq!(wait(&folder, 4), Applied::InForce);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&folder, 5));
            record(&folder, 5);
            assert_eq!(waiting.join().unwrap(), Applied::InForce);
        });
        drop(running);
    }
}
