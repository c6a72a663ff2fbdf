//! `POST /robots/{name}/signaling`: an operator tells everyone on a robot's channel what the
//! real service tells its clients by itself, before maintenance say.
//!
//! For whoever has an operator's certificate; passwords and keys are for driving.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::auth::Denied;
use crate::http::app_state::AppState;
use crate::http::body;
use crate::http::error::Refusal;
use crate::http::listener::Peer;
use crate::store::Kind;

/// Longest body; `{"send":"RECONNECT_ICE_SERVER"}` has thirty bytes.
const MAX_BYTES: usize = 256;

/// What to do.
#[derive(Deserialize)]
struct Order {
    send: Word,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Word {
    /// Connect anew.
    GoAway,
    /// Get ICE servers anew.
    ReconnectIceServer,
    /// The closing frame.
    Close,
}

/// How many sockets there were.
#[derive(Serialize)]
struct Told {
    sockets: usize,
}

/// The route.
pub fn router(app: &Arc<AppState>) -> Router {
    Router::new()
        .route("/robots/{name}/signaling", post(send))
        .with_state(app.clone())
}

async fn send(
    State(app): State<Arc<AppState>>,
    Path(robot): Path<String>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Json<Told>, Refusal> {
    let directory = app.store.directory();
    peer.identity(&directory)
        .ok()
        .filter(|identity| identity.kind == Kind::Operator)
        .ok_or(Denied::Forbidden)?;
    if !directory.robots.contains(&robot) {
        return Err(Refusal::not_found(format!("no robot is named {robot:?}")));
    }
    let body = body::read(body, MAX_BYTES).await?;
    let order: Order = serde_json::from_slice(&body).map_err(|_| {
        Refusal::bad("the body must be {\"send\": …} with GO_AWAY, RECONNECT_ICE_SERVER or CLOSE")
    })?;
    let signaling = &app.signaling;
    let sockets = match order.send {
        Word::GoAway => signaling.send_away(&robot),
        Word::ReconnectIceServer => signaling.announce_relay_restart(&robot),
        Word::Close => signaling.drop_all(&robot),
    };
    Ok(Json(Told { sockets }))
}
