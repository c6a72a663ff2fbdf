//! `scripts/soak`: everything between a hand and the wheels goes wrong, one thing after the other,
//! for minutes; prints what became of it, and writes a page that shows it.

use anyhow::Context;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tests::faults::{KINDS, Outcome, Plan, Scene, report, run};

/// Unless told otherwise.
const MINUTES: f64 = 30.0;

/// What the command line asks for.
struct Arguments {
    duration: Duration,
    seed: u64,
    only: String,
    report: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = arguments()?;
    let seed = arguments.seed;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "seed {seed}, {} kinds of faults are known",
        KINDS.len()
    )?;
    let until = now() + arguments.duration;
    let mut scene = Scene::start().await;
    let mut outcomes = Vec::new();
    for round in Plan::new(seed, &arguments.only) {
        if now() > until {
            break;
        }
        let outcome = run(&mut scene, round).await;
        print(&mut out, &outcome)?;
        if !outcome.broken.is_empty() {
            print_timeline(&mut out, &outcome)?;
        }
        outcomes.push(outcome);
        let page = report::html(seed, &outcomes);
        std::fs::write(&arguments.report, page).context("the report")?;
    }
    drop(scene);
    let broken = outcomes.iter().filter(|o| !o.broken.is_empty()).count();
    let kinds: std::collections::BTreeSet<_> = outcomes.iter().map(|o| o.round.kind.name).collect();
    writeln!(
        out,
        "{} faults of {} kinds, seed {seed}: promises were broken in {broken}; see {}",
        outcomes.len(),
        kinds.len(),
        arguments.report.display(),
    )?;
    Ok(ExitCode::from(u8::from(broken > 0)))
}

fn print(out: &mut impl std::io::Write, outcome: &Outcome) -> anyhow::Result<()> {
    let (round, figures) = (&outcome.round, &outcome.figures);
    writeln!(
        out,
        "{:4}  {:30} {:12} {:5.1} s  back {:>5}  oldest order {:4} ms  too long {:3} ms  {}",
        round.number,
        round.kind.name,
        round.road.to_string(),
        round.lasts.as_secs_f64(),
        outcome.back.map_or("–".to_owned(), |back| format!(
            "{:.1} s",
            back.as_secs_f64()
        )),
        figures.latest.as_millis(),
        figures.overrun.as_millis(),
        if outcome.broken.is_empty() {
            "ok"
        } else {
            "BROKEN"
        },
    )?;
    Ok(out.flush()?)
}

/// All that is known of a round, in the order of time.
fn print_timeline(out: &mut impl std::io::Write, outcome: &Outcome) -> anyhow::Result<()> {
    for broken in &outcome.broken {
        writeln!(out, "      broken: {broken}")?;
    }
    let events = outcome
        .events
        .iter()
        .map(|event| (event.at_ns, event.what.clone()));
    let orders = outcome.orders.iter().map(|order| {
        let refused = if order.refused_ns.is_some() {
            ", refused"
        } else {
            ""
        };
        (
            order.given_ns,
            format!("order {} by {}{refused}", order.number, order.road),
        )
    });
    let wheels = outcome
        .writes
        .iter()
        .map(|write| (write.t_ns, format!("wheels {:.5}", write.left)));
    let mut lines: Vec<_> = events.chain(orders).chain(wheels).collect();
    lines.sort_unstable();
    let start = outcome.fault_ns.0;
    for (at_ns, what) in lines {
        let at = (i128::from(at_ns) - i128::from(start)) / 1_000_000;
        writeln!(out, "      {at:7} ms  {what}")?;
    }
    Ok(())
}

fn arguments() -> anyhow::Result<Arguments> {
    let mut found = Arguments {
        duration: Duration::from_secs_f64(MINUTES * 60.0),
        seed: rand::random_range(1..10_000),
        only: String::new(),
        report: PathBuf::from("faults.html"),
    };
    let mut words = std::env::args().skip(1);
    while let Some(option) = words.next() {
        let value = words
            .next()
            .with_context(|| format!("{option} takes a value"))?;
        match option.as_str() {
            "--minutes" => {
                let minutes: f64 = value
                    .parse()
                    .with_context(|| format!("{value:?} minutes"))?;
                found.duration = Duration::try_from_secs_f64(minutes * 60.0)?;
            }
            "--seed" => found.seed = value.parse().with_context(|| format!("seed {value:?}"))?,
            "--only" => found.only = value,
            "--report" => found.report = PathBuf::from(value),
            _ => anyhow::bail!(
                "usage: scripts/soak [--minutes N] [--seed S] [--only WORDS] [--report FILE]"
            ),
        }
    }
    Ok(found)
}

#[expect(clippy::disallowed_methods, reason = "the soak says how long it lasts")]
fn now() -> Instant {
    Instant::now()
}
