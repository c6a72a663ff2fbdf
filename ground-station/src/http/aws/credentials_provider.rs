//! AWS IoT's credentials provider: a robot's certificate for temporary credentials.
//!
//! The six refusals, their status and their words are those that the session helper of
//! awslabs measured at the real provider; clients match on them.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use wire::signaling::control::{RoleAliasCredentials, THING_NAME_HEADER};
use wire::signaling::is_id;

use super::error::Refusal;
use crate::auth::{Grant, Holder, Role};
use crate::clock;
use crate::http::app_state::AppState;
use crate::http::listener::{Identity, Peer};
use crate::robot_config::ROLE_ALIAS;
use crate::signaling::{Times, expiry_s};
use crate::store::Kind;

/// The longest session that AWS lets any role have.
const MAX_DURATION: Duration = Duration::from_secs(43_200);

/// A role alias: a name under which robots get credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAlias {
    /// Its name.
    pub name: String,
    /// How long its credentials last.
    pub duration: Duration,
    /// Whether there is a role behind it. At AWS it may have been deleted; here it is absent
    /// to show a robot what happens then.
    pub role: bool,
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

/// `GET /role-aliases/{alias}/credentials`.
pub(super) async fn credentials(
    State(app): State<Arc<AppState>>,
    Path(alias): Path<String>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Json<RoleAliasCredentials>, Refusal> {
    let identity = peer.identity(&app.store.directory());
    if let Err(why) = &identity {
        tracing::warn!(%why, "no credentials for a robot");
    }
    let ask = Ask {
        certificate: identity.as_ref().ok(),
        thing_name: thing_name(&headers)?,
        alias: &alias,
        scale: app.time_scale,
    };
    let grant = decide(ask, &app.role_aliases, clock::unix_s())
        .inspect_err(|refusal| tracing::warn!(%refusal, "no credentials for a robot"))?;
    Ok(Json(RoleAliasCredentials {
        credentials: app.signaling.issuer().issue(grant),
    }))
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Whose certificate the client has shown, if it is one that holds.
    pub certificate: Option<&'a Identity>,
    /// The `x-amzn-iot-thingname` header, if there is one.
    pub thing_name: Option<&'a str>,
    /// The alias in the path.
    pub alias: &'a str,
    /// What every duration is multiplied by.
    pub scale: f64,
}

/// What credentials to give.
///
/// # Errors
/// One of the provider's six refusals.
pub fn decide(ask: Ask, aliases: &[RoleAlias], now_s: u64) -> Result<Grant, Refusal> {
    let certificate = ask
        .certificate
        .ok_or_else(|| denied("Certificate is invalid on this endpoint"))?;
    if ask.thing_name.is_some_and(|name| name != certificate.name) {
        return Err(denied("Invalid thing name passed"));
    }
    if certificate.kind != Kind::Robot {
        return Err(denied("Access Denied"));
    }
    let alias = aliases
        .iter()
        .find(|alias| alias.name == ask.alias)
        .ok_or_else(|| {
            Refusal::gate(
                StatusCode::NOT_FOUND,
                "ResourceNotFoundException",
                "Role alias does not exist",
            )
        })?;
    if !alias.role {
        return Err(bad_role(
            "Unable to assume the role, or the role to assume does not exist",
        ));
    }
    if alias.duration > MAX_DURATION {
        return Err(bad_role(
            "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role",
        ));
    }
    Ok(Grant {
        role: Role::Master,
        robot: certificate.name.clone(),
        holder: Holder::Certificate(certificate.serial.clone()),
        expires_s: expiry_s(now_s, alias.duration.mul_f64(ask.scale)),
    })
}

/// Reads the header that names the thing.
///
/// # Errors
/// The refusal of a wrong name, for one that is no text.
fn thing_name(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    headers
        .get(THING_NAME_HEADER)
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| denied("Invalid thing name passed"))
}

fn denied(message: &str) -> Refusal {
    Refusal::gate(StatusCode::FORBIDDEN, "AccessDeniedException", message)
}

fn bad_role(message: &str) -> Refusal {
    Refusal::gate(StatusCode::BAD_REQUEST, "InvalidRequestException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases() -> Vec<RoleAlias> {
        let further = ["no-role=none", "too-long=43201", "short=900"];
        std::iter::once(RoleAlias::default())
            .chain(further.iter().map(|alias| alias.parse().unwrap()))
            .collect()
    }

    fn identity(name: &str, kind: Kind) -> Identity {
        Identity {
            name: name.into(),
            kind,
            serial: "0a".into(),
        }
    }

    fn asked(
        certificate: Option<&Identity>,
        thing: Option<&str>,
        alias: &str,
    ) -> Result<Grant, Refusal> {
        let ask = Ask {
            certificate,
            thing_name: thing,
            alias,
            scale: 1.0,
        };
        decide(ask, &aliases(), 1000)
    }

    #[test]
    fn a_robot_gets_its_own_channel_for_an_hour() {
        let rover = identity("rover", Kind::Robot);
        for thing in [None, Some("rover")] {
            let grant = asked(Some(&rover), thing, ROLE_ALIAS).unwrap();
            assert_eq!(grant.role, Role::Master);
            assert_eq!(grant.robot, "rover");
            assert_eq!(grant.holder, Holder::Certificate("0a".into()));
            assert_eq!(grant.expires_s, 4600);
        }
        assert_eq!(asked(Some(&rover), None, "short").unwrap().expires_s, 1900);
    }

    #[test]
    fn each_refusal_is_the_providers_own() {
        let rover = &identity("rover", Kind::Robot);
        let desk = &identity("desk", Kind::Operator);
        let denied =
            |certificate, thing| (certificate, thing, ROLE_ALIAS, 403, "AccessDeniedException");
        let bad = |alias| (Some(rover), None, alias, 400, "InvalidRequestException");
        for ((certificate, thing, alias, status, kind), message) in [
            (
                denied(None, Some("rover")),
                "Certificate is invalid on this endpoint",
            ),
            (
                denied(Some(rover), Some("other")),
                "Invalid thing name passed",
            ),
            (denied(Some(desk), Some("desk")), "Access Denied"),
            (
                (Some(rover), None, "other", 404, "ResourceNotFoundException"),
                "Role alias does not exist",
            ),
            (
                bad("no-role"),
                "Unable to assume the role, or the role to assume does not exist",
            ),
            (
                bad("too-long"),
                "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role",
            ),
        ] {
            let refusal = asked(certificate, thing, alias).unwrap_err();
            assert_eq!(refusal.status.as_u16(), status, "{refusal}");
            assert_eq!((refusal.kind, refusal.message.as_str()), (kind, message));
        }
    }
}
