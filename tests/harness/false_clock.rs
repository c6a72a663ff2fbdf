//! A wall clock that is wrong, for one program, and may jump at any time. The monotonic clock stays
//! right. A library that comes before libc's shows it (`false_clock.c`).

use crate::unix_ns;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("false_clock.c");

const DAY_S: i64 = 86_400;

/// The clock, and the file that says how wrong it is.
#[derive(Clone, Debug)]
pub struct FalseClock {
    library: PathBuf,
    file: PathBuf,
}

impl FalseClock {
    /// One that is right, with its files in `folder`.
    ///
    /// # Panics
    /// When there is no C compiler, which Rust needs as well.
    pub fn new(folder: &Path) -> Self {
        let source = folder.join("false_clock.c");
        let library = folder.join("false_clock.so");
        std::fs::write(&source, SOURCE).expect("the folder is the test's own");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]);
        let compiled = compile.arg(&library).arg(&source).status();
        let compiled = compiled.expect("there is a C compiler: run scripts/setup");
        assert!(compiled.success(), "{SOURCE}");
        let clock = Self {
            library,
            file: folder.join("false_clock"),
        };
        clock.set(0);
        clock
    }

    /// From now on it is ahead by so many seconds.
    ///
    /// # Panics
    /// When its folder is gone.
    pub fn set(&self, seconds: i64) {
        // Never truncated: programs have it mapped.
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false);
        let mut file = file.open(&self.file).expect("the folder is the test's own");
        let written = file.write_all(&seconds.to_ne_bytes());
        written.expect("the folder is the test's own");
    }

    /// From now on it shows the second day of 1970.
    pub fn set_1970(&self) {
        let now = i64::try_from(unix_ns() / 1_000_000_000).expect("seconds fit");
        self.set(DAY_S - now);
    }

    /// What a program must have in its environment to be shown this clock.
    pub fn env(&self) -> [(&'static str, String); 2] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FALSE_CLOCK", self.file.display().to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sees_the_wrong_time_and_this_one_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        let clock = FalseClock::new(folder.path());
        for (seconds, year) in [(0, None), (-3600, None), (0, Some("1970"))] {
            clock.set(seconds);
            if year.is_some() {
                clock.set_1970();
            }
            let mut date = Command::new("date");
            date.args(["-u", "+%s %Y"]).envs(clock.env());
            let shown = String::from_utf8(date.output().unwrap().stdout).unwrap();
            let (at, shown_year) = shown.trim().split_once(' ').unwrap();
            match year {
                Some(year) => assert_eq!(shown_year, year),
                None => {
                    let now = i64::try_from(unix_ns() / 1_000_000_000).unwrap();
                    let ahead = at.parse::<i64>().unwrap() - now;
                    assert!((ahead - seconds).abs() <= 5, "{ahead}");
                }
            }
        }
    }
}
