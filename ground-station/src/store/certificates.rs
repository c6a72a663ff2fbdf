//! Robots, operators, their certificates, and the station's own settings.

use super::{Kind, Store, StoreError};
use rusqlite::{Connection, OptionalExtension, params};

/// What is remembered of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Serial number in hexadecimal.
    pub serial: String,
    /// Issued at, in Unix seconds.
    pub issued_s: u64,
    /// Expires at, in Unix seconds.
    pub expires_s: u64,
}

impl Store {
    /// Takes up a name; one that is taken up already, as the same kind, is fine.
    pub fn add_name(&self, name: &str, kind: Kind, now_s: u64) -> Result<(), StoreError> {
        self.change(|db| add_name(db, name, kind, now_s))
    }

    pub fn add_certificate(
        &self,
        name: &str,
        kind: Kind,
        certificate: &Certificate,
    ) -> Result<(), StoreError> {
        self.change(|db| add(db, name, kind, certificate))
    }

    /// Adds a robot's certificate that an API key had signed, if that key may have it signed.
    pub fn enrol(
        &self,
        key: i64,
        robot: &str,
        certificate: &Certificate,
    ) -> Result<(), StoreError> {
        self.change(|db| {
            let taken = db.execute(
                "UPDATE keys SET certificates_left = certificates_left - 1
                 WHERE id = ? AND certificates_left > 0 AND signs_until_s > ?",
                params![key, certificate.issued_s],
            )?;
            if taken == 0 {
                return Err(StoreError::Taken(format!(
                    "key {key} has had its certificates signed, is too old, or {robot:?} was \
                     revoked: `ground-station new-key --robot {robot} --may sign` makes another"
                )));
            }
            add(db, robot, Kind::Robot, certificate)
        })
    }

    /// Serial numbers of the certificates of `name` that still hold at `now_s`.
    pub fn valid_certificates(&self, name: &str, now_s: u64) -> Result<Vec<String>, StoreError> {
        let db = self.connection();
        let mut statement = db.prepare(
            "SELECT serial FROM certificates WHERE name = ? AND revoked_s IS NULL AND expires_s > ?",
        )?;
        let serials = statement.query_map(params![name, now_s], |row| row.get(0))?;
        Ok(serials.collect::<Result<_, _>>()?)
    }

    /// Revokes every certificate of `name`, and ends the keys that could have another one signed;
    /// says how many certificates there were to revoke.
    pub fn revoke_certificates(&self, name: &str, now_s: u64) -> Result<usize, StoreError> {
        self.change(|db| {
            if kind_of(db, name)?.is_none() {
                return Err(StoreError::Unknown(format!(
                    "no robot or operator is named {name:?}"
                )));
            }
            db.execute(
                "UPDATE keys SET certificates_left = 0
                 WHERE EXISTS (SELECT 1 FROM json_each(robots, '$.only') WHERE value = ?)",
                [name],
            )?;
            Ok(db.execute(
                "UPDATE certificates SET revoked_s = ? WHERE name = ? AND revoked_s IS NULL",
                params![now_s, name],
            )?)
        })
    }

    /// Adds a name or address under which agents reach this station.
    pub fn add_host(&self, host: &str) -> Result<(), StoreError> {
        self.change(|db| {
            db.execute("INSERT OR IGNORE INTO hosts (host) VALUES (?)", [host])?;
            Ok(())
        })
    }

    /// A value that the station keeps for itself.
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .connection()
            .query_row("SELECT value FROM settings WHERE name = ?", [name], |row| {
                row.get(0)
            })
            .optional()?)
    }

    /// Keeps `value`.
    pub fn set_setting(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.transaction(|db| {
            db.execute(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = ?2",
                params![name, value],
            )?;
            Ok(())
        })
    }

    /// The value kept under `name`, which `make` makes the first time.
    pub fn setting_or(
        &self,
        name: &str,
        make: impl FnOnce() -> Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        self.transaction(|db| {
            db.execute(
                "INSERT OR IGNORE INTO settings (name, value) VALUES (?, ?)",
                params![name, make()],
            )?;
            Ok(
                db.query_row("SELECT value FROM settings WHERE name = ?", [name], |row| {
                    row.get(0)
                })?,
            )
        })
    }
}

fn add(
    db: &Connection,
    name: &str,
    kind: Kind,
    certificate: &Certificate,
) -> Result<(), StoreError> {
    add_name(db, name, kind, certificate.issued_s)?;
    db.execute(
        "INSERT INTO certificates (serial, name, issued_s, expires_s) VALUES (?, ?, ?, ?)",
        params![
            certificate.serial,
            name,
            certificate.issued_s,
            certificate.expires_s
        ],
    )?;
    Ok(())
}

pub(super) fn add_name(
    db: &Connection,
    name: &str,
    kind: Kind,
    now_s: u64,
) -> Result<(), StoreError> {
    match kind_of(db, name)? {
        Some(word) if word == kind.word() => Ok(()),
        Some(word) => Err(StoreError::Taken(format!(
            "{name:?} is the name of {} {word}: choose another",
            if word == "operator" { "an" } else { "a" }
        ))),
        None => {
            db.execute(
                "INSERT INTO names (name, kind, made_s) VALUES (?, ?, ?)",
                params![name, kind.word(), now_s],
            )?;
            Ok(())
        }
    }
}

fn kind_of(db: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(db
        .query_row("SELECT kind FROM names WHERE name = ?", [name], |row| {
            row.get(0)
        })
        .optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        (dir, store)
    }

    fn certificate(serial: &str) -> Certificate {
        Certificate {
            serial: serial.to_owned(),
            issued_s: 10,
            expires_s: 100,
        }
    }

    #[test]
    fn revoking_a_name_revokes_all_its_certificates_and_none_of_anothers() {
        let (_dir, store) = store();
        for (serial, name) in [("01", "rover"), ("02", "rover"), ("03", "scout")] {
            store
                .add_certificate(name, Kind::Robot, &certificate(serial))
                .unwrap();
        }
        assert_eq!(store.revoke_certificates("rover", 50).unwrap(), 2);
        assert_eq!(
            store.directory().revoked.keys().collect::<Vec<_>>(),
            ["01", "02"]
        );
        assert_eq!(store.revoke_certificates("rover", 51).unwrap(), 0);
        assert!(store.revoke_certificates("nobody", 51).is_err());
        assert!(store.valid_certificates("rover", 50).unwrap().is_empty());
        assert_eq!(store.valid_certificates("scout", 50).unwrap(), ["03"]);
        assert!(store.valid_certificates("scout", 100).unwrap().is_empty());
    }

    #[test]
    fn a_robot_and_an_operator_never_share_a_name() {
        let (_dir, store) = store();
        store.add_name("rover", Kind::Robot, 0).unwrap();
        store.add_name("rover", Kind::Robot, 0).unwrap();
        let error = store.add_name("rover", Kind::Operator, 0).unwrap_err();
        assert!(error.to_string().contains("a robot"), "{error}");
    }

    #[test]
    fn a_setting_is_made_once() {
        let (_dir, store) = store();
        assert_eq!(store.setting_or("secret", || vec![1]).unwrap(), [1]);
        assert_eq!(store.setting_or("secret", || vec![2]).unwrap(), [1]);
        assert_eq!(store.setting("secret").unwrap(), Some(vec![1]));
    }
}
