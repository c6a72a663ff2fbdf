//! What must survive a restart: names, certificates, keys, users, counts, who drove. SQLite.
//!
//! Owns the tables and a [`Directory`], the copy in memory that every request reads, so that
//! no request waits for a disk. Commands write from another process while `run` runs;
//! [`Store::refresh`] notices that. Knows nothing of HTTP, MQTT or how a secret is checked.

mod accounts;
mod certificates;
mod directory;
mod drive_log;
mod error;
mod loss;
mod schema;

pub use accounts::{NewKey, NewUser};
pub use certificates::Certificate;
pub use directory::{Directory, Key, Kind, Permission, RobotScope, User};
pub use drive_log::{DriveEntry, DriveEvent, MAX_ENTRIES, Sender};
pub use error::StoreError;

use crate::state_dir::StateDir;
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a writer waits for another one, a command beside `run` say. Every transaction
/// here takes milliseconds; a minute-long one would be a fault worth an error.
const BUSY: Duration = Duration::from_secs(5);

/// The store and its copy in memory.
pub struct Store {
    /// Writes, and reads that are not worth a copy.
    connection: Mutex<Connection>,
    /// Sees the changes of every other connection, ours for writing included.
    watcher: Mutex<Watcher>,
    directory: watch::Sender<Arc<Directory>>,
}

struct Watcher {
    connection: Connection,
    seen: i64,
}

impl Store {
    /// Opens the database of a state folder; see [`Store::open`].
    ///
    /// # Errors
    /// Also when a part of the folder was lost: see [`StoreError::Lost`].
    pub fn open_in(state_dir: &StateDir) -> Result<Self, StoreError> {
        loss::check_database(state_dir)?;
        let store = Self::open(&state_dir.database())?;
        loss::check_ca(state_dir, store.directory().revision)?;
        Ok(store)
    }

    /// Opens the database, making or bringing up its tables.
    ///
    /// # Errors
    /// When it is no database, newer than this program, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connect(path)?;
        schema::bring_up(&mut connection)?;
        let watcher = connect(path)?;
        let seen = data_version(&watcher)?;
        let directory = Directory::read(&watcher)?;
        Ok(Self {
            connection: Mutex::new(connection),
            watcher: Mutex::new(Watcher {
                connection: watcher,
                seen,
            }),
            directory: watch::Sender::new(Arc::new(directory)),
        })
    }

    /// Everything a request needs to know, as it was within the last second.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.borrow().clone()
    }

    /// Tells of every change of the directory.
    pub fn changes(&self) -> watch::Receiver<Arc<Directory>> {
        self.directory.subscribe()
    }

    /// Reads the directory anew if the database has changed; says whether it had.
    ///
    /// # Errors
    /// When the database cannot be read; the old directory stays.
    pub fn refresh(&self) -> Result<bool, StoreError> {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let version = data_version(&watcher.connection)?;
        if version == watcher.seen {
            return Ok(false);
        }
        let directory = Directory::read(&watcher.connection)?;
        watcher.seen = version;
        self.directory.send_if_modified(|current| {
            let modified = **current != directory;
            if modified {
                *current = Arc::new(directory);
            }
            modified
        });
        Ok(true)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A change of the directory, which gets another revision by it.
    fn change<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.transaction(|db| {
            let result = work(db)?;
            db.execute("UPDATE revision SET number = number + 1", [])?;
            Ok(result)
        })
    }

    /// One transaction, and the directory brought up after it.
    fn transaction<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = {
            let mut connection = self.connection();
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            result
        };
        self.refresh()?;
        Ok(result)
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // What a command has answered for must be on the disk; counts are flushed in bulk, so
    // the price of a sync is paid seldom.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_another_process_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("station.db");
        let ours = Store::open(&path).unwrap();
        let theirs = Store::open(&path).unwrap();
        assert!(!ours.refresh().unwrap());
        theirs.add_name("rover", Kind::Robot, 0).unwrap();
        assert!(!ours.directory().robots.contains("rover"));
        assert!(ours.refresh().unwrap());
        assert!(ours.directory().robots.contains("rover"));
    }

    #[test]
    fn our_own_change_is_seen_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        store.add_name("rover", Kind::Robot, 0).unwrap();
        assert!(store.directory().robots.contains("rover"));
    }

    #[test]
    fn a_database_of_a_newer_program_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("station.db");
        drop(Store::open(&path).unwrap());
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let error = Store::open(&path).err().unwrap().to_string();
        assert!(error.contains("99"), "{error}");
    }
}
