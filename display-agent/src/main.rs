//! `display-agent`: arguments, log, config, exit code.

use std::io::{IsTerminal, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::{Parser, Subcommand};
use display_agent::clock::Clock;
use display_agent::config::{Settings, Unusable};
use display_agent::page::words::Manner;
use display_agent::render::{Access, render};
use display_agent::screen::Screen;
use display_agent::{Events, check, run};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

/// Shows a picture and the weather from Mars on a small screen.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The config file.
    #[arg(long, global = true, default_value = "config.json")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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

/// sysexits.h: the command was used wrongly.
const USAGE: u8 = 64;
/// sysexits.h: the config is unusable; systemd does not restart.
const CONFIG: u8 = 78;

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
    let usual = if matches!(arguments.command, Command::Run) {
        "info"
    } else {
        "warn"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr);
    log.with_ansi(stderr().is_terminal()).init();
    let done = match arguments.command {
        Command::Run => load_or_show_why_not(&arguments.config).map(|settings| show(&settings)),
        Command::Check => Settings::load(&arguments.config).map(|settings| inspect(&settings)),
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

type Done = anyhow::Result<ExitCode>;

fn load_or_show_why_not(path: &Path) -> Result<Settings, Unusable> {
    Settings::load(path).inspect_err(|unusable| {
        if let Err(fault) = display_agent::show_bad_config(unusable) {
            error!(%fault, "the screen cannot show it either");
        }
    })
}

fn show(settings: &Settings) -> Done {
    info!(version = env!("CARGO_PKG_VERSION"), screen = %settings.screen.device, "display-agent");
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
    Ok(ExitCode::SUCCESS)
}

fn inspect(settings: &Settings) -> Done {
    let well = check::print(&check::check(settings, Clock::real().now()), stdout())?;
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn draw(config: &Path, from: &str, out: &Path) -> Result<Done, Unusable> {
    // A page can be drawn without a config; one that is there must be right.
    let settings = if config.exists() {
        Some(Settings::load(config)?)
    } else {
        None
    };
    let manner = settings
        .as_ref()
        .map_or_else(Manner::default, Settings::manner);
    let access = Access {
        key: settings
            .as_ref()
            .and_then(|settings| settings.key.as_deref()),
        ca: settings
            .as_ref()
            .and_then(|settings| settings.ca.as_deref()),
    };
    let drawn = render(from, out, &manner, access, Clock::real().now());
    Ok(drawn.map(|()| ExitCode::SUCCESS))
}
