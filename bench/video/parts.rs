//! What of the benchmark is run. Pure.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::{SIZES, Size};

const USAGE: &str = "usage: bench-video [--json FILE] [--only PART]... [--size WIDTHxHEIGHT]...\n\
                     parts: load, hand, first-frame, glass, wheels, loss, jitter, outage, throttle";

/// A part that can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Processor and memory for 0, 1, 5 and 10 viewers.
    Load,
    /// From a key on our own page to the world that moves, and what the world costs.
    Hand,
    FirstFrame,
    /// How old frames are when they are painted, beside the references.
    Glass,
    /// Orders by data channel.
    Wheels,
    Loss,
    Jitter,
    Outage,
    Throttle,
}

const PARTS: [(&str, Part); 9] = [
    ("load", Part::Load),
    ("hand", Part::Hand),
    ("first-frame", Part::FirstFrame),
    ("glass", Part::Glass),
    ("wheels", Part::Wheels),
    ("loss", Part::Loss),
    ("jitter", Part::Jitter),
    ("outage", Part::Outage),
    ("throttle", Part::Throttle),
];

/// What was asked for. No part and no size named means all.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Arguments {
    pub json: Option<PathBuf>,
    parts: Vec<Part>,
    sizes: Vec<String>,
}

impl Arguments {
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> anyhow::Result<Self> {
        let mut arguments = Self::default();
        let mut words = words.into_iter();
        while let Some(flag) = words.next() {
            let value = words.next();
            let value =
                value.ok_or_else(|| anyhow::anyhow!("{}: no value\n{USAGE}", flag.display()))?;
            let text = value.to_string_lossy();
            match flag.to_str() {
                Some("--json") => arguments.json = Some(value.into()),
                Some("--only") => match PARTS.iter().find(|(name, _)| *name == text) {
                    Some((_, part)) => arguments.parts.push(*part),
                    None => anyhow::bail!("--only {text}: no such part\n{USAGE}"),
                },
                Some("--size") if SIZES.iter().any(|size| size.label() == text) => {
                    arguments.sizes.push(text.into_owned());
                }
                _ => anyhow::bail!("{} {text}: not known\n{USAGE}", flag.display()),
            }
        }
        Ok(arguments)
    }

    pub(crate) fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    pub(crate) fn sizes(&self) -> impl Iterator<Item = &'static Size> {
        let wanted = |size: &&Size| self.sizes.is_empty() || self.sizes.contains(&size.label());
        SIZES.iter().filter(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> anyhow::Result<Arguments> {
        Arguments::read(words.iter().map(OsString::from))
    }

    #[test]
    fn all_is_run_unless_parts_are_named() {
        let all = read(&["--json", "x"]).unwrap();
        assert!(PARTS.iter().all(|(_, part)| all.wants(*part)));
        assert_eq!(all.sizes().count(), SIZES.len());
        let some = read(&["--only", "loss", "--only", "load", "--size", "640x480"]).unwrap();
        let wanted = PARTS.iter().filter(|(_, part)| some.wants(*part));
        assert_eq!(wanted.count(), 2);
        assert_eq!(
            some.sizes().map(Size::label).collect::<Vec<_>>(),
            ["640x480"]
        );
    }

    #[test]
    fn what_is_not_known_is_named() {
        for words in [["--only", "glas"], ["--size", "1x1"], ["--speed", "2"]] {
            let error = read(&words).unwrap_err().to_string();
            assert!(
                error.contains(words[1]) && error.contains("usage"),
                "{error}"
            );
        }
        assert!(read(&["--only"]).is_err());
    }
}
