//! The command line: what can be asked, and which exit code an answer has.

mod accounts;
mod context;
mod drive_log;
mod external_broker;
mod robots;
mod tether;

use crate::broker::mosquitto::NotInstalled;
use crate::ca::UnusableCa;
use crate::config::Config;
use crate::state_dir::StateDirError;
use crate::store::StoreError;
use clap::{Parser, Subcommand};
use context::CommandContext;
use daemon::exit_code;
use std::path::PathBuf;

/// Everything an Outpost needs from the cloud, on one machine
#[derive(Debug, Parser)]
#[command(name = "ground-station", version, arg_required_else_help = true)]
pub struct Cli {
    /// Folder of everything that must survive a restart; made when absent
    #[arg(
        long,
        value_name = "DIR",
        env = "STATE_DIRECTORY",
        default_value = "outpost-state"
    )]
    state: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve, until asked to stop
    Run(Box<Config>),
    /// Make a certificate, its key and a config.json for a robot
    NewRobot(robots::NewRobot),
    /// Make a certificate that may drive every robot over MQTT
    NewOperator(robots::NewOperator),
    /// Revoke all certificates of a robot or operator, or a user or an API key
    Revoke(robots::Revoke),
    /// Make a user of the web console; the password is printed once
    NewUser(accounts::NewUser),
    /// Make an API key; it is printed once
    NewKey(accounts::NewKey),
    /// Print who drove a robot, and when
    Log(drive_log::Log),
    /// Write the configuration for a Mosquitto that `run --external-broker` uses
    ExternalBroker(external_broker::ExternalBroker),
    /// Run a program that ends when its parent does
    #[command(hide = true)]
    Tether(tether::Tether),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// In words; [`exit_code_of`] says what they mean for the process.
    pub fn run(self) -> anyhow::Result<()> {
        let context = || CommandContext::open(&self.state);
        match self.command {
            Command::Run(config) => crate::run_until_signalled(&self.state, *config),
            Command::NewRobot(command) => command.run(&context()?),
            Command::NewOperator(command) => command.run(&context()?),
            Command::Revoke(command) => command.run(&context()?),
            Command::NewUser(command) => command.run(&context()?),
            Command::NewKey(command) => command.run(&context()?),
            Command::Log(command) => command.run(&context()?),
            Command::ExternalBroker(command) => command.run(&context()?),
            Command::Tether(command) => command.run(),
        }
    }
}

/// 78 for what a restart will not cure, else 1.
pub fn exit_code_of(error: &anyhow::Error) -> u8 {
    let needs_owner = error.chain().any(|cause| {
        cause.is::<UnusableCa>()
            || cause.is::<NotInstalled>()
            || matches!(
                cause.downcast_ref(),
                Some(StateDirError::Foreign(_) | StateDirError::Lost { .. })
            )
            || matches!(
                cause.downcast_ref(),
                Some(
                    StoreError::Newer { .. } | StoreError::Unreadable { .. } | StoreError::Lost(_)
                )
            )
    });
    if needs_owner { exit_code::CONFIG } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
