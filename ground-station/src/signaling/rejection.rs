//! Why a message or a connection is rejected, by the names that clients branch on.

/// All of these are a `400 Bad Request`.
pub(super) const STATUS: u16 = 400;

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

    /// As Kinesis Video Streams names it.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidArgument(_) => "InvalidArgumentException",
            Self::LimitExceeded(_) => "ClientLimitExceededException",
        }
    }
}
