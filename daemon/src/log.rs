//! The log: lines on stderr, for a terminal or for systemd's journal. It never stops anything:
//! whoever logs neither waits for a reader nor learns that there is none.

mod queue;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal, Write, stderr};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::thread;
use std::time::Duration;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use queue::Queue;

/// How long the last lines may take when the process ends: a slow console writes some thousand
/// letters in it, and whoever asked for the end does not notice.
const LAST_LINES: Duration = Duration::from_secs(1);

static QUEUE: Queue = Queue::new();

/// The log as it runs; when this is dropped, the last lines are written.
#[must_use = "the last lines are written when it is dropped"]
pub struct Log(());

impl Drop for Log {
    fn drop(&mut self) {
        QUEUE.flush(LAST_LINES);
    }
}

/// A line on stderr that no filter keeps back.
pub fn line(text: impl Display) {
    QUEUE.push(format!("{text}\n").as_bytes());
}

/// Starts the log. `RUST_LOG` says what is logged, like `debug` or
/// `info,robot_agent::video=debug`; where it is not set, `usual` does, and where it makes no sense,
/// too, after a warning.
///
/// # Panics
/// If `usual` is no filter, a log was started before, or the system has neither thread nor file left.
pub fn start(usual: &str) -> Log {
    // Not by `stderr()`, whose lock would be held while a write waits.
    let out = stderr().as_fd().try_clone_to_owned();
    let out = File::from(out.expect("a process that starts has a descriptor left"));
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || QUEUE.write_to(out))
        .expect("a process that starts has a thread left");
    std::panic::set_hook(Box::new(say_panic));
    let wanted = std::env::var_os("RUST_LOG").filter(|text| !text.is_empty());
    let wanted = wanted.map(|text| parse(&text)).transpose();
    if let Err(warning) = &wanted {
        // Not by the log: `usual` may have no place for warnings.
        line(warning);
    }
    let wanted = wanted.ok().flatten();
    // A module's name helps to find a filter, and only then.
    let target = wanted.is_some();
    let filter =
        wanted.unwrap_or_else(|| usual.parse().expect("the caller's filter is a constant"));
    let colors = stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || Lines { colors })
        .log_internal_errors(false)
        .with_target(target)
        .with_ansi(colors);
    let log = tracing_subscriber::registry().with(filter);
    // The journal adds the time itself.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.with(lines.without_time()).init();
    } else {
        log.with(lines).init();
    }
    Log(())
}

/// Takes one event after the other, each of which becomes one line: what somebody outside sent may
/// be quoted in it, and is not to look like a line of ours.
struct Lines {
    /// Whether our own lines have colors, for which there are escapes in them. In those of others
    /// tracing-subscriber has made letters of them.
    colors: bool,
}

impl Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        QUEUE.push(one_line(event, self.colors).as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event without what ends a line, moves a cursor or turns text round.
fn one_line(event: &[u8], colors: bool) -> String {
    let text = String::from_utf8_lossy(event);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut line = String::with_capacity(text.len() + 1);
    for letter in text.chars() {
        let breaks = matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match letter {
            '\u{1b}' if colors => line.push(letter),
            _ if breaks || letter.is_control() => line.extend(letter.escape_default()),
            _ => line.push(letter),
        }
    }
    line.push('\n');
    line
}

/// As the standard library says it, but without waiting for stderr.
fn say_panic(panic: &PanicHookInfo<'_>) {
    line(format_args!(
        "thread {:?} {panic}",
        thread::current().name().unwrap_or("without a name")
    ));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        line(backtrace);
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
    fn nobody_makes_lines_of_ours() {
        let forged =
            "WARN refused name=x\n2026-11-27 INFO ready\r\u{1b}[2K\u{2028}\u{202e}\u{9b}\n";
        let line = one_line(forged.as_bytes(), false);
        let expected =
            r"WARN refused name=x\n2026-11-27 INFO ready\r\u{1b}[2K\u{2028}\u{202e}\u{9b}";
        assert_eq!(line, format!("{expected}\n"));
        let colored = "\u{1b}[33m WARN\u{1b}[0m Ünïcode 🚀";
        assert_eq!(one_line(colored.as_bytes(), true), format!("{colored}\n"));
    }

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
