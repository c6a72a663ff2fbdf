//! What credentials open, for whom, and what makes them void before their time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::store::{Directory, Permission};

/// What credentials open: one robot's channel, on one side of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// On which side.
    pub role: Role,
    /// Whose channel.
    pub robot: String,
    /// Who holds them.
    pub holder: Holder,
    /// Until when, in Unix seconds.
    pub expires_s: u64,
}

/// Who holds credentials, in the words by which they can become void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// Whoever has the key of this certificate, by its serial number in hexadecimal.
    Certificate(String),
    /// Somebody signed in: their name, and the stamp of their password.
    User(String, String),
    /// Whoever has this API key.
    Key(i64),
}

impl Grant {
    /// Whether it still holds as things are: the robot is there, its certificate not
    /// revoked, the account not removed, not barred from the robot, its password the same.
    pub fn holds(&self, directory: &Directory) -> bool {
        directory.robots.contains(&self.robot)
            && match &self.holder {
                Holder::Certificate(serial) => !directory.revoked.contains_key(serial),
                Holder::User(name, stamp) => directory
                    .users
                    .get(name)
                    .is_some_and(|u| u.stamp == *stamp && u.robots.contains(&self.robot)),
                Holder::Key(id) => directory.keys.values().any(|key| {
                    key.id == *id
                        && key.may.contains(&Permission::Publish)
                        && key.robots.contains(&self.robot)
                }),
            }
    }

    /// Names the holder to the relay, which counts by it: the same for all credentials of
    /// one certificate, and of one user with one robot.
    pub fn relay_name(&self) -> String {
        let name = (self.role, &self.robot, &self.holder);
        STANDARD.encode(serde_json::to_vec(&name).expect("strings are always JSON"))
    }

    /// Whether what [`Grant::relay_name`] names still holds.
    pub fn relay_name_holds(name: &str, directory: &Directory) -> bool {
        let read = || {
            let (role, robot, holder) =
                serde_json::from_slice(&STANDARD.decode(name).ok()?).ok()?;
            Some(Self {
                role,
                robot,
                holder,
                expires_s: 0,
            })
        };
        read().is_some_and(|grant| grant.holds(directory))
    }
}

/// The two sides of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The robot.
    Master,
    /// Who watches it.
    Viewer,
}

impl Role {
    /// As the control plane spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Viewer => "VIEWER",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Key, Robots, User};

    fn grant() -> Grant {
        Grant {
            role: Role::Master,
            robot: "rover".into(),
            holder: Holder::Certificate("ab12".into()),
            expires_s: 0,
        }
    }

    fn of_user() -> Grant {
        Grant {
            role: Role::Viewer,
            holder: Holder::User("ann".into(), "1".into()),
            ..grant()
        }
    }

    fn of_key() -> Grant {
        Grant {
            role: Role::Viewer,
            holder: Holder::Key(4),
            ..grant()
        }
    }

    fn directory() -> Directory {
        let key = Key {
            id: 4,
            robots: Robots::All,
            may: [Permission::Publish].into(),
            rate: 1.0,
            burst: 1,
            quota: None,
        };
        let ann = User {
            password: String::new(),
            robots: vec!["rover".to_owned()].into(),
            stamp: "1".into(),
        };
        Directory {
            robots: ["rover".to_owned(), "other".to_owned()].into(),
            users: [("ann".to_owned(), ann)].into(),
            keys: [([1; 32], key)].into(),
            ..Directory::default()
        }
    }

    #[test]
    fn a_grant_is_void_with_what_it_came_from() {
        let void = |grant: &Grant, change: &dyn Fn(&mut Directory)| {
            let mut directory = directory();
            change(&mut directory);
            !grant.holds(&directory)
        };
        for grant in [grant(), of_user(), of_key()] {
            assert!(grant.holds(&directory()));
            assert!(void(&grant, &|d| d.robots.clear()));
        }
        assert!(void(&grant(), &|d| {
            d.revoked.insert("ab12".into(), 1);
        }));
        assert!(void(&of_user(), &|d| d.users.clear()));
        assert!(void(&of_user(), &|d| {
            d.users.get_mut("ann").unwrap().stamp = "2".into();
        }));
        assert!(void(&of_key(), &|d| d.keys.clear()));
        assert!(void(&of_key(), &|d| {
            d.keys.get_mut(&[1; 32]).unwrap().may = [Permission::Mars].into();
        }));
        for grant in [grant(), of_user(), of_key()] {
            let name = grant.relay_name();
            assert!(Grant::relay_name_holds(&name, &directory()));
            assert!(!Grant::relay_name_holds(&name, &Directory::default()));
            assert!(!Grant::relay_name_holds(&name[1..], &directory()));
        }
        let elsewhere = Grant {
            robot: "other".into(),
            ..of_user()
        };
        assert!(!elsewhere.holds(&directory()));
    }
}
