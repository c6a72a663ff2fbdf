//! `POST /robots/{name}/viewer`: whoever may drive a robot may watch it for a while.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use wire::signaling::control::Credentials;

use crate::auth::{Caller, Grant, Role};
use crate::clock::{self, expiry_s};
use crate::http::app_state::AppState;
use crate::http::error::Refusal;
use crate::http::origin::Origin;

/// What a viewer needs to know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ViewerCredentials {
    #[serde(flatten)]
    credentials: Credentials,
    region: String,
    channel_arn: String,
    /// The control plane; it tells where the socket is.
    endpoint: String,
}

pub(in crate::http) async fn credentials(
    State(app): State<Arc<AppState>>,
    Path(robot): Path<String>,
    caller: Caller,
    origin: Origin,
) -> Result<Json<ViewerCredentials>, Refusal> {
    // Whether there is such a robot is only told to those who would be let in.
    caller.require_robot(&robot)?;
    app.require_known(&robot)?;
    let signaling = &app.signaling;
    let latest_s = expiry_s(clock::unix_s(), signaling.times().credentials);
    let expires_s = caller.expires_s.unwrap_or(u64::MAX).min(latest_s);
    let channel_arn = signaling.arn(&robot).to_string();
    let grant = Grant {
        role: Role::Viewer,
        robot,
        principal: caller.principal,
    };
    Ok(Json(ViewerCredentials {
        credentials: signaling.credentials.issue(grant, expires_s),
        region: signaling.region().to_owned(),
        channel_arn,
        endpoint: origin.to_string(),
    }))
}
