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
    State(station): State<AppState>,
    caller: Caller,
) -> Result<Json<List>, Refusal> {
    caller.must(Permission::Publish)?;
    let robots = caller
        .robots(&station.store.directory())
        .into_iter()
        .map(|name| {
            let newest = station.robots.newest(&name);
            Entry {
                online: newest.as_ref().is_some_and(|news| news.online),
                seen_ms: newest.as_ref().map(|news| news.received_ms),
                telemetry: newest.and_then(|news| news.telemetry),
                name,
            }
        })
        .collect();
    Ok(Json(List {
        now_ms: clock::unix_ms(),
        robots,
    }))
}
