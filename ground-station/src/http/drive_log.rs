//! `GET /robots/{name}/log`: who drove the robot, for whoever may drive it.

use super::error::Refusal;
use crate::auth::Caller;
use crate::http::app_state::AppState;
use crate::store::DriveEntry;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Entries of an answer: more than anybody reads on a page. `ground-station log` has all.
const MAX_SHOWN: usize = 200;

#[derive(Deserialize)]
pub(super) struct Range {
    #[serde(default)]
    since_ms: u64,
}

#[derive(Serialize)]
pub(super) struct DriveLog {
    robot: String,
    /// The newest first.
    entries: Vec<DriveEntry>,
}

pub(super) async fn list(
    State(app): State<Arc<AppState>>,
    Path(robot): Path<String>,
    caller: Caller,
    range: Result<Query<Range>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<DriveLog>, Refusal> {
    caller.require_robot(&robot)?;
    app.require_known(&robot)?;
    let Query(Range { since_ms }) =
        range.map_err(|_| Refusal::bad("\"since_ms\" must be Unix time in whole milliseconds"))?;
    // The one request that reads the disk, which may be slow.
    let read = tokio::task::spawn_blocking(move || {
        let entries = app.store.drive_entries(&robot, since_ms, MAX_SHOWN)?;
        Ok::<_, crate::store::StoreError>(DriveLog { robot, entries })
    });
    let log = read.await.map_err(Refusal::broken)?;
    Ok(Json(log.map_err(Refusal::broken)?))
}
