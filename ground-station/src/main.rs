//! The command `ground-station`: arguments, log, exit code. Everything else is the library's.

use clap::Parser;
use ground_station::cli::{self, Cli};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { cli::USAGE } else { 0 });
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            EnvFilter::try_from_env("OUTPOST_LOG").unwrap_or_else(|_| EnvFilter::new("info")),
        )
        .init();
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("ground-station: another TLS provider was installed before ours");
        return ExitCode::FAILURE;
    }
    match cli.obey() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ground-station: {error:#}");
            ExitCode::from(cli::exit_code(&error))
        }
    }
}
