//! A page that shows every round: what broke, who drove, and what the wheels did over time.

use crate::faults::round::Outcome;
use crate::faults::verdict::{LATEST, OVERRUN, UNATTENDED};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Size of a plot, in pixels.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 80.0;

/// The throttle at the top of a plot: orders ask for little more than 0.2.
const FULL: f64 = 0.3;

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}\
table{border-collapse:collapse}th,td{padding:.15em .8em;text-align:right}th:first-child,td:first-child{text-align:left}\
tr:nth-child(even){background:#f3f3f3}svg{display:block;width:100%;background:#fafafa;margin:.3em 0}\
.fault{fill:#f6c7b8}.absent{fill:#999;opacity:.5}.wheels{fill:none;stroke:#1667b0;stroke-width:1.5}\
.order{stroke:#2a8a3c;stroke-width:1}.broken{color:#b00020;font-weight:bold}small{color:#555}";

/// The rounds of one kind together.
#[derive(Default)]
struct Tally {
    rounds: u32,
    broken: u32,
    back: Vec<Duration>,
    latest: Duration,
    overrun: Duration,
    unattended: Duration,
}

/// The whole page.
pub fn html(seed: u64, outcomes: &[Outcome]) -> String {
    let broken = outcomes
        .iter()
        .filter(|outcome| !outcome.broken.is_empty())
        .count();
    let kinds = tally(outcomes);
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Faults, seed {seed}</title>\
         <style>{STYLE}</style><h1>Faults, seed {seed}</h1>\
         <p>{} faults of {} kinds; promises were broken in <b>{broken}</b>. An order may turn a wheel until {} ms after it \
         was given, and for {} ms longer than it says; wheels of a robot that does not run are stopped within {} ms.</p>",
        outcomes.len(),
        kinds.len(),
        LATEST.as_millis(),
        OVERRUN.as_millis(),
        UNATTENDED.as_millis(),
    );
    page.push_str(
        "<table><tr><th>kind<th>times<th>broken<th>serves again, median<th>at most, s\
         <th>oldest order, ms<th>too long, ms<th>unattended, ms",
    );
    for (name, tally) in kinds {
        let Tally {
            rounds,
            broken,
            latest,
            overrun,
            unattended,
            mut back,
        } = tally;
        back.sort_unstable();
        let seconds = |at: Option<&Duration>| {
            at.map_or("–".to_owned(), |back| {
                format!("{:.1}", back.as_secs_f64())
            })
        };
        let _ = write!(
            page,
            "<tr><td>{}<td>{rounds}<td>{broken}<td>{}<td>{}<td>{}<td>{}<td>{}",
            escaped(name),
            seconds(back.get(back.len() / 2)),
            seconds(back.last()),
            latest.as_millis(),
            overrun.as_millis(),
            unattended.as_millis(),
        );
    }
    page.push_str(
        "</table><p><small>Blue: the left wheel's throttle. Green: an order is given. Red: something is broken. \
         Grey: the robot does not run.</small>",
    );
    for outcome in outcomes {
        section(&mut page, outcome);
    }
    page
}

fn tally(outcomes: &[Outcome]) -> BTreeMap<&'static str, Tally> {
    let mut kinds: BTreeMap<_, Tally> = BTreeMap::new();
    for outcome in outcomes {
        let tally = kinds.entry(outcome.round.kind.name).or_default();
        let figures = &outcome.figures;
        tally.rounds += 1;
        tally.broken += u32::from(!outcome.broken.is_empty());
        tally.back.extend(outcome.back);
        tally.latest = tally.latest.max(figures.latest);
        tally.overrun = tally.overrun.max(figures.overrun);
        tally.unattended = tally.unattended.max(figures.unattended);
    }
    kinds
}

fn section(page: &mut String, outcome: &Outcome) {
    let round = &outcome.round;
    let _ = write!(
        page,
        "<h3>{}. {}</h3><small>{} by {}{}, {:.1?}; served again after {}</small>",
        round.number,
        escaped(round.kind.name),
        if round.press == crate::faults::plan::Press::Held {
            "held"
        } else {
            "long orders"
        },
        round.road,
        if round.stamped { ", stamped" } else { "" },
        Duration::from_nanos(outcome.fault_ns.1 - outcome.fault_ns.0),
        outcome
            .back
            .map_or("–".to_owned(), |back| format!("{back:.1?}")),
    );
    for broken in &outcome.broken {
        let _ = write!(page, "<p class=broken>{}", escaped(&broken.to_string()));
    }
    plot(page, outcome);
}

/// The wheels from a second before the fault to the end.
fn plot(page: &mut String, outcome: &Outcome) {
    let (broke, mended) = outcome.fault_ns;
    let start = broke.saturating_sub(1_500_000_000);
    let end = outcome
        .writes
        .last()
        .map_or(mended, |write| write.t_ns.max(mended))
        + 500_000_000;
    let x = |at_ns: u64| {
        at_ns.clamp(start, end).saturating_sub(start) as f64 / (end - start) as f64 * WIDTH
    };
    let y = |throttle: f64| HEIGHT - 6.0 - (throttle / FULL).clamp(0.0, 1.0) * (HEIGHT - 20.0);
    let _ = write!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"wheels over time\">"
    );
    let mut area = |class: &str, from: u64, to: u64| {
        let width = (x(to) - x(from)).max(1.0);
        let _ = write!(
            page,
            "<rect class={class} x={:.1} y=0 width={width:.1} height={HEIGHT} />",
            x(from)
        );
    };
    area("fault", broke, mended);
    for absence in &outcome.absences {
        if absence.until_ns > start {
            area("absent", absence.from_ns, absence.until_ns);
        }
    }
    for order in outcome
        .orders
        .iter()
        .filter(|order| order.given_ns >= start)
    {
        let at = x(order.given_ns);
        let _ = write!(page, "<line class=order x1={at:.1} x2={at:.1} y1=0 y2=8 />");
    }
    let mut line = format!("M0 {:.1}", y(0.0));
    for write in outcome.writes.iter().filter(|write| write.t_ns >= start) {
        let _ = write!(line, "H{:.1}V{:.1}", x(write.t_ns), y(write.left));
    }
    let _ = write!(page, "<path class=wheels d=\"{line}H{WIDTH}\" />");
    let seconds = (end - start) / 1_000_000_000;
    for second in 1..=seconds {
        let at = x(start + second * 1_000_000_000);
        let _ = write!(
            page,
            "<line stroke=#ccc x1={at:.1} x2={at:.1} y1={} y2={HEIGHT} />",
            HEIGHT - 4.0
        );
    }
    page.push_str("</svg>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
