//! `GET /robots`: the caller's robots and how they are.

use super::error::Refusal;
use crate::auth::Caller;
use crate::clock;
use crate::http::app_state::AppState;
use crate::store::Permission;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Serialize)]
pub(super) struct List {
    now_ms: u64,
    robots: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    online: bool,
    seen_ms: Option<u64>,
    telemetry: Option<Arc<Value>>,
}

pub(super) async fn list(
    State(app): State<Arc<AppState>>,
    caller: Caller,
) -> Result<Json<List>, Refusal> {
    caller.require(Permission::Publish)?;
    let robots = caller
        .rights
        .driven(&app.store.directory())
        .into_iter()
        .map(|name| {
            let newest = app.robots.newest(&name);
            Entry {
                online: newest.as_ref().is_some_and(|state| state.online),
                seen_ms: newest.as_ref().map(|state| state.received_ms),
                telemetry: newest.and_then(|state| state.telemetry),
                name,
            }
        })
        .collect();
    Ok(Json(List {
        now_ms: clock::unix_ms(),
        robots,
    }))
}
