//! Who drove which robot, and when.

use super::{Store, StoreError};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use wire::telemetry::Via;

/// Entries that are kept of each robot, the newest: months of a robot that is driven every
/// day, in about two megabytes.
pub const MAX_ENTRIES: usize = 10_000;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveEntry {
    /// When the robot's report of it came, in Unix milliseconds.
    pub at_ms: u64,
    #[serde(flatten)]
    pub event: DriveEvent,
}

/// What became of the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum DriveEvent {
    /// Somebody drives, or goes on by another road.
    Began { driver: Sender },
    /// Somebody drives in place of another.
    TookOver { driver: Sender, from: Sender },
    /// They let go, left, or fell silent.
    Ended { driver: Sender },
    /// Another one stopped them.
    Stopped { driver: Sender, by: Sender },
    /// The robot reports no more; what its driver does is not known.
    Lost { driver: Sender },
}

/// Who sends actions, as the robot names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The viewer's client id, or the action's `sender`.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub via: Via,
}

impl Store {
    /// Adds entries, each with its robot, and forgets the oldest beyond [`MAX_ENTRIES`].
    pub fn add_drive_entries(&self, entries: &[(String, DriveEntry)]) -> Result<(), StoreError> {
        self.transaction(|db| {
            for (robot, entry) in entries {
                let event =
                    serde_json::to_string(&entry.event).expect("words and names have a JSON form");
                db.execute(
                    "INSERT INTO drives (robot, at_ms, event) VALUES (?, ?, ?)",
                    params![robot, entry.at_ms, event],
                )?;
            }
            let robots: BTreeSet<_> = entries.iter().map(|(robot, _)| robot).collect();
            for robot in robots {
                db.execute(
                    "DELETE FROM drives WHERE robot = ?1 AND id <=
                     (SELECT id FROM drives WHERE robot = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                    params![robot, MAX_ENTRIES],
                )?;
            }
            Ok(())
        })
    }

    /// At most `limit` entries of `robot` that are not older than `since_ms`, the newest first.
    pub fn drive_entries(
        &self,
        robot: &str,
        since_ms: u64,
        limit: usize,
    ) -> Result<Vec<DriveEntry>, StoreError> {
        let db = self.connection();
        let mut statement = db.prepare(
            "SELECT at_ms, event FROM drives WHERE robot = ? AND at_ms >= ?
             ORDER BY id DESC LIMIT ?",
        )?;
        let mut rows = statement.query(params![robot, since_ms, limit])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let event: String = row.get(1)?;
            let event = serde_json::from_str(&event).map_err(|error| StoreError::Unreadable {
                what: format!("a drive of {robot}"),
                why: error.to_string(),
            })?;
            let at_ms = row.get(0)?;
            entries.push(DriveEntry { at_ms, event });
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at_ms: u64) -> DriveEntry {
        let sender = |id: &str, via| Sender {
            id: id.to_owned(),
            user: (via == Via::Mqtt).then(|| "user-ann".to_owned()),
            via,
        };
        let driver = sender("page-1", Via::Mqtt);
        let by = sender("page-2", Via::DataChannel);
        let event = DriveEvent::Stopped { driver, by };
        DriveEntry { at_ms, event }
    }

    #[test]
    fn entries_survive_a_restart_and_are_read_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("station.db");
        let store = Store::open(&path).unwrap();
        let of = |robot: &str, at_ms| (robot.to_owned(), entry(at_ms));
        let written = [
            of("rover", 1),
            of("scout", 2),
            of("rover", 3),
            of("rover", 4),
        ];
        store.add_drive_entries(&written).unwrap();
        drop(store);
        let store = Store::open(&path).unwrap();
        let read = |since_ms, limit| store.drive_entries("rover", since_ms, limit).unwrap();
        assert_eq!(read(0, 9), [entry(4), entry(3), entry(1)]);
        assert_eq!(read(2, 9), [entry(4), entry(3)]);
        assert_eq!(read(0, 1), [entry(4)]);
        assert!(store.drive_entries("ghost", 0, 9).unwrap().is_empty());
    }

    #[test]
    fn of_each_robot_only_the_newest_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        store
            .add_drive_entries(&[("scout".to_owned(), entry(0))])
            .unwrap();
        let many = (0..MAX_ENTRIES as u64 + 5).map(|at_ms| ("rover".to_owned(), entry(at_ms)));
        store.add_drive_entries(&many.collect::<Vec<_>>()).unwrap();
        let kept = store.drive_entries("rover", 0, usize::MAX >> 1).unwrap();
        assert_eq!(kept.len(), MAX_ENTRIES);
        assert_eq!(kept.last(), Some(&entry(5)));
        assert_eq!(store.drive_entries("scout", 0, 9).unwrap().len(), 1);
    }
}
