//! Errors of the store.

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database: {0}")]
    Sql(#[from] rusqlite::Error),
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
