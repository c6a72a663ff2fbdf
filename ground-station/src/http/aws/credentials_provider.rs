//! AWS IoT's credentials provider: a robot's certificate for temporary credentials.
//!
//! The six refusals, their status and their words are those that the session helper of
//! awslabs measured at the real provider; clients match on them.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use daemon::log_limit::SharedLogLimiter;
use wire::signaling::control::{RoleAliasCredentials, THING_NAME_HEADER};

use super::role_alias::RoleAlias;
use crate::auth::{Grant, Principal, Role};
use crate::clock::{self, expiry_s};
use crate::connections::Known;
use crate::http::app_state::AppState;
use crate::http::error::Refusal;
use crate::http::listener::Peer;
use crate::store::{Directory, Kind};

/// The longest session that AWS lets any role have.
const MAX_DURATION: Duration = Duration::from_secs(43_200);

/// Refusals that are logged one by one.
static REFUSED: SharedLogLimiter = SharedLogLimiter::new(20, Duration::from_secs(60));

/// `GET /role-aliases/{alias}/credentials`.
pub(in crate::http) async fn credentials(
    State(app): State<Arc<AppState>>,
    Path(alias): Path<String>,
    Extension(peer): Extension<Peer>,
    connection: Option<Extension<Known>>,
    headers: HeaderMap,
) -> Result<Json<RoleAliasCredentials>, Refusal> {
    let directory = app.store.directory();
    let principal = peer.principal(&directory);
    if let Err(why) = &principal
        && let Some(suppressed) = REFUSED.allow(clock::instant())
    {
        tracing::warn!(%why, suppressed, "no credentials for a robot");
    }
    let ask = Ask {
        principal: principal.ok(),
        thing_name: thing_name(&headers)?,
        alias: &alias,
        scale: app.time_scale,
    };
    let (grant, expires_s) = decide(ask, &directory, &app.role_aliases, clock::unix_s())
        .inspect_err(|refusal| {
            if let Some(suppressed) = REFUSED.allow(clock::instant()) {
                tracing::warn!(%refusal, suppressed, "no credentials for a robot");
            }
        })?;
    if let Some(Extension(connection)) = connection {
        connection.mark();
    }
    Ok(Json(RoleAliasCredentials {
        credentials: app.signaling.credentials.issue(grant, expires_s),
    }))
}

struct Ask<'a> {
    /// Whose certificate the client has shown, if it is one that holds.
    principal: Option<Principal>,
    /// The `x-amzn-iot-thingname` header, if there is one.
    thing_name: Option<&'a str>,
    /// The alias in the path.
    alias: &'a str,
    /// What every duration is multiplied by.
    scale: f64,
}

/// What credentials to give, and until when (Unix seconds).
fn decide(
    ask: Ask,
    directory: &Directory,
    aliases: &[RoleAlias],
    now_s: u64,
) -> Result<(Grant, u64), Refusal> {
    let Some(principal @ Principal::Certificate(_, name)) = &ask.principal else {
        return Err(denied("Certificate is invalid on this endpoint"));
    };
    if ask.thing_name.is_some_and(|thing| thing != name) {
        return Err(denied("Invalid thing name passed"));
    }
    if directory.kind(name) != Some(Kind::Robot) {
        return Err(denied("Access Denied"));
    }
    let alias = aliases
        .iter()
        .find(|alias| alias.name == ask.alias)
        .ok_or_else(|| {
            Refusal::aws(
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
    let grant = Grant {
        role: Role::Master,
        robot: name.clone(),
        principal: principal.clone(),
    };
    Ok((grant, expiry_s(now_s, alias.duration.mul_f64(ask.scale))))
}

/// Reads the header that names the thing.
fn thing_name(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    headers
        .get(THING_NAME_HEADER)
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| denied("Invalid thing name passed"))
}

fn denied(message: &str) -> Refusal {
    Refusal::aws(StatusCode::FORBIDDEN, "AccessDeniedException", message)
}

fn bad_role(message: &str) -> Refusal {
    Refusal::aws(StatusCode::BAD_REQUEST, "InvalidRequestException", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robot_config::ROLE_ALIAS;

    fn aliases() -> Vec<RoleAlias> {
        let further = ["no-role=none", "too-long=43201", "short=900"];
        std::iter::once(RoleAlias::default())
            .chain(further.iter().map(|alias| alias.parse().unwrap()))
            .collect()
    }

    fn certificate(name: &str) -> Principal {
        Principal::Certificate("0a".into(), name.into())
    }

    fn asked(
        principal: Option<Principal>,
        thing_name: Option<&str>,
        alias: &str,
    ) -> Result<(Grant, u64), Refusal> {
        let ask = Ask {
            principal,
            thing_name,
            alias,
            scale: 1.0,
        };
        let directory = Directory {
            robots: ["rover".to_owned()].into(),
            operators: ["desk".to_owned()].into(),
            ..Directory::default()
        };
        decide(ask, &directory, &aliases(), 1000)
    }

    #[test]
    fn a_robot_gets_its_own_channel_for_an_hour() {
        let rover = || Some(certificate("rover"));
        for thing in [None, Some("rover")] {
            let (grant, expires_s) = asked(rover(), thing, ROLE_ALIAS).unwrap();
            assert_eq!(grant.role, Role::Master);
            assert_eq!(grant.robot, "rover");
            assert_eq!(grant.principal, certificate("rover"));
            assert_eq!(expires_s, 4600);
        }
        assert_eq!(asked(rover(), None, "short").unwrap().1, 1900);
    }

    #[test]
    fn each_refusal_is_the_providers_own() {
        let denied = |name: Option<&str>, thing| {
            let principal = name.map(certificate);
            (principal, thing, ROLE_ALIAS, 403, "AccessDeniedException")
        };
        let rover = || Some(certificate("rover"));
        let bad = |alias| (rover(), None, alias, 400, "InvalidRequestException");
        for ((principal, thing, alias, status, name), message) in [
            (
                denied(None, Some("rover")),
                "Certificate is invalid on this endpoint",
            ),
            (
                denied(Some("rover"), Some("other")),
                "Invalid thing name passed",
            ),
            (denied(Some("desk"), Some("desk")), "Access Denied"),
            (
                (rover(), None, "other", 404, "ResourceNotFoundException"),
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
            let refusal = asked(principal, thing, alias).unwrap_err();
            assert_eq!(refusal.status.as_u16(), status, "{refusal}");
            assert_eq!(
                (refusal.name(), refusal.message.as_str()),
                (Some(name), message)
            );
        }
    }
}
