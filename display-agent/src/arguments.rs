//! What can be said to `display-agent` on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Shows a picture and the weather from Mars on a small screen.
#[derive(Parser)]
#[command(name = "display-agent", version)]
pub struct Arguments {
    /// The config file.
    #[arg(long, global = true, default_value = "config.json")]
    pub config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
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
