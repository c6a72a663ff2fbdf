//! Up to which revision of the store the running station acts, and its robots; a command waits
//! for its own.
//!
//! So `new-key` prints a key that works, and after `revoke` the robot is out, and who watched it.

use crate::state_dir::{self, PUBLIC, StateDir};
use serde::{Deserialize, Serialize};
use std::path::Path;
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

/// What the robots make of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Robots {
    /// All of them act by everything up to here, but for those that were not reached.
    pub revision: u64,
    pub unreached: Vec<Unreached>,
}

/// A robot that could not be told of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unreached {
    pub robot: String,
    /// The change.
    pub revision: u64,
    /// When it has ended all its viewers at the latest, in Unix seconds.
    pub until_s: u64,
}

/// Says that the station acts by everything up to `revision`.
pub(crate) fn record(state_dir: &StateDir, revision: u64) {
    write(&state_dir.applied_revision(), &revision.to_string());
}

/// Says what the robots act by.
pub(crate) fn record_robots(state_dir: &StateDir, robots: &Robots) {
    let text = serde_json::to_string(robots).expect("names and numbers are always JSON");
    write(&state_dir.robots_revision(), &text);
}

fn write(path: &Path, text: &str) {
    if let Err(error) = state_dir::write(path, text.as_bytes(), PUBLIC) {
        warn!(%error, "commands cannot see that their change is applied");
    }
}

/// The robots that could not be told of `revision`, or of one after it.
pub(crate) fn unreached(state_dir: &StateDir, revision: u64) -> Vec<Unreached> {
    let mut unreached = robots(state_dir).unwrap_or_default().unreached;
    unreached.retain(|robot| robot.revision >= revision);
    unreached
}

fn robots(state_dir: &StateDir) -> Option<Robots> {
    let text = std::fs::read_to_string(state_dir.robots_revision()).ok()?;
    serde_json::from_str(&text).ok()
}

/// Waits until the running station, if there is one, acts by `revision`, and has told its robots.
pub(crate) fn wait(state_dir: &StateDir, revision: u64) -> Outcome {
    for _ in 0..POLLS {
        let applied = std::fs::read_to_string(state_dir.applied_revision()).ok();
        let applied: Option<u64> = applied.and_then(|text| text.parse().ok());
        // Asked second: a station that starts reads everything before it holds the lock.
        if state_dir.lock_run().is_ok() {
            return Outcome::AtNextRun;
        }
        let told = robots(state_dir).map(|robots| robots.revision);
        if applied >= Some(revision) && told >= Some(revision) {
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
        let robots = |revision, unreached: &[Unreached]| {
            let unreached = unreached.to_vec();
            record_robots(
                &state_dir,
                &Robots {
                    revision,
                    unreached,
                },
            );
        };
        record(&state_dir, 4);
        robots(4, &[]);
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
            let rover = Unreached {
                robot: "rover".into(),
                revision: 5,
                until_s: 100,
            };
            robots(6, std::slice::from_ref(&rover));
            assert_eq!(waiting.join().unwrap(), Outcome::Applied);
            assert_eq!(unreached(&state_dir, 5), [rover]);
            assert_eq!(unreached(&state_dir, 6), []);
        });
        drop(running);
    }
}
