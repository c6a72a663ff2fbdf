//! What the wheels did, read as it is written.

use crate::robot::Write;
use crate::unix_ns;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

/// What a line may be older than its reading, or younger: more is a clock that is wrong.
const PLAUSIBLE_NS: u64 = 500_000_000;

/// The transcript of the simulated board.
pub(super) struct Transcript {
    path: PathBuf,
    read: u64,
    writes: Vec<Write>,
    /// Whether the robot's clock may be wrong: then a line that is far from the time of its reading
    /// gets that time, so that [`Transcript::follow`] must be called every few milliseconds.
    pub(super) clock_is_wrong: bool,
}

impl Transcript {
    /// The one at `path`, from its beginning.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: 0,
            writes: Vec::new(),
            clock_is_wrong: false,
        }
    }

    /// Reads what is new.
    pub(super) fn follow(&mut self) -> &[Write] {
        if let Some(lines) = self.lines() {
            for line in lines {
                if let Ok(mut write) = serde_json::from_str::<Write>(&line) {
                    let now = unix_ns();
                    if self.clock_is_wrong && write.t_ns.abs_diff(now) > PLAUSIBLE_NS {
                        write.t_ns = now;
                    }
                    self.writes.push(write);
                }
            }
        }
        &self.writes
    }

    /// The lines that are whole.
    fn lines(&mut self) -> Option<Vec<String>> {
        let mut file = std::fs::File::open(&self.path).ok()?;
        file.seek(SeekFrom::Start(self.read)).ok()?;
        let mut file = BufReader::new(file);
        let mut lines = Vec::new();
        let mut line = String::new();
        while file.read_line(&mut line).ok()? > 0 && line.ends_with('\n') {
            self.read += line.len() as u64;
            lines.push(std::mem::take(&mut line));
        }
        Some(lines)
    }
}
