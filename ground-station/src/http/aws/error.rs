//! Why a call or a socket is refused, in the words and shapes of the real services.
//!
//! Clients branch on the name in `x-amzn-ErrorType`, people read the message.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use wire::signaling::control::ERROR_TYPE_HEADER;

/// A refusal: status, name, words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// The error's name, such as `AccessDeniedException`.
    pub kind: &'static str,
    /// In words.
    pub message: String,
    /// Whether the body spells `Message`, as Kinesis Video Streams does in its own errors,
    /// or `message`, as everything in front of it does.
    capital: bool,
}

impl Refusal {
    /// An error of whatever stands in front of the service: signatures, tokens, sizes.
    pub fn gate(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            capital: false,
        }
    }

    fn service(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            capital: true,
            ..Self::gate(status, kind, message)
        }
    }

    /// The caller is known, and may not do this.
    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::service(StatusCode::FORBIDDEN, "AccessDeniedException", message)
    }

    /// The request makes no sense.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::service(StatusCode::BAD_REQUEST, "InvalidArgumentException", message)
    }

    /// Too many of them, or too often.
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::service(
            StatusCode::BAD_REQUEST,
            "ClientLimitExceededException",
            message,
        )
    }

    /// There is no such channel.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::service(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    /// There is such a channel already.
    pub fn in_use(message: impl Into<String>) -> Self {
        Self::service(StatusCode::BAD_REQUEST, "ResourceInUseException", message)
    }

    /// The signature does not hold.
    pub fn bad_signature(message: impl Into<String>) -> Self {
        Self::gate(StatusCode::FORBIDDEN, "InvalidSignatureException", message)
    }

    /// The signature has a part missing or malformed.
    pub fn incomplete_signature(message: impl Into<String>) -> Self {
        Self::gate(
            StatusCode::FORBIDDEN,
            "IncompleteSignatureException",
            message,
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let name = if self.capital { "Message" } else { "message" };
        let body = Json(json!({ name: self.message }));
        (self.status, [(ERROR_TYPE_HEADER, self.kind)], body).into_response()
    }
}
