//! The log: lines on stderr, for a terminal or for systemd's journal.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Starts the log. `RUST_LOG` says what is logged, like `debug` or
/// `info,robot_agent::video=debug`; where it is not set or makes no sense, `usual` does.
///
/// # Panics
/// If `usual` is no filter, or a log was started before.
pub fn start(usual: &str) {
    let wanted = std::env::var("RUST_LOG").ok();
    let wanted = wanted.and_then(|text| text.parse::<Targets>().ok());
    // A module's name helps to find a filter, and only then.
    let target = wanted.is_some();
    let filter =
        wanted.unwrap_or_else(|| usual.parse().expect("the caller's filter is a constant"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(stderr)
        .with_target(target)
        .with_ansi(stderr().is_terminal());
    let log = tracing_subscriber::registry().with(filter);
    // The journal adds the time itself.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.with(lines.without_time()).init();
    } else {
        log.with(lines).init();
    }
}
