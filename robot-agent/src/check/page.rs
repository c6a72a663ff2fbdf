//! The report as a page for a terminal, and as JSON for machines.

use serde_json::json;

use super::{Report, Verdict};

/// Where the text of a line begins: two blanks, a word of four, two, then the name.
const INDENT: usize = 8 + NAME;

/// Room for the longest name and two blanks.
const NAME: usize = 14;

/// The width of a terminal that nobody has widened.
const USUAL: usize = 80;

/// How the page is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Whether verdicts are coloured.
    pub colour: bool,
    /// Characters in a line.
    pub width: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            colour: false,
            width: USUAL,
        }
    }
}

/// The page.
pub fn text(report: &Report, page: Page) -> String {
    let robot = report.robot.as_deref().unwrap_or("an unnamed robot");
    let mut text = format!("\n  robot-agent {}: {robot}\n\n", env!("CARGO_PKG_VERSION"));
    let width = page.width.max(INDENT + 20) - INDENT;
    for line in &report.lines {
        let (word, colour) = word(line.verdict);
        let word = paint(&format!("{word:<4}"), colour, page.colour);
        let mut found = wrapped(&line.found, width).into_iter();
        let first = found.next().unwrap_or_default();
        text.push_str(&format!("  {word}  {:<NAME$}{first}\n", line.name));
        for rest in found {
            text.push_str(&format!("{:INDENT$}{rest}\n", ""));
        }
        let advice = line
            .advice
            .iter()
            .flat_map(|advice| wrapped(advice, width - 2));
        for (n, advice) in advice.enumerate() {
            let arrow = if n == 0 { "→ " } else { "  " };
            let advice = paint(&format!("{arrow}{advice}"), "36", page.colour);
            text.push_str(&format!("{:INDENT$}{advice}\n", ""));
        }
    }
    text.push_str(&format!("\n  {}\n\n", summary(report, page.colour)));
    text
}

/// For machines.
pub fn json(report: &Report) -> String {
    let checks: Vec<_> = report
        .lines
        .iter()
        .map(|line| {
            json!({
                "name": line.name,
                "verdict": match line.verdict {
                    Verdict::Ok => "ok",
                    Verdict::Warning => "warning",
                    Verdict::Fault => "fault",
                    Verdict::Skipped => "skipped",
                },
                "found": line.found,
                "advice": line.advice,
            })
        })
        .collect();
    let report = json!({
        "ok": report.would_drive(),
        "version": env!("CARGO_PKG_VERSION"),
        "robot": report.robot,
        "checks": checks,
    });
    format!("{report:#}\n")
}

fn word(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Ok => ("OK", "32"),
        Verdict::Warning => ("WARN", "33"),
        Verdict::Fault => ("FAIL", "31;1"),
        Verdict::Skipped => ("--", "2"),
    }
}

fn summary(report: &Report, colour: bool) -> String {
    let count = |verdict| report.lines.iter().filter(|l| l.verdict == verdict).count();
    let some = |n: usize, what: &str| match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    };
    let (faults, warnings) = (count(Verdict::Fault), count(Verdict::Warning));
    let warned = match warnings {
        0 => String::new(),
        n => format!(", {}", some(n, "warning")),
    };
    if report.would_drive() {
        paint(&format!("Ready to drive{warned}."), "32", colour)
    } else {
        let faults = some(faults, "fault");
        paint(
            &format!("A drive would not work: {faults}{warned}."),
            "31;1",
            colour,
        )
    }
}

fn paint(text: &str, colour: &str, wanted: bool) -> String {
    if wanted {
        format!("\x1b[{colour}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Breaks at blanks; what is longer than a line stays in one piece, as paths are copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let indent = paragraph.len() - paragraph.trim_start().len();
        let mut line = " ".repeat(indent);
        for word in paragraph.split_whitespace() {
            let full = line.chars().count() + 1 + word.chars().count() > width;
            if full && !line.trim().is_empty() {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            }
            if !line.trim().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::Line;
    use super::*;

    const PLAIN: Page = Page {
        colour: false,
        width: 60,
    };

    fn report() -> Report {
        Report {
            robot: Some("rover".into()),
            lines: vec![
                Line::ok("config", "config.json is complete"),
                Line::warning("clock", "9 s behind", "look at it"),
                Line::fault(
                    "broker",
                    "localhost:8883: nothing listens there (connection refused)",
                    "is it running, and does the endpoint say where it is?",
                ),
                Line::skipped("subscription", "needs the broker"),
            ],
        }
    }

    #[test]
    fn the_page_says_what_is_wrong_and_what_to_do() {
        let expected = format!(
            "
  robot-agent {}: rover

  OK    config        config.json is complete
  WARN  clock         9 s behind
                      → look at it
  FAIL  broker        localhost:8883: nothing listens there
                      (connection refused)
                      → is it running, and does the endpoint
                        say where it is?
  --    subscription  needs the broker

  A drive would not work: 1 fault, 1 warning.

",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(text(&report(), PLAIN), expected);
    }

    #[test]
    fn colour_marks_verdicts_and_nothing_is_coloured_without() {
        let page = Page {
            colour: true,
            ..PLAIN
        };
        assert!(text(&report(), page).contains("\x1b[31;1mFAIL\x1b[0m"));
        assert!(!text(&report(), PLAIN).contains('\x1b'));
    }

    #[test]
    fn machines_read_the_same() {
        let value: serde_json::Value = serde_json::from_str(&json(&report())).unwrap();
        assert_eq!(value["ok"], false);
        assert_eq!(value["checks"][2]["verdict"], "fault");
        assert_eq!(value["checks"][0]["advice"], serde_json::Value::Null);
    }

    #[test]
    fn a_path_longer_than_a_line_stays_in_one_piece() {
        assert_eq!(
            wrapped("a /very/long/path b", 6),
            ["a", "/very/long/path", "b"]
        );
        assert_eq!(wrapped("one\n  two three", 8), ["one", "  two", "  three"]);
    }
}
