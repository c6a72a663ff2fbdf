//! Role aliases: names under which robots get credentials.

use crate::robot_config::ROLE_ALIAS;
use crate::signaling::Times;
use std::str::FromStr;
use std::time::Duration;
use wire::signaling::is_id;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleAlias {
    pub(crate) name: String,
    /// How long its credentials last.
    pub(crate) duration: Duration,
    /// Whether there is a role behind it. At AWS it may have been deleted; here it is absent
    /// to show a robot what happens then.
    pub(crate) role: bool,
}

impl Default for RoleAlias {
    /// The one that every robot of ours is configured with.
    fn default() -> Self {
        Self {
            name: ROLE_ALIAS.to_owned(),
            duration: Times::DOCUMENTED.credentials,
            role: true,
        }
    }
}

impl FromStr for RoleAlias {
    type Err = String;

    /// `NAME`, `NAME=SECONDS`, or `NAME=none` for one without a role.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, life) = text.split_once('=').unwrap_or((text, ""));
        if !is_id(name) {
            return Err(format!("{name:?} must be letters, digits, '-', '_' or '.'"));
        }
        let outpost = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        match life {
            "" => Ok(outpost),
            "none" => Ok(Self {
                role: false,
                ..outpost
            }),
            seconds => seconds
                .parse()
                .map(|s| Self {
                    duration: Duration::from_secs(s),
                    ..outpost
                })
                .map_err(|_| format!("{life:?} must be a number of seconds")),
        }
    }
}
