//! What is told of a state folder of which a part was lost: it is not taken for a new one.

use super::error::StoreError;
use crate::state_dir::StateDir;
use rusqlite::{Connection, ErrorCode};
use std::fs;

/// Whether the database is whole, or new beside a folder that is new too.
pub(super) fn check_database(state_dir: &StateDir) -> Result<(), StoreError> {
    // Asked first: the CA is made after the tables, also by a command that starts at this moment.
    let had_ca = state_dir.has_ca();
    let path = state_dir.database();
    // SQLite would throw away the log beside an empty file, of which something could be recovered.
    let version = if fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
        0
    } else {
        match version_of_whole(&Connection::open(&path)?) {
            Ok(version) => version,
            Err(StoreError::Sql(error)) if is_damage(&error) => {
                return Err(lost(state_dir, format!("station.db is damaged ({error})")));
            }
            Err(error) => return Err(error),
        }
    };
    if had_ca && version == 0 {
        return Err(lost(state_dir, "station.db is empty".to_owned()));
    }
    Ok(())
}

/// Whether the CA that signed for those in the database is there.
pub(super) fn check_ca(state_dir: &StateDir, revision: u64) -> Result<(), StoreError> {
    // Nothing was ever written down, so nobody misses the CA.
    if revision == 0 {
        return Ok(());
    }
    for file in [state_dir.ca_certificate(), state_dir.ca_key()] {
        if !file.exists() {
            let name = file.file_name().unwrap_or_default().display();
            return Err(lost(state_dir, format!("{name} is gone")));
        }
    }
    Ok(())
}

/// The version of the tables, once SQLite has found no fault with the file.
fn version_of_whole(db: &Connection) -> Result<i64, StoreError> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        let damaged = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(damaged, Some(verdict)).into());
    }
    Ok(db.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}

fn lost(state_dir: &StateDir, what: String) -> StoreError {
    StoreError::Lost(state_dir.lost(what))
}
