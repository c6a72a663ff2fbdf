//! `GET /mars` for whoever has a key, and the bitmap that it points to for everybody.

use super::error::Refusal;
use crate::auth::Caller;
use crate::http::app_state::AppState;
use crate::store::Permission;
use axum::extract::{Request, State};
use axum::response::Response;

pub(super) async fn report(
    State(station): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Refusal> {
    caller.must(Permission::Mars)?;
    Ok(station.mars.report(request).await)
}

/// Needs no key: the original's was public and its display sends none for it.
pub(super) async fn picture(State(station): State<AppState>, request: Request) -> Response {
    station.mars.picture(request).await
}
