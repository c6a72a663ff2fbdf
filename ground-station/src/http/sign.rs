//! `GET /sign`, a form, and `POST /sign`: a certificate for a robot that made its own key.
//! As the original's Lambda: `{"description": "<CSR PEM>"}` → `{"crt_text", "crt_pem"}`.

use super::body::{self, Limits};
use super::error::Refusal;
use super::security_headers;
use crate::auth::{Caller, Denied, Principal};
use crate::ca::{request, text};
use crate::clock;
use crate::http::app_state::AppState;
use crate::http::origin::Origin;
use crate::robot_config;
use crate::store::{Permission, StoreError};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// A request, with its line ends escaped, in JSON.
const MAX_BYTES: usize = 2 * request::MAX_BYTES;

#[derive(Deserialize)]
struct SigningRequest {
    description: String,
}

#[derive(Serialize)]
pub(super) struct Signed {
    crt_text: String,
    crt_pem: String,
    ca_pem: String,
    config: Value,
}

pub(super) async fn form() -> impl IntoResponse {
    let page = include_str!("sign.html");
    let policy = security_headers::of_page(page);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page))
}

pub(super) async fn sign(
    State(app): State<Arc<AppState>>,
    caller: Caller,
    origin: Origin,
    body: Body,
) -> Result<Json<Signed>, Refusal> {
    caller.require(Permission::Sign)?;
    let example = r#"{"description":"-----BEGIN CERTIFICATE REQUEST-----…"}"#;
    let asked: SigningRequest = body::read_json(body, Limits::of(MAX_BYTES), example).await?;
    let accepted =
        request::check(&asked.description, caller.rights.robots()).map_err(Refusal::bad)?;
    let name = accepted.name.clone();
    let Principal::Key(key) = caller.principal else {
        return Err(Denied::Forbidden.into());
    };
    let state = app.clone();
    // The store waits for the disk.
    let issued = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let issued = state
            .ca
            .issue_client(&accepted.name, &accepted.public_key, clock::utc())?;
        state.store.enrol(key, &accepted.name, &issued.record)?;
        Ok(issued)
    })
    .await
    .map_err(Refusal::broken)?
    .map_err(|error| match error.downcast_ref() {
        Some(StoreError::Taken(words)) => Refusal::new(StatusCode::FORBIDDEN, words),
        _ => Refusal::broken(format!("{error:#}")),
    })?;
    app.metrics.signed.inc();
    tracing::info!(
        robot = name,
        serial = issued.record.serial,
        by = caller.principal.label(),
        "certificate signed"
    );
    let host = robot_config::host_of(&origin.host).unwrap_or_else(robot_config::default_host);
    Ok(Json(Signed {
        crt_text: text::describe(&issued.pem),
        crt_pem: issued.pem,
        ca_pem: app.ca.pem().to_owned(),
        config: robot_config::config(
            &name,
            &host,
            robot_config::Ports::of(&app.store),
            app.signaling.region(),
        ),
    }))
}
