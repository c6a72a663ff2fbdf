//! Refusals in the words of AWS: clients branch on the name in `x-amzn-ErrorType`, people read
//! the message.

use std::fmt;

use axum::http::StatusCode;

use crate::auth::TokenError;
use crate::http::body::BodyError;
use crate::http::error::{Refusal, Wording};
use crate::signaling::Rejection;

impl Refusal {
    /// An error of whatever stands in front of a service: signatures, tokens, sizes.
    pub(super) fn aws(status: StatusCode, name: &'static str, message: impl ToString) -> Self {
        Self {
            wording: Wording::Aws(name),
            ..Self::new(status, message)
        }
    }

    fn kinesis_video(status: StatusCode, name: &'static str, message: impl ToString) -> Self {
        Self {
            wording: Wording::KinesisVideo(name),
            ..Self::new(status, message)
        }
    }

    /// The caller is known, and may not do this.
    pub(super) fn access_denied(message: impl ToString) -> Self {
        Self::kinesis_video(StatusCode::FORBIDDEN, "AccessDeniedException", message)
    }

    /// The request makes no sense.
    pub(super) fn invalid_argument(message: impl ToString) -> Self {
        Rejection::InvalidArgument(message.to_string()).into()
    }

    /// There is no such channel.
    pub(super) fn no_channel(message: impl ToString) -> Self {
        Self::kinesis_video(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    /// There is such a channel already.
    pub(super) fn in_use(message: impl ToString) -> Self {
        Self::kinesis_video(StatusCode::BAD_REQUEST, "ResourceInUseException", message)
    }

    /// The signature does not hold.
    pub(super) fn bad_signature(message: impl ToString) -> Self {
        Self::aws(StatusCode::FORBIDDEN, "InvalidSignatureException", message)
    }

    /// The signature has a part missing or malformed.
    pub(super) fn incomplete_signature(message: impl ToString) -> Self {
        Self::aws(
            StatusCode::FORBIDDEN,
            "IncompleteSignatureException",
            message,
        )
    }

    /// The session token is worth nothing.
    pub(super) fn bad_token(error: TokenError) -> Self {
        let (name, message) = match error {
            TokenError::Expired => (
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            TokenError::Invalid | TokenError::Revoked => (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
        };
        Self::aws(StatusCode::FORBIDDEN, name, message)
    }

    /// There is no body. One that broke off is refused like one that is too long.
    pub(super) fn bad_body(error: &BodyError) -> Self {
        let (status, name) = match error {
            BodyError::TooLong(_) | BodyError::BrokenOff(_) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
            ),
            BodyError::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException"),
            BodyError::NotLike(_) => (StatusCode::BAD_REQUEST, "SerializationException"),
        };
        Self::aws(status, name, error)
    }

    /// The error's name, where it has one.
    pub(super) fn name(&self) -> Option<&'static str> {
        match self.wording {
            Wording::ApiGateway => None,
            Wording::Aws(name) | Wording::KinesisVideo(name) => Some(name),
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let name = rejection.error_type();
        Self::kinesis_video(StatusCode::BAD_REQUEST, name, rejection)
    }
}

/// As logs show it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_body_that_broke_off_is_refused_like_one_that_is_too_long() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        let broken = BodyError::BrokenOff(axum::Error::new(reset));
        for error in [broken, BodyError::TooLong(8192)] {
            let refusal = Refusal::bad_body(&error);
            assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(refusal.name(), Some("RequestEntityTooLargeException"));
        }
    }
}
