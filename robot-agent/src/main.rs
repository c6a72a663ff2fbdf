//! The command `robot-agent`: arguments, log, configuration, exit code.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Parser;
use robot_agent::arguments::{Arguments, Command};
use robot_agent::certificates::Certificates;
use robot_agent::check::{self, Page};
use robot_agent::config::{self, Config};
use robot_agent::{certificates, clock, enroll, motors, shutdown};
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

/// Bad arguments (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;
/// Bad configuration (`EX_CONFIG`); systemd does not restart after it.
const BAD_CONFIG: u8 = 78;

/// What is logged unless `RUST_LOG` says otherwise. The libraries of the peer connections
/// warn of every address that a network does not have.
const FILTER: &str = "info,webrtc=error,webrtc_ice=error,webrtc_mdns=error,webrtc_sctp=error,\
    webrtc_srtp=error,webrtc_util=error,dtls=error,turn=error,stun=error";

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    start_log(&arguments.command);
    // The only provider in the tree; libraries that choose none find this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    obey(arguments).unwrap_or_else(|error| {
        error!("{error:#}");
        let config = error.downcast_ref::<config::Error>().is_some();
        ExitCode::from(if config { BAD_CONFIG } else { 1 })
    })
}

fn obey(arguments: Arguments) -> Result<ExitCode> {
    let file = &arguments.config;
    match arguments.command {
        Command::Run => {
            let config = config::load(file)?;
            let Some(certificates) = certificates(&config, clock::utc()) else {
                return Ok(BAD_CONFIG.into());
            };
            run(config, certificates)?;
        }
        Command::Check { json } => return check(file, json),
        Command::Enroll(request) => enroll(file, &request)?,
        Command::Stop => {
            let board = config::load_motors(file)?;
            motors::stop(&board).map_err(|error| anyhow!(error.words()))?;
            info!(board = %board.driver, "both motors are off");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Two threads, so that a task that computes for a moment does not hold up the other ones.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn run(config: Config, certificates: Certificates) -> Result<()> {
    robot_agent::run(config, certificates, shutdown::asked()?).await
}

#[tokio::main(flavor = "current_thread")]
async fn check(file: &Path, json: bool) -> Result<ExitCode> {
    let report = check::run(file, clock::utc()).await;
    let page = Page {
        colour: stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        ..Page::default()
    };
    let text = if json {
        check::json(&report)
    } else {
        check::text(&report, page)
    };
    stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::from(
        match (report.would_drive(), &report.robot) {
            (true, _) => 0,
            (false, Some(_)) => 1,
            (false, None) => BAD_CONFIG,
        },
    ))
}

#[tokio::main(flavor = "current_thread")]
async fn enroll(file: &Path, request: &enroll::Request) -> Result<()> {
    for line in enroll::run(file, request, clock::utc()).await? {
        writeln!(stdout(), "{line}")?;
    }
    Ok(())
}

/// To stderr; systemd adds the time itself. The table of `check` says everything already.
fn start_log(command: &Command) {
    let usual = match command {
        Command::Check { .. } => "off",
        _ => FILTER,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_target(false)
        .with_ansi(stderr().is_terminal());
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().init();
    } else {
        log.init();
    }
}
