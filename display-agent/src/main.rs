//! `display-agent`: arguments, log, config, exit code.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::thread;

use daemon::check::{Table, is_ready};
use daemon::{exit_code, log};
use display_agent::arguments::{Arguments, Command};
use display_agent::clock::Clock;
use display_agent::config::{Settings, Unusable};
use display_agent::screen::Screen;
use display_agent::{Events, check, render, run};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::{error, info};

fn main() -> ExitCode {
    let arguments = match exit_code::parse_arguments::<Arguments>() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    // A command that prints has a quiet log.
    let runs = matches!(arguments.command, Command::Run);
    let _log = log::start(if runs { "info" } else { "warn" });
    let code = execute(&arguments).unwrap_or_else(|error| {
        error!("{error:#}");
        let config = error.is::<Unusable>();
        if config { exit_code::CONFIG } else { 1 }
    });
    code.into()
}

fn execute(arguments: &Arguments) -> anyhow::Result<u8> {
    let config = &arguments.config;
    match &arguments.command {
        Command::Run => {
            let settings = Settings::load(config).inspect_err(|unusable| {
                if let Err(fault) = display_agent::show_bad_config(unusable) {
                    error!(%fault, "the screen cannot show it either");
                }
            })?;
            run_until_signalled(&settings)?;
        }
        Command::Check => {
            let settings = Settings::load(config)?;
            let lines = check::check(&settings, Clock::real().now());
            let title = format!(
                "display-agent {}: {}",
                env!("CARGO_PKG_VERSION"),
                settings.url
            );
            let table = Table::for_stdout(&title, "Ready for Mars", "The display would not work");
            stdout().write_all(table.text(&lines).as_bytes())?;
            return Ok(u8::from(!is_ready(&lines)));
        }
        Command::Render { from, out } => {
            // A page can be drawn without a config; one that is there must be right.
            let settings = config
                .exists()
                .then(|| Settings::load(config))
                .transpose()?;
            render::render(from, out, settings.as_ref(), Clock::real().now())?;
        }
    }
    Ok(0)
}

fn run_until_signalled(settings: &Settings) -> anyhow::Result<()> {
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
    Ok(())
}
