//! `tether PARENT PROGRAM…`: becomes PROGRAM, which the kernel ends when PARENT does, even
//! when PARENT was killed and could do nothing about it any more.
//!
//! The kernel's tie is to the thread that started this program, not to its process; the
//! threads of a tokio runtime that run tasks live as long as the runtime.

use anyhow::{Context, ensure};
use clap::Args;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;

#[derive(Debug, Args)]
pub(super) struct Tether {
    /// Process id of whoever starts this
    parent: i32,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

impl Tether {
    pub(super) fn run(self) -> anyhow::Result<()> {
        set_parent_process_death_signal(Some(Signal::TERM))
            .context("the kernel does not tie this process to its parent")?;
        // A parent that died before the line above is not noticed by it.
        ensure!(
            getppid() == Pid::from_raw(self.parent),
            "the parent {} is gone",
            self.parent
        );
        let error = std::process::Command::new(&self.program[0])
            .args(&self.program[1..])
            .exec();
        Err(error).with_context(|| format!("cannot start {}", self.program[0].display()))
    }
}
