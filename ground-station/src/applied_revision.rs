//! Up to which revision of the store the running station acts; a command waits for its own.
//!
//! So `new-key` prints a key that works, and after `revoke` the robot is out.

use crate::state_dir::{self, PUBLIC, StateDir};
use std::time::Duration;
use tracing::warn;

/// How often a command looks.
const POLL: Duration = Duration::from_millis(10);

/// How often it looks before it goes on without: restarting the broker takes a fraction of a
/// second, twice that on a busy Pi.
const POLLS: u32 = 500;

/// What became of a command's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The running station acts by it.
    Applied,
    /// No station runs with this folder; the next one will act by it.
    AtNextRun,
    /// A station runs, but has not said so in time.
    NotYet,
}

/// Says that the station acts by everything up to `revision`.
pub(crate) fn record(state_dir: &StateDir, revision: u64) {
    let text = revision.to_string();
    let path = state_dir.applied_revision();
    if let Err(error) = state_dir::write(&path, text.as_bytes(), PUBLIC) {
        warn!(%error, "commands cannot see that their change is applied");
    }
}

/// Waits until the running station, if there is one, acts by `revision`.
pub(crate) fn wait(state_dir: &StateDir, revision: u64) -> Outcome {
    for _ in 0..POLLS {
        let applied = std::fs::read_to_string(state_dir.applied_revision()).ok();
        let applied: Option<u64> = applied.and_then(|text| text.parse().ok());
        // Asked second: a station that starts reads everything before it holds the lock.
        if state_dir.lock_run().is_ok() {
            return Outcome::AtNextRun;
        }
        if applied.is_some_and(|applied| applied >= revision) {
            return Outcome::Applied;
        }
        std::thread::sleep(POLL);
    }
    Outcome::NotYet
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_change_waits_for_a_station_only_while_one_runs() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(dir.path()).unwrap();
        record(&state_dir, 4);
        let mode = std::fs::metadata(state_dir.applied_revision())
            .unwrap()
            .mode();
        assert_eq!(mode & 0o777, PUBLIC);
        assert_eq!(wait(&state_dir, 5), Outcome::AtNextRun);
        let running = state_dir.lock_run().unwrap();
        assert_eq!(wait(&state_dir, 4), Outcome::Applied);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&state_dir, 5));
            record(&state_dir, 5);
            assert_eq!(waiting.join().unwrap(), Outcome::Applied);
        });
        drop(running);
    }
}
