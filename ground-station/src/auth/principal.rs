//! Who acts: the holder of an API key, of a password, or of a certificate.

use super::usage_plan::Limits;
use crate::store::{Directory, Key, Kind, Permission, RobotScope, User};
use daemon::rate_limit::Rate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A signed-in person drives with ten actions a second and looks at a page; this leaves room
/// for several tabs.
const USER_LIMITS: Limits = Limits {
    rate: Rate {
        burst: 100.0,
        per_s: 50.0,
    },
    quota: None,
};

/// Who acts, by what can be taken away from them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Principal {
    /// The holder of an API key, by its number.
    Key(i64),
    /// Somebody signed in: their name, and the version of their password.
    User(String, String),
    /// The holder of a certificate's key: the certificate's serial number in hexadecimal, and
    /// the name in it.
    Certificate(String, String),
}

/// What a principal may do.
#[derive(Clone, Debug)]
pub struct Rights {
    permissions: BTreeSet<Permission>,
    robots: RobotScope,
    limits: Limits,
}

impl Principal {
    /// What it may do as things are; nothing once the key, the user or the certificate is
    /// gone, or the password another.
    pub fn rights(&self, directory: &Directory) -> Option<Rights> {
        match self {
            Self::Key(id) => directory
                .keys
                .values()
                .find(|key| key.id == *id)
                .map(Rights::from),
            Self::User(name, version) => directory
                .users
                .get(name)
                .filter(|user| user.password_version == *version)
                .map(Rights::from),
            Self::Certificate(serial, _) if directory.revoked.contains_key(serial) => None,
            Self::Certificate(_, name) => directory.kind(name).map(|kind| Rights {
                permissions: [Permission::Publish].into(),
                robots: match kind {
                    Kind::Robot => vec![name.clone()].into(),
                    Kind::Operator => RobotScope::All,
                },
                limits: USER_LIMITS,
            }),
        }
    }

    /// Whether it may do to every robot what only operators may.
    pub fn is_operator(&self, directory: &Directory) -> bool {
        matches!(self, Self::Certificate(_, name) if directory.kind(name) == Some(Kind::Operator))
    }

    /// As robots know it: its label, and what makes it void where that is not in the label. A
    /// password's version is drawn by lot and says nothing of the password.
    pub fn told(&self) -> String {
        match self {
            Self::Key(_) => self.label(),
            Self::User(_, version) | Self::Certificate(version, _) => {
                format!("{}/{version}", self.label())
            }
        }
    }

    /// As logs name it.
    pub fn label(&self) -> String {
        match self {
            Self::Key(id) => format!("key-{id}"),
            Self::User(name, _) => format!("user-{name}"),
            Self::Certificate(_, name) => format!("certificate-{name}"),
        }
    }
}

/// All who may watch and drive `robot`, as [`Principal::told`] names them: keys and users, since
/// nobody watches by a certificate.
pub fn permitted(robot: &str, directory: &Directory) -> BTreeSet<String> {
    let keys = directory.keys.values();
    let keys = keys.map(|key| (Principal::Key(key.id), Rights::from(key)));
    let users = directory.users.iter().map(|(name, user)| {
        let principal = Principal::User(name.clone(), user.password_version.clone());
        (principal, Rights::from(user))
    });
    keys.chain(users)
        .filter(|(_, rights)| rights.may_drive(robot))
        .map(|(principal, _)| principal.told())
        .collect()
}

impl From<&Key> for Rights {
    fn from(key: &Key) -> Self {
        Self {
            permissions: key.may.clone(),
            robots: key.robots.clone(),
            limits: Limits {
                rate: Rate {
                    burst: f64::from(key.burst),
                    per_s: key.rate,
                },
                quota: key.quota,
            },
        }
    }
}

impl From<&User> for Rights {
    /// A person may drive and look; certificates are signed with a key made for it.
    fn from(user: &User) -> Self {
        Self {
            permissions: [Permission::Publish, Permission::Mars].into(),
            robots: user.robots.clone(),
            limits: USER_LIMITS,
        }
    }
}

impl Rights {
    /// How often a principal may ask.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether `permission` is among them.
    pub fn include(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Whether it may be told what to do and looked at.
    pub fn may_drive(&self, robot: &str) -> bool {
        self.include(Permission::Publish) && self.robots.contains(robot)
    }

    /// The robots they are for, whatever may be done with them.
    pub fn robots(&self) -> &RobotScope {
        &self.robots
    }

    /// The robots that may be driven and looked at.
    pub fn driven(&self, directory: &Directory) -> Vec<String> {
        let robots = self.robots.of(&directory.robots);
        robots
            .filter(|robot| self.may_drive(robot))
            .cloned()
            .collect()
    }
}
