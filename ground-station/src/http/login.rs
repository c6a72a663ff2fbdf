//! `POST /login`: a name and a password for a token.

use super::access_log::Label;
use super::body::{self, Limits};
use super::error::Refusal;
use super::origin::ClientAddress;
use crate::auth::Now;
use crate::connections::Known;
use crate::http::app_state::AppState;
use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A name and a password, and room for the JSON around them.
const MAX_BYTES: usize = 1024;

/// Passwords checked at once; each takes 19 MiB, and a Pi has other work.
static CHECKS: Semaphore = Semaphore::const_new(2);

/// Those of them for addresses from which wrong passwords came: the others never wait for a guess.
static SUSPECTS: Semaphore = Semaphore::const_new(1);

#[derive(Deserialize)]
struct SignIn {
    user: String,
    password: String,
}

#[derive(Serialize)]
pub(super) struct SignedIn {
    token: String,
    expires_at: u64,
    user: String,
    robots: Vec<String>,
}

pub(super) async fn login(
    State(app): State<Arc<AppState>>,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    Extension(label): Extension<Label>,
    connection: Option<Extension<Known>>,
    body: Body,
) -> Result<Json<SignedIn>, Refusal> {
    let example = r#"{"user":"ann","password":"…"}"#;
    let sign_in: SignIn = body::read_json(body, Limits::of(MAX_BYTES), example).await?;
    let attempt = (app.accounts).attempt(&sign_in.user, from, Now::read())?;
    let _suspect = match attempt.is_suspect() {
        true => Some(SUSPECTS.acquire().await.map_err(Refusal::broken)?),
        false => None,
    };
    let _permit = CHECKS.acquire().await.map_err(Refusal::broken)?;
    let accounts = app.accounts.clone();
    let (sign_in, signed_in) = tokio::task::spawn_blocking(move || {
        let signed_in = accounts.sign_in(&sign_in.user, &sign_in.password, attempt, Now::read());
        (sign_in, signed_in)
    })
    .await
    .map_err(Refusal::broken)?;
    let (token, expires_at, user) = signed_in?;
    if let Some(Extension(connection)) = connection {
        connection.mark();
    }
    label.set(format!("user-{}", sign_in.user));
    let directory = app.store.directory();
    Ok(Json(SignedIn {
        token,
        expires_at,
        robots: user.robots.of(&directory.robots).cloned().collect(),
        user: sign_in.user,
    }))
}
