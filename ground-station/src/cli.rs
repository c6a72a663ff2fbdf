//! The command line: what can be asked, and which exit code an answer has.

mod accounts;
mod external_broker;
mod robots;
mod tether;

use crate::applied_revision::{self, Applied};
use crate::ca::Ca;
use crate::clock;
use crate::config::Settings;
use crate::state_dir::{StateDir, StateDirError};
use crate::store::{Store, StoreError};
use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;

/// Exit code of a command line that cannot be understood (sysexits' EX_USAGE).
pub const USAGE: u8 = 64;

/// Exit code of a set-up that a restart will not cure (sysexits' EX_CONFIG).
pub const CONFIG: u8 = 78;

/// Everything an Outpost needs from the cloud, on one machine
#[derive(Debug, Parser)]
#[command(name = "ground-station", version, arg_required_else_help = true)]
pub struct Cli {
    /// StateDir of everything that must survive a restart; made when absent
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
    Run(Box<Settings>),
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
    /// Write the configuration for a Mosquitto that `run --external-broker` uses
    ExternalBroker(external_broker::ExternalBroker),
    /// Run a program that ends when its parent does
    #[command(hide = true)]
    Tether(tether::Tether),
}

/// A set-up that a restart will not cure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadSetup(pub String);

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// In words; [`exit_code`] says what they mean for the process.
    pub fn obey(self) -> anyhow::Result<()> {
        match self.command {
            Command::Run(settings) => crate::run_until_signalled(&self.state, *settings),
            Command::NewRobot(command) => command.obey(&Desk::open(&self.state)?),
            Command::NewOperator(command) => command.obey(&Desk::open(&self.state)?),
            Command::Revoke(command) => command.obey(&Desk::open(&self.state)?),
            Command::NewUser(command) => command.obey(&Desk::open(&self.state)?),
            Command::NewKey(command) => command.obey(&Desk::open(&self.state)?),
            Command::ExternalBroker(command) => command.obey(&Desk::open(&self.state)?),
            Command::Tether(command) => command.obey(),
        }
    }
}

/// What every command but `run` works with.
struct Desk {
    folder: StateDir,
    store: Store,
    ca: Ca,
}

impl Desk {
    fn open(state: &std::path::Path) -> anyhow::Result<Self> {
        let folder = StateDir::open(state)?;
        let store = Store::open(&folder.database())?;
        let ca = Ca::open(&folder, clock::utc()).map_err(|error| BadSetup(format!("{error:#}")))?;
        Ok(Self { folder, store, ca })
    }

    /// Waits until what was changed is in force, if a station runs.
    fn settle(&self) {
        let revision = self.store.directory().revision;
        if applied_revision::wait(&self.folder, revision) == Applied::NotYet {
            eprintln!("the running station has not taken this up yet; its log may say why");
        }
    }
}

/// The exit code that an error means.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let setup = error.chain().any(|cause| {
        cause.is::<BadSetup>()
            || matches!(cause.downcast_ref(), Some(StateDirError::Foreign(_)))
            || matches!(
                cause.downcast_ref(),
                Some(StoreError::Newer { .. } | StoreError::Unreadable { .. })
            )
    });
    if setup { CONFIG } else { 1 }
}

/// Prints a line for whoever gave the command.
fn say(line: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// A host name or an address, as it can stand in a certificate.
///
/// # Errors
/// In words.
pub fn host(text: &str) -> Result<String, String> {
    let name = |text: &str| {
        text.len() <= 253
            && text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        Ok(address.to_string())
    } else if name(text) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "{text:?} is neither a host name nor an address (and has no port)"
        ))
    }
}

fn robot(text: &str) -> Result<String, String> {
    wire::topic::check_robot_name(text).map_err(|bad| bad.to_string())?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in ["localhost", "AppState.LAN", "10.0.0.7", "fe80::1", "7up"] {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a:80", "https://a", "a..b", "*", "ü"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
