//! What every command but `run` works with: the state folder and what it holds.

use crate::applied_revision::{self, Outcome, Unreached};
use crate::ca::Ca;
use crate::clock;
use crate::state_dir::StateDir;
use crate::store::Store;
use daemon::log;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use time::OffsetDateTime;
use wire::signaling::permitted::LIFE;

pub(super) struct CommandContext {
    pub(super) state_dir: StateDir,
    pub(super) store: Store,
    pub(super) ca: Ca,
}

impl CommandContext {
    pub(super) fn open(state: &Path) -> anyhow::Result<Self> {
        let state_dir = StateDir::open(state)?;
        let store = Store::open_in(&state_dir)?;
        let ca = Ca::open(&state_dir, clock::utc())?;
        Ok(Self {
            state_dir,
            store,
            ca,
        })
    }

    /// Waits until the running station, if there is one, acts by what was changed.
    pub(super) fn wait_until_applied(&self) -> Outcome {
        let revision = self.store.directory().revision;
        let outcome = applied_revision::wait(&self.state_dir, revision);
        if outcome == Outcome::NotYet {
            log::line("the running station has not taken this up yet; its log may say why");
        }
        outcome
    }

    /// Waits until everybody is out from whom something was taken, and says where that is not
    /// known: at which of the robots that `concerned` accepts.
    pub(super) fn wait_until_out(&self, concerned: impl Fn(&str) -> bool) {
        let revision = self.store.directory().revision;
        let minutes = LIFE.as_secs() / 60;
        if self.wait_until_applied() == Outcome::AtNextRun {
            log::line(format_args!(
                "no station runs: robots that were connected to one end their viewers {minutes} \
                 minutes after it has ended, or when the next has told them"
            ));
        }
        for Unreached { robot, until_s, .. } in
            applied_revision::unreached(&self.state_dir, revision)
        {
            if concerned(&robot) {
                log::line(not_reached(&robot, until_s));
            }
        }
    }
}

fn not_reached(robot: &str, until_s: u64) -> String {
    let until = i64::try_from(until_s).ok();
    let until = until.and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    let (hour, minute, second) = until.unwrap_or(OffsetDateTime::UNIX_EPOCH).to_hms();
    format!(
        "{robot} was not reached: whoever watches it already may go on, and drive, until \
         {hour:02}:{minute:02}:{second:02} UTC at the latest"
    )
}

/// Prints a line for whoever gave the command; unlike `println`, a closed pipe is no panic.
pub(super) fn print(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_that_was_not_reached_is_named_with_the_time_of_day() {
        let said = not_reached("rover", 1_763_690_705);
        assert!(said.starts_with("rover was not reached"), "{said}");
        assert!(said.contains("until 02:05:05 UTC"), "{said}");
    }
}
