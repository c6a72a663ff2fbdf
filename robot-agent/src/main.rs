//! The command `robot-agent`: arguments, log, configuration, exit code.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use daemon::{exit_code, log};
use robot_agent::arguments::{Arguments, Command};
use robot_agent::certificates::Certificates;
use robot_agent::config::{self, Config};
use robot_agent::{certificates, check, clock, enroll, motors, shutdown};
use tracing::{error, info};

/// What is logged unless `RUST_LOG` says otherwise. The libraries of the peer connections
/// warn of every address that a network does not have.
const FILTER: &str = "info,webrtc=error,webrtc_ice=error,webrtc_mdns=error,webrtc_sctp=error,\
    webrtc_srtp=error,webrtc_util=error,dtls=error,turn=error,stun=error";

fn main() -> ExitCode {
    let arguments = match exit_code::parse_arguments::<Arguments>() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    // The table of `check` says everything already.
    let quiet = matches!(arguments.command, Command::Check { .. });
    let _log = log::start(if quiet { "off" } else { FILTER });
    // The only provider in the tree; libraries that choose none find this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let code = execute(arguments).unwrap_or_else(|error| {
        error!("{error:#}");
        let config = error.is::<config::Error>();
        if config { exit_code::CONFIG } else { 1 }
    });
    code.into()
}

fn execute(arguments: Arguments) -> Result<u8> {
    let file = &arguments.config;
    match arguments.command {
        Command::Run => {
            let config = config::load(file)?;
            let Some(certificates) = certificates(&config, clock::utc()) else {
                return Ok(exit_code::CONFIG);
            };
            run(config, certificates)?;
        }
        Command::Check { json, sound } => {
            let report = block_on(check::run(file, sound, clock::utc()));
            let text = if json { report.json() } else { report.text() };
            stdout().write_all(text.as_bytes())?;
            return Ok(report.exit_code());
        }
        Command::Enroll(request) => {
            for line in block_on(enroll::run(file, &request, clock::utc()))? {
                writeln!(stdout(), "{line}")?;
            }
        }
        Command::Stop => {
            let board = config::load_motors(file)?;
            motors::stop(&board).map_err(|error| anyhow!(error.words()))?;
            info!(board = %board.driver, "both motors are off");
        }
    }
    Ok(0)
}

/// Two threads, so that a task that computes for a moment does not hold up the other ones.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn run(config: Config, certificates: Certificates) -> Result<()> {
    robot_agent::run(config, certificates, shutdown::asked()?).await
}

#[tokio::main(flavor = "current_thread")]
async fn block_on<T>(command: impl Future<Output = T>) -> T {
    command.await
}
