//! The command `robot-agent`: arguments, log, configuration, exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use robot_agent::arguments::{Arguments, Command};
use robot_agent::config::{self, Config};
use robot_agent::{certificates, motors};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

/// Bad arguments (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;
/// Bad configuration (`EX_CONFIG`); systemd does not restart after it.
const BAD_CONFIG: u8 = 78;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    start_log();
    // The only provider in the tree; libraries that choose none find this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = match config::load(&arguments.config) {
        Ok(config) => config,
        Err(error) => {
            error!("{error}");
            return BAD_CONFIG.into();
        }
    };
    let done = match arguments.command {
        Command::Run => {
            let Some(certificates) = certificates(&config) else {
                return BAD_CONFIG.into();
            };
            run(config, certificates)
        }
        Command::Stop => motors::stop(&config.motors)
            .map(|()| info!(board = %config.motors.driver, "both motors are off"))
            .map_err(|error| anyhow::anyhow!(error.words())),
    };
    done.map_or_else(
        |error| {
            error!("{error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// Two threads, so that a task that computes for a moment does not hold up the other ones.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn run(config: Config, certificates: robot_agent::link::Certificates) -> Result<()> {
    let shutdown = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let asked = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        info!("asked to stop");
        shutdown.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = robot_agent::run(config, certificates, shutdown.clone()) => result,
        () = asked => Ok(()),
    }
}

/// To stderr; systemd adds the time itself.
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().init();
    } else {
        log.init();
    }
}
