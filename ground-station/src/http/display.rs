//! `GET /display.png`: what a display-agent on this machine shows, from the PNG it keeps.

use super::error::Refusal;
use crate::auth::Caller;
use crate::http::app_state::AppState;
use crate::store::Permission;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

/// Far more than the PNG of any picture of 320×240 pixels; a wrong path must not send a disk.
const MAX_BYTES: u64 = 1024 * 1024;

pub(super) async fn png(
    State(app): State<Arc<AppState>>,
    caller: Caller,
) -> Result<impl IntoResponse, Refusal> {
    caller.require(Permission::Mars)?;
    let missing =
        || Refusal::not_found("there is no display: run --display PNG says where its picture is");
    let path = app.display.as_ref().ok_or_else(missing)?;
    let file = tokio::fs::File::open(path).await.map_err(|_| missing())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .await
        .map_err(|_| missing())?;
    let headers = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, bytes))
}
