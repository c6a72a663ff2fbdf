//! How a request is refused: a status and `{"message": "…"}`, as API Gateway words it, or as
//! AWS' other services do where their protocols are spoken.

use super::body::BodyError;
use crate::auth::{Denied, NEXT_ATTEMPT_S};
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use wire::signaling::control::ERROR_TYPE_HEADER;

/// A status and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    pub(super) wording: Wording,
    /// Seconds until it is worth asking again, where that is known: `Retry-After`.
    pub(super) retry_after_s: Option<u32>,
}

/// Whose words a refusal uses. Clients of AWS branch on an error's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wording {
    /// `{"message": …}`, without a name.
    ApiGateway,
    /// The same with a name, as what stands in front of AWS' services: signatures, tokens, sizes.
    Aws(&'static str),
    /// `{"Message": …}` with a name, as errors of Kinesis Video Streams itself.
    KinesisVideo(&'static str),
}

impl Refusal {
    /// With words for whoever asked.
    pub fn new(status: StatusCode, message: impl ToString) -> Self {
        Self {
            status,
            message: message.to_string(),
            wording: Wording::ApiGateway,
            retry_after_s: None,
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
        let (key, name) = match self.wording {
            Wording::ApiGateway => ("message", None),
            Wording::Aws(name) => ("message", Some(name)),
            Wording::KinesisVideo(name) => ("Message", Some(name)),
        };
        let name = name.map(|name| [(ERROR_TYPE_HEADER, name)]);
        let wait = self.retry_after_s.map(|s| [(RETRY_AFTER, s.to_string())]);
        (self.status, name, wait, Json(json!({ key: self.message }))).into_response()
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let status = match denied {
            Denied::Forbidden => StatusCode::FORBIDDEN,
            Denied::TooMany | Denied::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            Denied::Token(_) | Denied::Password => StatusCode::UNAUTHORIZED,
        };
        Self {
            retry_after_s: (denied == Denied::TooManyAttempts).then_some(NEXT_ATTEMPT_S),
            ..Self::new(status, denied)
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::new(error.status(), error)
    }
}
