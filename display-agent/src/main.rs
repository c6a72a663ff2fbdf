//! `display-agent`: arguments, log, config, exit code.

use std::io::{IsTerminal, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use display_agent::arguments::{Arguments, Command};
use display_agent::clock::Clock;
use display_agent::config::{Settings, Unusable};
use display_agent::screen::Screen;
use display_agent::{Events, check, render, run};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::level_filters::LevelFilter;
use tracing::{error, info};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// sysexits.h: the command was used wrongly.
const USAGE: u8 = 64;
/// sysexits.h: the config is unusable; systemd does not restart.
const CONFIG: u8 = 78;

/// What a command comes to, once its config is good.
type Done = Result<anyhow::Result<ExitCode>, Unusable>;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                USAGE.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    start_log(&arguments.command);
    let done = match arguments.command {
        Command::Run => show(&arguments.config),
        Command::Check => inspect(&arguments.config),
        Command::Render { from, out } => draw(&arguments.config, &from, &out),
    };
    match done {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => {
            error!("{failure:#}");
            ExitCode::FAILURE
        }
        Err(unusable) => {
            unusable
                .problems
                .iter()
                .for_each(|problem| error!("{}: {problem}", unusable.path.display()));
            CONFIG.into()
        }
    }
}

/// `RUST_LOG` as `debug` or `warn,display_agent::feed=debug`; a command that prints has a quiet log.
fn start_log(command: &Command) {
    let usual = if matches!(command, Command::Run) {
        LevelFilter::INFO
    } else {
        LevelFilter::WARN
    };
    let wished = std::env::var("RUST_LOG")
        .ok()
        .and_then(|text| text.parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    let filter = wished.unwrap_or_else(|| Targets::new().with_default(usual));
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
}

fn show(config: &Path) -> Done {
    let settings = Settings::load(config).inspect_err(|unusable| {
        if let Err(fault) = display_agent::show_bad_config(unusable) {
            error!(%fault, "the screen cannot show it either");
        }
    })?;
    info!(version = env!("CARGO_PKG_VERSION"), screen = %settings.screen.device, "display-agent");
    Ok(run_until_signalled(&settings).map(|()| ExitCode::SUCCESS))
}

fn run_until_signalled(settings: &Settings) -> anyhow::Result<()> {
    let events = Events::new();
    let stopper = events.stopper();
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::spawn(move || signals.forever().for_each(|_| stopper.stop()));
    run(
        settings,
        Clock::real(),
        Screen::new(settings.screen.device.clone()),
        events,
    )?;
    info!("stopped");
    Ok(())
}

fn inspect(config: &Path) -> Done {
    let settings = Settings::load(config)?;
    let well = check::print(&check::check(&settings, Clock::real().now()), stdout());
    Ok(well
        .map(|well| {
            if well {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        })
        .map_err(Into::into))
}

fn draw(config: &Path, from: &str, out: &Path) -> Done {
    // A page can be drawn without a config; one that is there must be right.
    let settings = config
        .exists()
        .then(|| Settings::load(config))
        .transpose()?;
    let drawn = render::render(from, out, settings.as_ref(), Clock::real().now());
    Ok(drawn.map(|()| ExitCode::SUCCESS))
}
