//! The command `ground-station`: arguments, log, exit code. Everything else is the library's.

use daemon::{exit_code, log};
use ground_station::cli::{Cli, exit_code_of};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match exit_code::parse_arguments::<Cli>() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let _log = log::start("info");
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        log::line("ground-station: another TLS provider was installed before ours");
        return ExitCode::FAILURE;
    }
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::line(format_args!("ground-station: {error:#}"));
            ExitCode::from(exit_code_of(&error))
        }
    }
}
