//! A caller who was let in, and what they may do.

use super::USER_LIMITS;
use super::rate_limit::Limits;
use crate::store::{Directory, Key, Permission, Robots, User};
use std::collections::BTreeSet;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    who: Who,
    may: BTreeSet<Permission>,
    robots: Robots,
    limits: Limits,
}

/// A key or a person.
#[derive(Clone, Debug)]
pub enum Who {
    /// An API key's number.
    Key(i64),
    /// Somebody signed in.
    User {
        /// Their name.
        name: String,
        /// Of their password.
        stamp: String,
        /// When the token ends, in Unix seconds.
        expires_s: u64,
    },
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No key, a wrong key, or a right one that may not do this.
    #[error("Forbidden")]
    Forbidden,
    /// Past the usage plan.
    #[error("Too Many Requests")]
    TooMany,
    /// A token that is worth nothing.
    #[error("the token is not valid: {0}; sign in again")]
    Token(&'static str),
    /// Name and password do not go together.
    #[error("wrong name or password")]
    Password,
}

impl Caller {
    pub(super) fn of_key(key: &Key) -> Self {
        Self {
            who: Who::Key(key.id),
            may: key.may.clone(),
            robots: key.robots.clone(),
            limits: Limits {
                rate: key.rate,
                burst: key.burst,
                quota: key.quota,
            },
        }
    }

    /// A person may drive and look; certificates are signed with a key made for it.
    pub(super) fn of_user(name: &str, user: &User, expires_s: u64) -> Self {
        Self {
            who: Who::User {
                name: name.to_owned(),
                stamp: user.stamp.clone(),
                expires_s,
            },
            may: [Permission::Publish, Permission::Mars].into(),
            robots: user.robots.clone(),
            limits: USER_LIMITS,
        }
    }

    /// How much they may ask.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Which key or person.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// As logs name them.
    pub fn label(&self) -> String {
        match &self.who {
            Who::Key(id) => format!("key-{id}"),
            Who::User { name, .. } => format!("user-{name}"),
        }
    }

    /// Whether they have a permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.may.contains(&permission)
    }

    /// The same, as an answer.
    ///
    /// # Errors
    /// [`Denied::Forbidden`] when they do not.
    pub fn must(&self, permission: Permission) -> Result<(), Denied> {
        self.may(permission).then_some(()).ok_or(Denied::Forbidden)
    }

    /// Whether they may tell `robot` what to do and see how it is.
    pub fn drives(&self, robot: &str) -> bool {
        self.may(Permission::Publish) && self.robots.contains(robot)
    }

    /// Whose robots are theirs, whatever they may do with them.
    pub fn scope(&self) -> &Robots {
        &self.robots
    }

    /// The robots that they may drive and see.
    pub fn robots(&self, directory: &Directory) -> Vec<String> {
        if !self.may(Permission::Publish) {
            return Vec::new();
        }
        self.robots.of(&directory.robots).cloned().collect()
    }
}
