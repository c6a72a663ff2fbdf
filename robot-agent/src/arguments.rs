//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{config, enroll};

/// Drives a telepresence robot over MQTT and shows its camera over WebRTC.
#[derive(Debug, Parser)]
#[command(name = "robot-agent", version)]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, global = true, value_name = "PATH", default_value = config::DEFAULT_FILE)]
    pub config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Drive until asked to stop.
    Run,
    /// Look whether everything is there that a drive needs.
    Check {
        /// Print JSON for machines.
        #[arg(long)]
        json: bool,
        /// Play a short tone and listen for it, too.
        #[arg(long)]
        sound: bool,
    },
    /// Make a key and have its certificate signed.
    Enroll(enroll::Request),
    /// Turn both motors off, whatever an earlier process left running.
    Stop,
}
