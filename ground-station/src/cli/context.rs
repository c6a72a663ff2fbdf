//! What every command but `run` works with: the state folder and what it holds.

use crate::applied_revision::{self, Outcome};
use crate::ca::Ca;
use crate::clock;
use crate::state_dir::StateDir;
use crate::store::Store;
use daemon::log;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

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
    pub(super) fn wait_until_applied(&self) {
        let revision = self.store.directory().revision;
        if applied_revision::wait(&self.state_dir, revision) == Outcome::NotYet {
            log::line("the running station has not taken this up yet; its log may say why");
        }
    }
}

/// Prints a line for whoever gave the command; unlike `println`, a closed pipe is no panic.
pub(super) fn print(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}
