//! The log: lines on stderr, for a terminal or for systemd's journal.

use std::ffi::OsStr;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Starts the log. `RUST_LOG` says what is logged, like `debug` or
/// `info,robot_agent::video=debug`; where it is not set, `usual` does, and where it makes no sense,
/// too, after a warning.
///
/// # Panics
/// If `usual` is no filter, or a log was started before.
pub fn start(usual: &str) {
    let wanted = std::env::var_os("RUST_LOG").filter(|text| !text.is_empty());
    let wanted = wanted.map(|text| parse(&text)).transpose();
    if let Err(warning) = &wanted {
        // Not by the log: `usual` may have no place for warnings.
        eprintln!("{warning}");
    }
    let wanted = wanted.ok().flatten();
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

fn parse(text: &OsStr) -> Result<Targets, String> {
    let filter = text.to_str().and_then(|text| text.parse().ok());
    filter.ok_or_else(|| {
        format!(
            "warning: RUST_LOG={text:?} is ignored: it must be like `debug` or \
             `info,robot_agent::video=debug`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_filter_that_makes_no_sense_is_named() {
        for good in ["debug", "info,robot_agent::video=debug", "off"] {
            parse(good.as_ref()).unwrap();
        }
        for bad in [&b"info,robot_agent=loud"[..], b"a=b=c", b"\xff"] {
            let warning = parse(OsStr::from_bytes(bad)).unwrap_err();
            assert!(warning.contains("RUST_LOG"), "{warning}");
        }
    }
}
