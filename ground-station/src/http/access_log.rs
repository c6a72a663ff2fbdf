//! The access log: who, which route, what became of it, how long. No secret can get into it,
//! because nothing of a request but its method and its route does.

use crate::clock;
use crate::http::app_state::AppState;
use crate::metrics;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::{Arc, OnceLock};
use tracing::info;

/// Where the name of the caller is noted once it is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Label(Arc<OnceLock<String>>);

impl Label {
    pub(super) fn set(&self, name: String) {
        // The first one to be let in is the caller.
        let _ = self.0.set(name);
    }
}

pub(super) async fn every_request(
    State(app): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = clock::instant();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(none)", |path| path.as_str())
        .to_owned();
    let label = Label::default();
    request.extensions_mut().insert(label.clone());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    info!(
        target: "access",
        caller = label.0.get().map_or("-", String::as_str),
        %method,
        route,
        status,
        us = started.elapsed().as_micros() as u64,
    );
    app.metrics
        .requests
        .get_or_create(&metrics::Request { route, status })
        .inc();
    response
}
