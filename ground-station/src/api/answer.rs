//! How a request is refused: a status and `{"message": "…"}`, as API Gateway words it.

use crate::auth::Denied;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures::StreamExt;
use serde_json::json;
use std::time::Duration;

/// A status and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    /// With words for whoever asked.
    pub fn new(status: StatusCode, message: impl ToString) -> Self {
        Self {
            status,
            message: message.to_string(),
        }
    }

    /// 400.
    pub fn bad(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 404.
    pub fn not_found(message: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 500: the cause is for the log, not for whoever asked.
    pub fn broken(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal Server Error: the log of ground-station says more",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "message": self.message }))).into_response()
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let status = match denied {
            Denied::Forbidden => StatusCode::FORBIDDEN,
            Denied::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Denied::Token(_) | Denied::Password => StatusCode::UNAUTHORIZED,
        };
        Self::new(status, denied)
    }
}

/// So much of a body that is too long is read and thrown away before the answer: a client
/// whose connection is closed while it still sends may never see the answer.
const DRAINED_BYTES: usize = 1024 * 1024;

/// How long a body may take: an action that is still on its way after this is too old.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 413 when there is more; 408 when it takes too long; 400 when the connection breaks.
pub async fn body(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(PATIENCE, read(body, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body has not arrived within {} s", PATIENCE.as_secs()),
        )),
    }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut length) = (BytesMut::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Refusal::bad(format!("the body broke off: {error}")))?;
        length += chunk.len();
        if length <= limit {
            kept.extend_from_slice(&chunk);
        } else if length > DRAINED_BYTES {
            break;
        }
    }
    if length > limit {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body may have at most {limit} bytes"),
        ));
    }
    Ok(kept.freeze())
}
