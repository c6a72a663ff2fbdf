//! What can be said to `display-agent` on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Shows a picture and the weather from Mars on a small screen.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// The config file.
    #[arg(long, global = true, default_value = "config.json")]
    pub(crate) config: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show Mars until stopped.
    Run,
    /// Try everything that a display needs, and say what is missing.
    Check,
    /// Draw one page as a PNG.
    Render {
        /// An answer in a file, or the address of a Mars API.
        #[arg(long, value_name = "JSON|URL")]
        from: String,
        /// The PNG to write.
        #[arg(long)]
        out: PathBuf,
    },
}
