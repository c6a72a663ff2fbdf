//! `POST /robots/{name}/signaling`: an operator tells everyone on a robot's channel what the
//! real service tells its clients by itself, before maintenance say.
//!
//! For whoever has an operator's certificate; passwords and keys are for driving.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use wire::signaling::MessageType;

use crate::auth::Denied;
use crate::http::app_state::AppState;
use crate::http::body::{self, Limits};
use crate::http::error::Refusal;
use crate::http::listener::Peer;
use crate::signaling::connection::CloseReason;

/// Longest body; `{"send":"RECONNECT_ICE_SERVER"}` has thirty bytes.
const MAX_BYTES: usize = 256;

#[derive(Deserialize)]
struct Announcement {
    send: Word,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Word {
    /// Reconnect.
    GoAway,
    /// Get ICE servers anew.
    ReconnectIceServer,
    Close,
}

/// How many sockets there were.
#[derive(Serialize)]
pub(super) struct Reached {
    sockets: usize,
}

pub(super) async fn send(
    State(app): State<Arc<AppState>>,
    Path(robot): Path<String>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Json<Reached>, Refusal> {
    let directory = app.store.directory();
    let principal = peer.principal(&directory).map_err(|_| Denied::Forbidden)?;
    if !principal.is_operator(&directory) {
        return Err(Denied::Forbidden.into());
    }
    app.require_known(&robot)?;
    let example = r#"{"send":"GO_AWAY"}, with RECONNECT_ICE_SERVER, or with CLOSE"#;
    let announcement: Announcement = body::read_json(body, Limits::of(MAX_BYTES), example).await?;
    let channels = app.signaling.channels();
    let sockets = match announcement.send {
        Word::GoAway => channels.broadcast(&robot, MessageType::GoAway),
        Word::ReconnectIceServer => channels.broadcast(&robot, MessageType::ReconnectIceServer),
        Word::Close => channels.close(&robot, CloseReason::OnDemand),
    };
    Ok(Json(Reached { sockets }))
}
