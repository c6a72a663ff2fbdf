//! The tables, and the steps from each version of them to the next.

use super::error::StoreError;
use rusqlite::{Connection, TransactionBehavior};

/// Step `n` brings version `n` to `n + 1`; a released step is never changed.
const STEPS: &[&str] = &[
    "
    CREATE TABLE names (
        name TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('robot', 'operator')),
        made_s INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE certificates (
        serial TEXT PRIMARY KEY,
        name TEXT NOT NULL REFERENCES names(name),
        issued_s INTEGER NOT NULL,
        expires_s INTEGER NOT NULL,
        revoked_s INTEGER
    ) STRICT;
    CREATE INDEX certificates_by_name ON certificates(name);
    CREATE TABLE keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL UNIQUE,
        robots TEXT NOT NULL,
        may TEXT NOT NULL,
        rate REAL NOT NULL,
        burst INTEGER NOT NULL,
        quota INTEGER,
        made_s INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE spent (
        key_id INTEGER PRIMARY KEY REFERENCES keys(id) ON DELETE CASCADE,
        day INTEGER NOT NULL,
        requests INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE users (
        name TEXT PRIMARY KEY,
        password TEXT NOT NULL,
        robots TEXT NOT NULL,
        stamp TEXT NOT NULL,
        made_s INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE revision (
        number INTEGER NOT NULL
    ) STRICT;
    INSERT INTO revision VALUES (0);
    CREATE TABLE hosts (
        host TEXT PRIMARY KEY
    ) STRICT;
    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE drives (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        robot TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
    CREATE INDEX drives_by_robot ON drives(robot, id);
",
    // Keys from before that may sign do so once more.
    "
    ALTER TABLE keys ADD COLUMN certificates_left INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE keys ADD COLUMN signs_until_s INTEGER NOT NULL DEFAULT 0;
    UPDATE keys SET certificates_left = 1, signs_until_s = unixepoch() + 7 * 86400
        WHERE may LIKE '%sign%';
",
];

/// Brings the tables to the version that this program knows.
pub(super) fn bring_up(connection: &mut Connection) -> Result<(), StoreError> {
    let known = STEPS.len() as i64;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for step in &STEPS[found.max(0) as usize..] {
        transaction.execute_batch(step)?;
    }
    if found < known {
        transaction.pragma_update(None, "user_version", known)?;
    }
    transaction.commit()?;
    Ok(())
}
