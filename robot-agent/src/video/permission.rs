//! Which sessions may go on, by the list that a ground station sends of who may watch. Pure.
//!
//! Only offers that came with a principal are held to it: AWS' service names none, and whom it
//! lets in is in as long as they stay.

use std::collections::BTreeSet;
use std::time::Instant;

use wire::action::MAX_NAME_BYTES;
use wire::signaling::permitted::{LIFE, label};

/// The newest list, and when it came.
#[derive(Debug, Default)]
pub(super) struct Permission {
    list: Option<(BTreeSet<String>, Instant)>,
}

/// Why a session may not go on, or begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error("may no longer watch")]
    NotListed,
    /// Whoever has an id acts in its name, and an offer ends the session before it.
    #[error("has the client id of somebody else who watches: choose another")]
    Taken,
    /// The station is out of reach, and with it whoever takes rights away.
    #[error(
        "may no longer watch, as far as this robot knows: no ground station has said so for 5 minutes"
    )]
    Unknown,
}

impl Permission {
    pub(super) fn replace(&mut self, principals: BTreeSet<String>, now: Instant) {
        self.list = Some((principals, now));
    }

    /// Whether a user or a key is on the newest list, by the name that stands in its actions.
    pub(super) fn has(&self, user: &str) -> bool {
        let shortened = |principal: &String| {
            let label = label(principal);
            label.get(..MAX_NAME_BYTES).unwrap_or(label) == user
        };
        let list = self.list.as_ref();
        list.is_none_or(|(list, _)| list.iter().any(shortened))
    }

    /// # Errors
    /// Why they may not.
    pub(super) fn check(&self, principal: Option<&str>, now: Instant) -> Result<(), Denied> {
        let Some(principal) = principal else {
            return Ok(());
        };
        match &self.list {
            Some((_, heard)) if now.saturating_duration_since(*heard) >= LIFE => {
                Err(Denied::Unknown)
            }
            Some((list, _)) if list.contains(principal) => Ok(()),
            Some(_) => Err(Denied::NotListed),
            None => Err(Denied::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use std::time::Duration;

    const ANNA: Option<&str> = Some("user-anna/1");

    fn list(principals: &[&str]) -> BTreeSet<String> {
        principals.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn whoever_is_on_the_list_may_watch_and_whoever_is_off_it_no_longer() {
        let now = now();
        let mut permission = Permission::default();
        permission.replace(list(&["key-4", "user-anna/1"]), now);
        assert_eq!(permission.check(ANNA, now), Ok(()));
        let other_password = Some("user-anna/2");
        assert_eq!(
            permission.check(other_password, now),
            Err(Denied::NotListed)
        );
        permission.replace(list(&["key-4"]), now);
        assert_eq!(permission.check(ANNA, now), Err(Denied::NotListed));
        assert_eq!(permission.check(Some("key-4"), now), Ok(()));
    }

    #[test]
    fn a_list_holds_for_five_minutes_and_a_new_one_five_more() {
        let start = now();
        let mut permission = Permission::default();
        assert_eq!(permission.check(ANNA, start), Err(Denied::Unknown));
        permission.replace(list(&["user-anna/1"]), start);
        let later = start + Duration::from_secs(299);
        assert_eq!(permission.check(ANNA, later), Ok(()));
        let end = start + Duration::from_secs(300);
        assert_eq!(permission.check(ANNA, end), Err(Denied::Unknown));
        permission.replace(list(&["user-anna/1"]), later);
        assert_eq!(permission.check(ANNA, end), Ok(()));
        assert_eq!(permission.check(ANNA, later + LIFE), Err(Denied::Unknown));
    }

    #[test]
    fn whoever_came_without_a_principal_is_held_to_no_list() {
        let start = now();
        let mut permission = Permission::default();
        assert_eq!(permission.check(None, start), Ok(()));
        permission.replace(list(&[]), start);
        assert_eq!(permission.check(None, start + LIFE), Ok(()));
    }
}
