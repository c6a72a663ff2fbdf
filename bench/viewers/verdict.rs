//! The table, and whether it is flat. Pure but for printing.

use crate::usage::{Sample, Usage};
use crate::viewers::Tally;
use std::process::ExitCode;
use std::time::Duration;

/// The share of the minutes that is warm-up, one at least: allocators and tables grow to
/// their size.
const WARM_UP_SHARE: f64 = 0.2;

/// Growth of memory that counts as none, in MiB a minute: at a session every two seconds it is
/// 3 KiB a session, less than any part of a connection that could be left behind.
const RSS_MIB_PER_MINUTE: f64 = 0.1;

/// Growth of threads and of files that counts as none, a minute: the viewers are not quite
/// the same in every minute.
const COUNT_PER_MINUTE: f64 = 0.5;

/// How many more threads there may be in the end than in the beginning: one that waits for
/// its next blocking task.
const THREADS_LEFT: f64 = 1.0;

/// And files: a connection that is on its way when they are counted.
const FILES_LEFT: f64 = 1.0;

/// What one minute was like, as means of its samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Minute {
    number: u32,
    sessions: u32,
    mean: Sample,
    gap: Duration,
}

/// What is compared of a process.
struct Quantity {
    name: &'static str,
    of: fn(&Usage) -> f64,
    /// Growth a minute that counts as none.
    bound: f64,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity {
        name: "MiB",
        of: |usage| usage.rss_mib,
        bound: RSS_MIB_PER_MINUTE,
    },
    Quantity {
        name: "threads",
        of: |usage| usage.threads,
        bound: COUNT_PER_MINUTE,
    },
    Quantity {
        name: "files",
        of: |usage| usage.files,
        bound: COUNT_PER_MINUTE,
    },
];

/// One of the two.
struct Program {
    name: &'static str,
    of: fn(&Sample) -> &Usage,
}

const PROGRAMS: [Program; 2] = [
    Program {
        name: "robot-agent",
        of: |sample| &sample.robot,
    },
    Program {
        name: "ground-station",
        of: |sample| &sample.station,
    },
];

impl Minute {
    pub(crate) fn of(number: u32, samples: &[Sample], sessions: u32, gap: Duration) -> Self {
        let mean = |of: &dyn Fn(&Sample) -> f64| {
            samples.iter().map(of).sum::<f64>() / samples.len().max(1) as f64
        };
        let usage = |of: fn(&Sample) -> &Usage| Usage {
            rss_mib: mean(&|sample| of(sample).rss_mib),
            threads: mean(&|sample| of(sample).threads),
            files: mean(&|sample| of(sample).files),
        };
        Self {
            number,
            sessions,
            mean: Sample {
                robot: usage(|sample| &sample.robot),
                station: usage(|sample| &sample.station),
                viewers: mean(&|sample| sample.viewers),
                relays: mean(&|sample| sample.relays),
            },
            gap,
        }
    }

    #[expect(clippy::print_stdout, reason = "a soak's output is its table")]
    pub(crate) fn print(&self) {
        let gap = self.gap.as_millis();
        let (number, sessions) = (self.number, self.sessions);
        println!("{number:>6} {sessions:>8} {}{gap:>8}", row(&self.mean));
    }
}

fn row(sample: &Sample) -> String {
    let usage = |usage: &Usage| {
        let Usage {
            rss_mib,
            threads,
            files,
        } = usage;
        format!("{rss_mib:>8.1}{threads:>8.1}{files:>8.1}  ")
    };
    let Sample {
        viewers, relays, ..
    } = sample;
    let (robot, station) = (usage(&sample.robot), usage(&sample.station));
    format!("{viewers:>7.1} {robot}{station}{relays:>6.1}")
}

/// The table's head.
#[expect(clippy::print_stdout, reason = "a soak's output is its table")]
pub(crate) fn head() {
    let usage = format!("{:>8}{:>8}{:>8}  ", "MiB", "threads", "files");
    println!("{:24}{:<26}{:<26}", "", "  robot-agent", "  ground-station");
    println!(
        "{:>6} {:>8} {:>7} {usage}{usage}{:>6}{:>8}",
        "minute", "sessions", "viewers", "relays", "gap ms"
    );
}

/// Prints what came out; fails where something grew, was left over, or went wrong.
#[expect(clippy::print_stdout, reason = "a soak's output is its table")]
pub(crate) fn print(
    before: &Sample,
    minutes: &[Minute],
    after: &Sample,
    tally: &Tally,
) -> ExitCode {
    println!("{:>15} {}", "before", row(before));
    println!("{:>15} {}", "after", row(after));
    let Tally {
        sessions,
        refused,
        failed,
    } = tally;
    println!("{sessions} sessions, {refused} found no place, {failed} failed");
    for slope in slopes(minutes) {
        println!("{}", slope.words());
    }
    let mut wrong = growth(minutes);
    wrong.extend(leftovers(before, after));
    if *failed > 0 {
        wrong.push(format!("{failed} sessions failed"));
    }
    for line in &wrong {
        println!("NOT FLAT: {line}");
    }
    if wrong.is_empty() {
        println!("flat");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

/// How much something changes a minute.
struct Slope {
    program: &'static str,
    name: &'static str,
    value: f64,
    bound: f64,
}

/// How everything changes after the warm-up, minute by minute.
fn slopes(minutes: &[Minute]) -> Vec<Slope> {
    let warm = (minutes.len() as f64 * WARM_UP_SHARE).ceil() as usize;
    let minutes = &minutes[warm.max(1).min(minutes.len())..];
    let mut slopes = Vec::new();
    for program in PROGRAMS {
        for Quantity { name, of, bound } in QUANTITIES {
            let values: Vec<_> = minutes
                .iter()
                .map(|minute| of((program.of)(&minute.mean)))
                .collect();
            slopes.push(Slope {
                program: program.name,
                name,
                value: slope(&values),
                bound,
            });
        }
    }
    slopes
}

/// What grew.
fn growth(minutes: &[Minute]) -> Vec<String> {
    let grew = |slope: &Slope| slope.value > slope.bound;
    let slopes = slopes(minutes);
    slopes
        .iter()
        .filter(|slope| grew(slope))
        .map(Slope::words)
        .collect()
}

impl Slope {
    fn words(&self) -> String {
        let Self {
            program,
            name,
            value,
            bound,
        } = self;
        format!("{program} grows by {value:.3} {name} a minute; {bound} is allowed")
    }
}

/// What is there in the end and was not in the beginning.
fn leftovers(before: &Sample, after: &Sample) -> Vec<String> {
    let mut wrong = Vec::new();
    for Program { name, of } in PROGRAMS {
        let (before, after) = (of(before), of(after));
        for (what, more, allowed) in [
            ("threads", after.threads - before.threads, THREADS_LEFT),
            ("files", after.files - before.files, FILES_LEFT),
        ] {
            if more > allowed {
                wrong.push(format!("{name} has {more} {what} left over"));
            }
        }
    }
    wrong
}

/// How much the values grow from one to the next, by least squares.
fn slope(values: &[f64]) -> f64 {
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (mut with, mut own) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        let away = at as f64 - middle;
        with += away * (value - mean);
        own += away * away;
    }
    with / own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(rss_mib: impl Fn(f64) -> f64) -> Vec<Minute> {
        (0..20)
            .map(|number| {
                let robot = Usage {
                    rss_mib: rss_mib(f64::from(number)),
                    threads: 9.0,
                    files: 40.0,
                };
                let sample = Sample {
                    robot,
                    ..Sample::default()
                };
                Minute::of(number, &[sample], 30, Duration::ZERO)
            })
            .collect()
    }

    #[test]
    fn a_slope_is_a_slope() {
        assert_eq!(slope(&[1.0, 3.0, 5.0]), 2.0);
        assert_eq!(slope(&[4.0, 4.0, 4.0, 4.0]), 0.0);
        assert_eq!(slope(&[3.0, 1.0, 1.0, 3.0]), 0.0);
    }

    #[test]
    fn warming_up_and_trembling_is_flat_and_growing_is_not() {
        let warms_up = |minute: f64| 30.0 + minute.min(3.0) * 5.0 + (minute % 2.0) * 0.5;
        assert_eq!(growth(&minutes(warms_up)), [""; 0]);
        let leaks = |minute: f64| 30.0 + minute * 0.15;
        let grown = growth(&minutes(leaks));
        assert_eq!(grown.len(), 1);
        assert!(grown[0].contains("robot-agent grows by 0.150 MiB a minute"));
    }

    #[test]
    fn a_file_too_many_in_the_end_is_told() {
        let usage = |files| Sample {
            station: Usage {
                files,
                ..Usage::default()
            },
            ..Sample::default()
        };
        assert_eq!(leftovers(&usage(30.0), &usage(31.0)), [""; 0]);
        assert_eq!(
            leftovers(&usage(30.0), &usage(33.0)),
            ["ground-station has 3 files left over"]
        );
    }
}
