//! What temporary credentials open, for whom, and what makes them void before their time.

use super::Principal;
use crate::store::Directory;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// One robot's channel, on one side of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub role: Role,
    pub robot: String,
    /// Who holds the credentials.
    pub principal: Principal,
}

impl Grant {
    /// Whether it still holds as things are: the robot is there, and its holder may still do
    /// with it what the credentials were given for.
    pub fn holds(&self, directory: &Directory) -> bool {
        directory.robots.contains(&self.robot)
            && self
                .principal
                .rights(directory)
                .is_some_and(|rights| rights.may_drive(&self.robot))
    }

    /// Names it to the relay, which counts by it: the same for all credentials of one
    /// certificate, and of one user with one robot.
    pub fn relay_name(&self) -> String {
        STANDARD.encode(serde_json::to_vec(self).expect("strings are always JSON"))
    }

    /// Whether what [`Grant::relay_name`] names still holds.
    pub fn relay_name_holds(name: &str, directory: &Directory) -> bool {
        let json = STANDARD.decode(name).ok();
        let grant = json.and_then(|json| serde_json::from_slice::<Self>(&json).ok());
        grant.is_some_and(|grant| grant.holds(directory))
    }
}

/// The two sides of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Master,
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
    use crate::auth::permitted;
    use crate::store::{Key, Permission, RobotScope, User};

    fn grant(principal: Principal) -> Grant {
        Grant {
            role: match principal {
                Principal::Certificate(..) => Role::Master,
                _ => Role::Viewer,
            },
            robot: "rover".into(),
            principal,
        }
    }

    fn of_certificate() -> Grant {
        grant(Principal::Certificate("ab12".into(), "rover".into()))
    }

    fn of_user() -> Grant {
        grant(Principal::User("ann".into(), "1".into()))
    }

    fn of_key() -> Grant {
        grant(Principal::Key(4))
    }

    fn directory() -> Directory {
        let key = Key {
            id: 4,
            robots: RobotScope::All,
            may: [Permission::Publish].into(),
            rate: 1.0,
            burst: 1,
            quota: None,
        };
        let ann = User {
            password: String::new(),
            robots: vec!["rover".to_owned()].into(),
            password_version: "1".into(),
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
        for grant in [of_certificate(), of_user(), of_key()] {
            assert!(grant.holds(&directory()));
            assert!(void(&grant, &|d| d.robots.clear()));
        }
        assert!(void(&of_certificate(), &|d| {
            d.revoked.insert("ab12".into(), 1);
        }));
        assert!(void(&of_user(), &|d| d.users.clear()));
        assert!(void(&of_user(), &|d| {
            d.users.get_mut("ann").unwrap().password_version = "2".into();
        }));
        assert!(void(&of_key(), &|d| d.keys.clear()));
        assert!(void(&of_key(), &|d| {
            d.keys.get_mut(&[1; 32]).unwrap().may = [Permission::Mars].into();
        }));
        for grant in [of_certificate(), of_user()] {
            let elsewhere = Grant {
                robot: "other".into(),
                ..grant
            };
            assert!(!elsewhere.holds(&directory()));
        }
    }

    #[test]
    fn a_robot_is_told_of_everybody_whose_grant_holds_and_of_nobody_else() {
        let told = |grant: &Grant, directory: &Directory| {
            let listed = permitted("rover", directory).contains(&grant.principal.told());
            assert_eq!(listed, grant.holds(directory), "{grant:?}");
            listed
        };
        let (of_user, of_key) = (of_user(), of_key());
        assert!(told(&of_user, &directory()) && told(&of_key, &directory()));
        for change in [
            |d: &mut Directory| d.users.get_mut("ann").unwrap().password_version = "2".into(),
            |d: &mut Directory| {
                d.users.get_mut("ann").unwrap().robots = vec!["other".to_owned()].into()
            },
            |d: &mut Directory| d.users.clear(),
        ] {
            let mut directory = directory();
            change(&mut directory);
            assert!(!told(&of_user, &directory) && told(&of_key, &directory));
        }
        let mut directory = directory();
        directory.keys.get_mut(&[1; 32]).unwrap().may = [Permission::Mars].into();
        assert!(told(&of_user, &directory) && !told(&of_key, &directory));
        assert_eq!(of_user.principal.told(), "user-ann/1");
        assert_eq!(of_key.principal.told(), "key-4");
    }

    #[test]
    fn a_relay_name_is_void_with_its_grant_and_fits_into_a_stun_username() {
        for grant in [of_certificate(), of_user(), of_key()] {
            let name = grant.relay_name();
            assert!(Grant::relay_name_holds(&name, &directory()));
            assert!(!Grant::relay_name_holds(&name, &Directory::default()));
            assert!(!Grant::relay_name_holds(&name[1..], &directory()));
        }
        let longest = "x".repeat(wire::topic::MAX_ROBOT_NAME_BYTES);
        let grant = Grant {
            robot: longest.clone(),
            ..grant(Principal::Certificate("f".repeat(32), longest))
        };
        assert!(grant.relay_name().len() + "4102444800:".len() <= 512);
    }
}
