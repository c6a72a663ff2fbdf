//! The command `check` of the agents: one line for each thing that is needed, and what to do
//! about what is wrong; as a table for a person and as JSON for machines.

use std::io::{IsTerminal, stdout};

use serde_json::{Value, json};

/// Room for the longest name and two blanks.
const NAME: usize = 14;

/// Where the text of a line begins: two blanks, a word of four, two, then the name.
const INDENT: usize = 8 + NAME;

/// The width of a terminal that nobody has widened.
const USUAL_WIDTH: usize = 80;

/// One thing that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What, in at most twelve letters.
    pub name: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it, where something is to be done.
    pub advice: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, but should be looked at.
    Warning,
    /// Keeps the daemon from its work.
    Fault,
    /// Not needed, or not to be had while something else is wrong.
    Skipped,
}

/// How the table is drawn, and the words around it.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Above it: the program, its version, whose it is.
    pub title: &'a str,
    /// Below it if there is no fault.
    pub ready: &'a str,
    /// Below it if there is one.
    pub not_ready: &'a str,
    /// Whether verdicts are coloured.
    pub colour: bool,
    /// Characters in a line.
    pub width: usize,
}

impl Line {
    /// As it should be.
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, found, None)
    }

    /// Not looked at.
    pub fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self::new(name, Verdict::Skipped, why, None)
    }

    /// Works, but should be looked at.
    pub fn warning(
        name: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(name, Verdict::Warning, found, Some(advice.into()))
    }

    /// Keeps the daemon from its work.
    pub fn fault(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Verdict::Fault, found, Some(advice.into()))
    }

    fn new(
        name: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            name,
            verdict,
            found: found.into(),
            advice: advice.filter(|advice| !advice.is_empty()),
        }
    }
}

/// Whether nothing keeps the daemon from its work.
pub fn is_ready(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.verdict != Verdict::Fault)
}

/// The lines as an array of objects with `name`, `verdict`, `found` and `advice`.
pub fn json(lines: &[Line]) -> Value {
    let object = |line: &Line| {
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
    };
    lines.iter().map(object).collect()
}

impl<'a> Table<'a> {
    /// For stdout: coloured if that is a terminal and nobody minds.
    pub fn for_stdout(title: &'a str, ready: &'a str, not_ready: &'a str) -> Self {
        Self {
            title,
            ready,
            not_ready,
            colour: stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            width: USUAL_WIDTH,
        }
    }

    /// The table.
    pub fn text(&self, lines: &[Line]) -> String {
        let mut text = format!("\n  {}\n\n", self.title);
        let width = self.width.max(INDENT + 20) - INDENT;
        for line in lines {
            let (word, colour) = word(line.verdict);
            let word = self.paint(&format!("{word:<4}"), colour);
            let mut found = wrapped(&line.found, width).into_iter();
            let first = found.next().unwrap_or_default();
            text.push_str(&format!("  {word}  {:<NAME$}{first}\n", line.name));
            for rest in found {
                text.push_str(&format!("{:INDENT$}{rest}\n", ""));
            }
            let advice = line.advice.as_deref().unwrap_or_default();
            for (n, advice) in wrapped(advice, width - 2).iter().enumerate() {
                let arrow = if n == 0 { "→ " } else { "  " };
                let advice = self.paint(&format!("{arrow}{advice}"), "36");
                text.push_str(&format!("{:INDENT$}{advice}\n", ""));
            }
        }
        text.push_str(&format!("\n  {}\n\n", self.summary(lines)));
        text
    }

    fn summary(&self, lines: &[Line]) -> String {
        let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
        let some = |n: usize, what: &str| match n {
            1 => format!("1 {what}"),
            n => format!("{n} {what}s"),
        };
        let warned = match count(Verdict::Warning) {
            0 => String::new(),
            n => format!(", {}", some(n, "warning")),
        };
        match count(Verdict::Fault) {
            0 => self.paint(&format!("{}{warned}.", self.ready), "32"),
            n => {
                let faults = some(n, "fault");
                self.paint(&format!("{}: {faults}{warned}.", self.not_ready), "31;1")
            }
        }
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.colour {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The word of a verdict, and its colour as a parameter of SGR (ECMA-48 8.3.117).
fn word(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Ok => ("OK", "32"),
        Verdict::Warning => ("WARN", "33"),
        Verdict::Fault => ("FAIL", "31;1"),
        Verdict::Skipped => ("--", "2"),
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
    use super::*;

    const PLAIN: Table<'_> = Table {
        title: "robot-agent 1.0: rover",
        ready: "Ready to drive",
        not_ready: "A drive would not work",
        colour: false,
        width: 60,
    };

    fn lines() -> Vec<Line> {
        vec![
            Line::ok("config", "config.json is complete"),
            Line::warning("clock", "9 s behind", "look at it"),
            Line::fault(
                "broker",
                "localhost:8883: nothing listens there (connection refused)",
                "is it running, and does the endpoint say where it is?",
            ),
            Line::skipped("subscription", "needs the broker"),
        ]
    }

    #[test]
    fn the_table_says_what_is_wrong_and_what_to_do() {
        let expected = "
  robot-agent 1.0: rover

  OK    config        config.json is complete
  WARN  clock         9 s behind
                      → look at it
  FAIL  broker        localhost:8883: nothing listens there
                      (connection refused)
                      → is it running, and does the endpoint
                        say where it is?
  --    subscription  needs the broker

  A drive would not work: 1 fault, 1 warning.

";
        assert_eq!(PLAIN.text(&lines()), expected);
        let well = PLAIN.text(&lines()[..2]);
        assert!(well.ends_with("  Ready to drive, 1 warning.\n\n"), "{well}");
    }

    #[test]
    fn colour_marks_verdicts_and_nothing_is_coloured_without() {
        let coloured = Table {
            colour: true,
            ..PLAIN
        };
        assert!(coloured.text(&lines()).contains("\x1b[31;1mFAIL\x1b[0m"));
        assert!(!PLAIN.text(&lines()).contains('\x1b'));
    }

    #[test]
    fn machines_read_the_same() {
        let value = json(&lines());
        assert_eq!(value[2]["verdict"], "fault");
        assert_eq!(value[0]["advice"], Value::Null);
        assert!(!is_ready(&lines()));
        assert!(is_ready(&lines()[..2]));
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
