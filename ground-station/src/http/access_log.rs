//! The access log: who, which route, what became of it, how long. No secret can get into it,
//! because nothing of a request but its method and its route does.

use crate::clock;
use crate::http::app_state::AppState;
use crate::metrics;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use daemon::log_limit::SharedLogLimiter;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing::info;

/// Refused requests of nobody known that are logged one by one: a flood of them fills no disk.
static STRANGERS: SharedLogLimiter = SharedLogLimiter::new(60, Duration::from_secs(60));

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
    let caller = label.0.get().map_or("-", String::as_str);
    let is_stranger = caller == "-" && response.status().is_client_error();
    let now = clock::instant();
    let allowed = if is_stranger {
        STRANGERS.allow(now)
    } else {
        Some(0)
    };
    if let Some(suppressed) = allowed {
        let us = started.elapsed().as_micros() as u64;
        if suppressed > 0 {
            info!(target: "access", suppressed, "requests that were refused");
        }
        info!(target: "access", caller, %method, route, status, us);
    }
    app.metrics
        .requests
        .get_or_create(&metrics::Request { route, status })
        .inc();
    response
}
