//! How a request is refused: a status and `{"message": "…"}`, as API Gateway words it.

use crate::accounts::Denied;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

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

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 413 when there is more; 400 when the connection breaks.
pub async fn body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body may have at most {limit} bytes"),
        )
    };
    let said: Option<usize> = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if said.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // One byte more than allowed is read, so that a body at the limit and one past it differ.
    match axum::body::to_bytes(body, limit + 1).await {
        Ok(bytes) if bytes.len() <= limit => Ok(bytes),
        Ok(_) => Err(too_large()),
        Err(error) if is_length(&error) => Err(too_large()),
        Err(error) => Err(Refusal::bad(format!("the body broke off: {error}"))),
    }
}

fn is_length(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        source = error.source();
    }
    false
}
