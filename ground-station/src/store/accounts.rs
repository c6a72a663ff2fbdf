//! Keys, users, and what the keys have spent today.

use super::certificates::add_name;
use super::directory::{Key, Permission, RobotScope};
use super::{Kind, Store, StoreError};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use std::collections::BTreeSet;

/// A key to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    pub robots: RobotScope,
    pub may: BTreeSet<Permission>,
    /// Requests per second in the long run.
    pub rate: f64,
    /// Requests that may come at once.
    pub burst: u32,
    pub quota: Option<u64>,
    /// Certificates that it may have signed.
    pub certificates: u32,
    /// Until when, in Unix seconds.
    pub signs_until_s: u64,
}

/// A user to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub name: String,
    /// Argon2 hash in PHC form.
    pub password: String,
    /// None: those of the user who is replaced, or else all.
    pub robots: Option<RobotScope>,
    /// Unlike that of any user before.
    pub password_version: String,
}

impl Store {
    /// Adds a key, taking up the names of its robots; its number.
    pub fn add_key(&self, key: &NewKey, now_s: u64) -> Result<i64, StoreError> {
        self.change(|db| {
            if let RobotScope::Only(robots) = &key.robots {
                for robot in robots {
                    add_name(db, robot, Kind::Robot, now_s)?;
                }
            }
            db.execute(
                "INSERT INTO keys (hash, robots, may, rate, burst, quota, made_s,
                                   certificates_left, signs_until_s)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    key.hash,
                    json(&key.robots),
                    json(&key.may),
                    key.rate,
                    key.burst,
                    key.quota,
                    now_s,
                    key.certificates,
                    key.signs_until_s
                ],
            )?;
            Ok(db.last_insert_rowid())
        })
    }

    pub fn remove_key(&self, id: i64) -> Result<(), StoreError> {
        self.change(
            |db| match db.execute("DELETE FROM keys WHERE id = ?", [id])? {
                0 => Err(StoreError::Unknown(format!("there is no key {id}"))),
                _ => Ok(()),
            },
        )
    }

    /// Adds a user; with `replace`, one of that name may be there already.
    pub fn add_user(&self, user: &NewUser, replace: bool, now_s: u64) -> Result<(), StoreError> {
        self.change(|db| {
            let taken: Option<String> = db
                .query_row(
                    "SELECT robots FROM users WHERE name = ?",
                    [&user.name],
                    |row| row.get(0),
                )
                .optional()?;
            if taken.is_some() && !replace {
                return Err(StoreError::Taken(format!(
                    "there is a user {:?} already: --replace gives a new password",
                    user.name
                )));
            }
            if let Some(RobotScope::Only(robots)) = &user.robots {
                for robot in robots {
                    add_name(db, robot, Kind::Robot, now_s)?;
                }
            }
            let robots = match (&user.robots, taken) {
                (Some(robots), _) => json(robots),
                (None, Some(before)) => before,
                (None, None) => json(&RobotScope::All),
            };
            db.execute(
                "INSERT OR REPLACE INTO users (name, password, robots, stamp, made_s)
                 VALUES (?, ?, ?, ?, ?)",
                params![
                    user.name,
                    user.password,
                    robots,
                    user.password_version,
                    now_s
                ],
            )?;
            Ok(())
        })
    }

    /// Removes a user, and with them the worth of their tokens.
    pub fn remove_user(&self, name: &str) -> Result<(), StoreError> {
        self.change(
            |db| match db.execute("DELETE FROM users WHERE name = ?", [name])? {
                0 => Err(StoreError::Unknown(format!("there is no user {name:?}"))),
                _ => Ok(()),
            },
        )
    }

    /// How many requests each key has spent on `day` (days since 1970).
    pub fn spent(&self, day: u64) -> Result<Vec<(i64, u64)>, StoreError> {
        let db = self.connection();
        let mut statement = db.prepare("SELECT key_id, requests FROM spent WHERE day = ?")?;
        let spent = statement.query_map([day], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(spent.collect::<Result<_, _>>()?)
    }

    /// Remembers how many requests each key has spent on `day`. A key that was removed
    /// meanwhile is passed over.
    pub fn set_spent(&self, day: u64, spent: &[(i64, u64)]) -> Result<(), StoreError> {
        self.transaction(|db| {
            for (key, requests) in spent {
                db.execute(
                    "INSERT INTO spent (key_id, day, requests)
                     SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM keys WHERE id = ?1)
                     ON CONFLICT (key_id) DO UPDATE SET day = ?2, requests = ?3",
                    params![key, day, requests],
                )?;
            }
            Ok(())
        })
    }
}

impl Key {
    /// As logs name it.
    pub fn label(&self) -> String {
        format!("key-{}", self.id)
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("names and words have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Certificate;

    fn key(hash: u8) -> NewKey {
        NewKey {
            hash: [hash; 32],
            robots: vec!["rover".to_owned()].into(),
            may: [Permission::Publish, Permission::Mars].into(),
            rate: 5.0,
            burst: 10,
            quota: Some(100),
            certificates: 2,
            signs_until_s: 50,
        }
    }

    #[test]
    fn a_key_has_so_many_certificates_signed_until_its_time_or_until_its_robot_is_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        let id = store.add_key(&key(1), 7).unwrap();
        let other = store.add_key(&key(2), 7).unwrap();
        let sign = |key, name: &str, issued_s| {
            let certificate = Certificate {
                serial: format!("{key}-{name}-{issued_s}"),
                issued_s,
                expires_s: 100,
            };
            store.enrol(key, name, &certificate).is_ok()
        };
        assert!(sign(id, "rover", 10) && sign(id, "rover", 11));
        assert!(!sign(id, "rover", 12), "two are two");
        assert!(!sign(other, "rover", 50), "its time is over");
        assert!(sign(other, "rover", 49));
        store.revoke_certificates("rover", 49).unwrap();
        assert!(!sign(other, "rover", 49), "the robot was revoked");
        assert!(store.directory().revoked.len() == 3);
    }

    #[test]
    fn a_key_is_read_back_as_it_was_made_and_counts_survive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("station.db");
        let store = Store::open(&path).unwrap();
        let id = store.add_key(&key(1), 7).unwrap();
        store.set_spent(3, &[(id, 41), (999, 1)]).unwrap();
        drop(store);
        let store = Store::open(&path).unwrap();
        let found = store.directory().keys[&[1; 32]].clone();
        assert_eq!(found.robots, key(1).robots);
        assert_eq!(found.may, key(1).may);
        assert_eq!((found.rate, found.burst, found.quota), (5.0, 10, Some(100)));
        assert_eq!(store.spent(3).unwrap(), [(id, 41)]);
        assert!(store.spent(4).unwrap().is_empty());
        assert!(store.directory().robots.contains("rover"));
    }

    #[test]
    fn a_removed_key_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        let id = store.add_key(&key(1), 7).unwrap();
        store.set_spent(3, &[(id, 1)]).unwrap();
        store.remove_key(id).unwrap();
        assert!(store.directory().keys.is_empty());
        assert!(store.remove_key(id).is_err());
    }

    #[test]
    fn a_user_is_replaced_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        let user = |version: &str| NewUser {
            name: "ann".to_owned(),
            password: "$argon2".to_owned(),
            robots: None,
            password_version: version.to_owned(),
        };
        store.add_user(&user("1"), false, 0).unwrap();
        assert!(store.add_user(&user("2"), false, 0).is_err());
        store.add_user(&user("2"), true, 0).unwrap();
        assert_eq!(store.directory().users["ann"].password_version, "2");
        store.remove_user("ann").unwrap();
        assert!(store.remove_user("ann").is_err());
    }
}
