//! A library that comes before libc's for one program (`false_libc.c`): it shows a wall clock that is
//! wrong, and may jump at any time, while the monotonic clock stays right; or it resolves no name.

use crate::unix_ns;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("false_libc.c");

const DAY_S: i64 = 86_400;

/// The library, and the file by which it is told what to say.
#[derive(Clone, Debug)]
pub struct FalseLibc {
    library: PathBuf,
    file: PathBuf,
}

impl FalseLibc {
    /// One that tells the truth, with its files in `folder`.
    ///
    /// # Panics
    /// When there is no C compiler, which Rust needs as well.
    pub fn new(folder: &Path) -> Self {
        let source = folder.join("false_libc.c");
        let library = folder.join("false_libc.so");
        std::fs::write(&source, SOURCE).expect("the folder is the test's own");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]);
        let compiled = compile.arg(&library).arg(&source).arg("-ldl").status();
        let compiled = compiled.expect("there is a C compiler: run scripts/setup");
        assert!(compiled.success(), "{SOURCE}");
        let libc = Self {
            library,
            file: folder.join("false_libc"),
        };
        libc.tell_truth();
        libc
    }

    /// From now on nothing is wrong.
    pub fn tell_truth(&self) {
        self.write([0, 0]);
    }

    /// From now on no name can be resolved.
    pub fn resolve_nothing(&self) {
        self.write([0, 1]);
    }

    /// From now on the clock is ahead by so many seconds.
    pub fn set_clock(&self, seconds: i64) {
        self.write([seconds, 0]);
    }

    /// From now on the clock shows the second day of 1970.
    pub fn set_clock_1970(&self) {
        let now = i64::try_from(unix_ns() / 1_000_000_000).expect("seconds fit");
        self.set_clock(DAY_S - now);
    }

    fn write(&self, lies: [i64; 2]) {
        // Never truncated: programs have it mapped.
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false);
        let mut file = file.open(&self.file).expect("the folder is the test's own");
        let bytes = lies.map(i64::to_ne_bytes).concat();
        file.write_all(&bytes)
            .expect("the folder is the test's own");
    }

    /// What a program must have in its environment to be told all this.
    pub fn env(&self) -> [(&'static str, String); 2] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FALSE_LIBC", self.file.display().to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sees_the_wrong_time_and_this_one_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        let libc = FalseLibc::new(folder.path());
        for (seconds, year) in [(0, None), (-3600, None), (0, Some("1970"))] {
            libc.set_clock(seconds);
            if year.is_some() {
                libc.set_clock_1970();
            }
            let mut date = Command::new("date");
            date.args(["-u", "+%s %Y"]).envs(libc.env());
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

    #[test]
    fn a_program_resolves_nothing_while_it_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let libc = FalseLibc::new(folder.path());
        let mut ask = Command::new("getent");
        ask.args(["ahosts", "localhost"]).envs(libc.env());
        assert!(ask.status().unwrap().success());
        libc.resolve_nothing();
        assert!(!ask.status().unwrap().success());
    }
}
