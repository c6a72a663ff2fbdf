//! Reads the body of a request, of bounded length and in bounded time.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use bytes::BytesMut;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How much of a body is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The longest body.
    pub bytes: usize,
    /// A body that is too long is read on to here before the answer: a client whose connection
    /// is closed while it still sends may never see the answer.
    pub drained_bytes: usize,
    /// How long a body may take.
    pub timeout: Duration,
}

impl Limits {
    /// At most `bytes`, in 10 s: an action that is still on its way after that is too old.
    pub(crate) const fn of(bytes: usize) -> Self {
        Self {
            bytes,
            drained_bytes: 1024 * 1024,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body may have at most {0} bytes")]
    TooLong(usize),
    #[error("the body has not arrived within {} s", .0.as_secs())]
    TooSlow(Duration),
    #[error("the body broke off: {0}")]
    BrokenOff(axum::Error),
    // What serde says may repeat a part of a password.
    #[error("the body must be a JSON object like {0}")]
    NotLike(&'static str),
}

impl BodyError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff(_) | Self::NotLike(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body.
pub(crate) async fn read(body: Body, limits: Limits) -> Result<Bytes, BodyError> {
    tokio::time::timeout(limits.timeout, read_at_most(body, limits))
        .await
        .unwrap_or(Err(BodyError::TooSlow(limits.timeout)))
}

/// Reads a body that is a JSON object like `example`.
pub(crate) async fn read_json<T: DeserializeOwned>(
    body: Body,
    limits: Limits,
    example: &'static str,
) -> Result<T, BodyError> {
    let bytes = read(body, limits).await?;
    serde_json::from_slice(&bytes).map_err(|_| BodyError::NotLike(example))
}

async fn read_at_most(body: Body, limits: Limits) -> Result<Bytes, BodyError> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut length) = (BytesMut::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(BodyError::BrokenOff)?;
        length += chunk.len();
        if length <= limits.bytes {
            kept.extend_from_slice(&chunk);
        } else if length > limits.drained_bytes {
            break;
        }
    }
    if length > limits.bytes {
        return Err(BodyError::TooLong(limits.bytes));
    }
    Ok(kept.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, stream};
    use std::io;

    const LIMITS: Limits = Limits {
        bytes: 10,
        drained_bytes: 20,
        timeout: Duration::from_millis(20),
    };

    type Chunk = io::Result<&'static str>;

    /// These chunks, and then nothing more for ever.
    fn unfinished(chunks: impl IntoIterator<Item = Chunk, IntoIter: Send + 'static>) -> Body {
        Body::from_stream(stream::iter(chunks).chain(stream::pending()))
    }

    #[tokio::test]
    async fn a_body_has_at_most_so_many_bytes() {
        let read = async |text: &'static str| read(Body::from(text), LIMITS).await;
        assert_eq!(read("0123456789").await.unwrap(), "0123456789");
        let error = read("0123456789a").await.unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn what_is_too_long_is_drained_so_far_and_no_farther() {
        let three = || [Ok("01234567"), Ok("01234567"), Ok("01234567")];
        let drained = read(unfinished(three()), LIMITS).now_or_never();
        assert!(matches!(drained, Some(Err(BodyError::TooLong(10)))));
        let two = || three().into_iter().take(2);
        assert!(read(unfinished(two()), LIMITS).now_or_never().is_none());
        let undrained = Limits {
            drained_bytes: 0,
            ..LIMITS
        };
        let refused = read(unfinished(two()), undrained).now_or_never();
        assert!(matches!(refused, Some(Err(BodyError::TooLong(10)))));
    }

    #[tokio::test]
    async fn a_body_that_takes_too_long_or_breaks_off_is_none() {
        let slow = read(unfinished([Ok("0123")]), LIMITS).await.unwrap_err();
        assert_eq!(slow.status(), StatusCode::REQUEST_TIMEOUT);
        let broken = unfinished([Ok("0123"), Err(io::ErrorKind::ConnectionReset.into())]);
        let broken = read(broken, LIMITS).await.unwrap_err();
        assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    }
}
