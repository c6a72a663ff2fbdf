//! The copy in memory of everything that a request needs to know.

use super::error::StoreError;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Everything but the counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    pub revision: u64,
    /// Names of the robots.
    pub robots: BTreeSet<String>,
    /// Names that may publish every robot's action and read every robot's telemetry.
    pub operators: BTreeSet<String>,
    /// API keys by the SHA-256 of the key.
    pub keys: HashMap<[u8; 32], Key>,
    pub users: HashMap<String, User>,
    /// Revoked certificates: serial number in hexadecimal, and when (Unix seconds).
    pub revoked: BTreeMap<String, u64>,
    /// Names and addresses that the server certificate must hold, beside this machine's own.
    pub hosts: BTreeSet<String>,
}

/// What a name in a certificate stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads its own action, writes its own telemetry.
    Robot,
    /// Writes every action, reads every telemetry.
    Operator,
}

/// What an API key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Tell its robots what to do, and see how they are.
    Publish,
    /// Have certificates of its robots signed.
    Sign,
    /// Read the Mars API.
    Mars,
}

/// Which robots a key or a user has to do with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RobotScope {
    /// Every robot there is or will be.
    All,
    Only(BTreeSet<String>),
}

/// An API key; the key itself is nowhere stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its number, by which it is named in logs and revoked.
    pub id: i64,
    pub robots: RobotScope,
    pub may: BTreeSet<Permission>,
    /// Requests per second in the long run.
    pub rate: f64,
    /// Requests that may come at once.
    pub burst: u32,
    /// Requests per day (UTC); none means no limit.
    pub quota: Option<u64>,
}

/// Somebody who signs in with a password.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Argon2 hash in PHC form.
    pub password: String,
    pub robots: RobotScope,
    /// Changes with the password; a token with another version is void.
    pub password_version: String,
}

impl RobotScope {
    /// Whether `robot` is one of them.
    pub fn contains(&self, robot: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(robot),
        }
    }

    /// Those of them that there are.
    pub fn of<'a>(&'a self, known: &'a BTreeSet<String>) -> impl Iterator<Item = &'a String> {
        known.iter().filter(|robot| self.contains(robot))
    }
}

impl From<Vec<String>> for RobotScope {
    /// No names mean all robots.
    fn from(names: Vec<String>) -> Self {
        if names.is_empty() {
            Self::All
        } else {
            Self::Only(names.into_iter().collect())
        }
    }
}

impl Kind {
    /// As the database writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Robot => "robot",
            Self::Operator => "operator",
        }
    }
}

impl Directory {
    /// What `name` stands for, if anything.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        if self.robots.contains(name) {
            Some(Kind::Robot)
        } else if self.operators.contains(name) {
            Some(Kind::Operator)
        } else {
            None
        }
    }

    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        // One read transaction: the tables fit together even while a command writes.
        let transaction = connection.unchecked_transaction()?;
        let directory = Self {
            revision: transaction.query_row("SELECT number FROM revision", [], |row| row.get(0))?,
            robots: names(&transaction, Kind::Robot)?,
            operators: names(&transaction, Kind::Operator)?,
            keys: rows(&transaction, "SELECT * FROM keys", key)?,
            users: rows(&transaction, "SELECT * FROM users", user)?,
            revoked: rows(
                &transaction,
                "SELECT serial, revoked_s FROM certificates WHERE revoked_s IS NOT NULL",
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?,
            hosts: rows(
                &transaction,
                "SELECT host FROM hosts",
                |row| Ok(row.get(0)?),
            )?,
        };
        transaction.commit()?;
        Ok(directory)
    }
}

fn names(connection: &Connection, kind: Kind) -> Result<BTreeSet<String>, StoreError> {
    let mut statement = connection.prepare("SELECT name FROM names WHERE kind = ?")?;
    let names = statement.query_map([kind.word()], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn rows<T, C: FromIterator<T>>(
    connection: &Connection,
    query: &str,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<C, StoreError> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all.into_iter().collect())
}

fn key(row: &Row<'_>) -> Result<([u8; 32], Key), StoreError> {
    let id = row.get("id")?;
    let key = Key {
        id,
        robots: json(row, "robots", || format!("key {id}"))?,
        may: json(row, "may", || format!("key {id}"))?,
        rate: row.get("rate")?,
        burst: row.get("burst")?,
        quota: row.get("quota")?,
    };
    Ok((row.get("hash")?, key))
}

fn user(row: &Row<'_>) -> Result<(String, User), StoreError> {
    let name: String = row.get("name")?;
    let user = User {
        password: row.get("password")?,
        robots: json(row, "robots", || format!("user {name}"))?,
        password_version: row.get("stamp")?,
    };
    Ok((name, user))
}

fn json<T: for<'a> Deserialize<'a>>(
    row: &Row<'_>,
    column: &str,
    what: impl Fn() -> String,
) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| StoreError::Unreadable {
        what: format!("{} of {}", column, what()),
        why: error.to_string(),
    })
}
