//! `GET /mars` for whoever has a key, and the bitmap that it points to for everybody.

use super::error::Refusal;
use crate::auth::Caller;
use crate::http::app_state::AppState;
use crate::store::Permission;
use axum::extract::{Request, State};
use axum::response::Response;
use std::sync::Arc;

pub(super) async fn report(
    State(app): State<Arc<AppState>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Refusal> {
    caller.require(Permission::Mars)?;
    Ok(app.mars.report(request).await)
}

/// Needs no key: the original's was public and its display sends none for it.
pub(super) async fn picture(State(app): State<Arc<AppState>>, request: Request) -> Response {
    app.mars.picture(request).await
}
