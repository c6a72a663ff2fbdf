//! `POST /robots/{name}/viewer`: whoever may drive a robot may watch it for a while.

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::{Extension, Json};
use serde::Serialize;
use std::sync::Arc;
use wire::signaling::control::Credentials;

use crate::auth::{Caller, Denied, Grant, Holder, Role, Who};
use crate::clock;
use crate::http::app_state::AppState;
use crate::http::error::Refusal;
use crate::http::listener::Peer;
use crate::signaling::expiry_s;

/// What a viewer needs to know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pass {
    #[serde(flatten)]
    credentials: Credentials,
    region: String,
    channel_arn: String,
    /// The control plane; it tells where the socket is.
    endpoint: String,
}

pub(super) async fn credentials(
    State(app): State<Arc<AppState>>,
    Path(robot): Path<String>,
    Extension(peer): Extension<Peer>,
    caller: Caller,
    parts: Parts,
) -> Result<Json<Pass>, Refusal> {
    // Whether there is such a robot is only told to those who would be let in.
    if !caller.drives(&robot) {
        return Err(Denied::Forbidden.into());
    }
    if !app.store.directory().robots.contains(&robot) {
        return Err(Refusal::not_found(format!("no robot is named {robot:?}")));
    }
    let signaling = &app.signaling;
    let latest_s = expiry_s(clock::unix_s(), signaling.times().credentials);
    let (holder, expires_s) = match caller.who() {
        Who::Key(id) => (Holder::Key(*id), latest_s),
        Who::User {
            name,
            stamp,
            expires_s,
        } => {
            let holder = Holder::User(name.clone(), stamp.clone());
            (holder, latest_s.min(*expires_s))
        }
    };
    let channel_arn = signaling.arn(&robot).to_string();
    let grant = Grant {
        role: Role::Viewer,
        robot,
        holder,
        expires_s,
    };
    Ok(Json(Pass {
        credentials: signaling.issuer().issue(grant),
        region: signaling.region().to_owned(),
        channel_arn,
        endpoint: endpoint(&parts, peer.secure)?,
    }))
}

/// The address by which the caller came.
fn endpoint(parts: &Parts, secure: bool) -> Result<String, Refusal> {
    let header = parts.headers.get(header::HOST);
    let host = header
        .and_then(|host| host.to_str().ok())
        .or_else(|| parts.uri.authority().map(|host| host.as_str()))
        .ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "there is no Host header"))?;
    let scheme = if secure { "https" } else { "http" };
    Ok(format!("{scheme}://{host}"))
}
