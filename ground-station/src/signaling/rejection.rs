//! Why a message or a connection is rejected, by the names that clients branch on.

use wire::signaling::{FromService, MessageType, StatusResponse};

/// All of these are a `400 Bad Request`.
const STATUS: u16 = 400;

/// What is wrong, in words for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It makes no sense.
    #[error("{0}")]
    InvalidArgument(String),
    /// Too many of them, or too often.
    #[error("{0}")]
    LimitExceeded(String),
}

impl Rejection {
    pub(super) fn invalid(message: impl ToString) -> Self {
        Self::InvalidArgument(message.to_string())
    }

    pub(super) fn limit(message: impl ToString) -> Self {
        Self::LimitExceeded(message.to_string())
    }

    /// What the sender of the message named `correlation_id` is told.
    pub(crate) fn status(&self, correlation_id: String) -> FromService {
        FromService {
            status_response: Some(StatusResponse {
                correlation_id,
                error_type: Some(self.error_type().to_owned()),
                status_code: Some(STATUS.to_string()),
                description: Some(self.to_string()),
            }),
            ..FromService::bare(MessageType::StatusResponse)
        }
    }

    /// As Kinesis Video Streams names it.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidArgument(_) => "InvalidArgumentException",
            Self::LimitExceeded(_) => "ClientLimitExceededException",
        }
    }
}
