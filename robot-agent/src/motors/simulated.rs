//! A board that is not there: it logs what it would do, and appends it to a file for
//! whoever measures.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::board::{Board, BoardError};
use super::settings::Settings;
use crate::clock;
use crate::drive::Wheels;

/// Both motors exist in words only.
struct Simulated {
    transcript: Option<File>,
}

/// Opens the transcript, if there is to be one; a board that is opened is a board at rest.
pub(super) fn open(settings: &Settings) -> Result<Box<dyn Board>, BoardError> {
    let transcript = settings.transcript.as_deref().map(append_to).transpose()?;
    let mut board = Simulated { transcript };
    board.write(line(now_ns(), Wheels::REST, true))?;
    Ok(Box::new(board))
}

fn append_to(path: &Path) -> Result<File, BoardError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| BoardError::open(format!("the transcript {}", path.display()), error))
}

impl Board for Simulated {
    fn drive(&mut self, wheels: Wheels) -> Result<(), BoardError> {
        self.write(line(now_ns(), wheels, false))?;
        tracing::info!(
            left = wheels.left.get(),
            right = wheels.right.get(),
            "the wheels would turn"
        );
        Ok(())
    }

    fn stop(&mut self) -> Result<(), BoardError> {
        self.write(line(now_ns(), Wheels::REST, true))?;
        tracing::info!("the wheels would stop");
        Ok(())
    }

    fn check(&mut self) -> Result<(), BoardError> {
        Ok(())
    }
}

impl Simulated {
    /// One `write` per line, so that a reader never sees half of one.
    fn write(&mut self, line: String) -> Result<(), BoardError> {
        let Some(file) = &mut self.transcript else {
            return Ok(());
        };
        file.write_all(line.as_bytes())
            .map_err(|error| BoardError::transfer("append to the transcript", error))
    }
}

fn line(t_ns: u128, wheels: Wheels, stop: bool) -> String {
    let (left, right) = (wheels.left.get(), wheels.right.get());
    let stop = if stop { r#","stop":true"# } else { "" };
    format!("{{\"t_ns\":{t_ns},\"left\":{left:?},\"right\":{right:?}{stop}}}\n")
}

/// Nanoseconds of the wall clock, to be compared with other processes' on this machine.
fn now_ns() -> u128 {
    clock::wall()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::Throttle;
    use crate::motors::Driver;

    fn settings(transcript: &Path) -> Settings {
        Settings {
            transcript: Some(transcript.to_owned()),
            ..Settings::new(Driver::Simulated)
        }
    }

    fn wheels(left: f64, right: f64) -> Wheels {
        Wheels {
            left: Throttle::new(left).unwrap(),
            right: Throttle::new(right).unwrap(),
        }
    }

    #[test]
    fn every_write_is_one_line_of_json_appended_to_the_transcript() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("transcript.jsonl");
        let before = now_ns();
        for _ in 0..2 {
            let mut board = open(&settings(&path)).unwrap();
            board.drive(wheels(0.5, -0.25)).unwrap();
            board.stop().unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0]["stop"], true, "opening is a stop");
        assert!(lines[0]["t_ns"].as_u64().map(u128::from) >= Some(before));
        assert_eq!(
            (&lines[1]["left"], &lines[1]["right"]),
            (&0.5.into(), &(-0.25).into())
        );
        assert_eq!(lines[1].get("stop"), None);
        assert_eq!(lines[2]["stop"], true);
        assert_eq!(
            (&lines[5]["left"], &lines[5]["right"]),
            (&0.0.into(), &0.0.into())
        );
    }

    #[test]
    fn a_transcript_that_cannot_be_written_is_a_fault_that_names_the_file() {
        let path = Path::new("/nowhere/transcript");
        let Err(fault) = open(&settings(path)) else {
            panic!("opened a file in a folder that does not exist");
        };
        assert!(
            fault.words().contains("/nowhere/transcript: No such file"),
            "{}",
            fault.words()
        );
    }
}
