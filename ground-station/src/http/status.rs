//! `GET /healthz`, `/metrics` and `/ca.pem`: for everybody, with nothing secret in them.

use crate::clock;
use crate::http::app_state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn health(State(app): State<Arc<AppState>>) -> Json<Value> {
    let broker = if app.publisher.is_connected() {
        "connected"
    } else {
        "away"
    };
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "now_ms": clock::unix_ms(),
        "broker": broker,
        "https_port": app.https_port,
    }))
}

pub(super) async fn metrics(
    State(app): State<Arc<AppState>>,
) -> ([(HeaderName, &'static str); 1], String) {
    let metrics = &app.metrics;
    metrics
        .broker_connected
        .set(i64::from(app.publisher.is_connected()));
    metrics.robots_online.set(app.robots.online() as i64);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text())
}

pub(super) async fn ca(
    State(app): State<Arc<AppState>>,
) -> ([(HeaderName, &'static str); 1], String) {
    let kind = "application/x-pem-file";
    ([(header::CONTENT_TYPE, kind)], app.ca.pem().to_owned())
}
