//! Errors of the store.

use crate::state_dir::StateDirError;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite's own words; it repeats them in its causes, so this has none.
    #[error("the database: {0}")]
    Sql(rusqlite::Error),
    /// No restart cures it.
    #[error(transparent)]
    Lost(StateDirError),
    #[error("the database holds {what} that cannot be read: {why}")]
    Unreadable { what: String, why: String },
    /// Made by a newer ground-station.
    #[error("the database has version {found}, this ground-station knows up to {known}")]
    Newer { found: i64, known: i64 },
    #[error("{0}")]
    Taken(String),
    #[error("{0}")]
    Unknown(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn what_sqlite_says_is_said_once() {
        let busy = ffi::Error::new(ffi::SQLITE_BUSY);
        let words = Some("database is locked".to_owned());
        let error = StoreError::from(rusqlite::Error::SqliteFailure(busy, words));
        let told = format!("{:#}", anyhow::Error::from(error).context("a command"));
        assert_eq!(told, "a command: the database: database is locked");
    }
}
