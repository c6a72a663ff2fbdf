//! `GET /mars` for whoever has a key, and the bitmap that it points to for everybody.

use super::error::Refusal;
use super::origin::Origin;
use crate::auth::Caller;
use crate::http::app_state::AppState;
use crate::store::Permission;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use std::sync::Arc;

pub(super) async fn report(
    State(app): State<Arc<AppState>>,
    caller: Caller,
    asked: Parts,
) -> Result<Response, Refusal> {
    caller.require(Permission::Mars)?;
    let origin = Origin::of(&asked).ok().map(|origin| origin.to_string());
    let report = app.mars.report(&asked, origin.as_deref()).await;
    report.map_err(Refusal::bad)
}

/// Needs no key: the original's was public and its display sends none for it.
pub(super) async fn picture(
    State(app): State<Arc<AppState>>,
    asked: Parts,
) -> Result<Response, Refusal> {
    app.mars.picture(&asked).map_err(Refusal::bad)
}
