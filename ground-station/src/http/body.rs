//! Reads the body of a request, of bounded length and in bounded time.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use bytes::BytesMut;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// So much of a body that is too long is read and thrown away before the answer: a client
/// whose connection is closed while it still sends may never see the answer.
const DRAINED_BYTES: usize = 1024 * 1024;

/// How long a body may take: an action that is still on its way after this is too old.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body may have at most {0} bytes")]
    TooLong(usize),
    #[error("the body has not arrived within {} s", READ_TIMEOUT.as_secs())]
    TooSlow,
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
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff(_) | Self::NotLike(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    tokio::time::timeout(READ_TIMEOUT, read_at_most(body, limit))
        .await
        .unwrap_or(Err(BodyError::TooSlow))
}

/// Reads a body of at most `limit` bytes that is a JSON object like `example`.
pub(crate) async fn read_json<T: DeserializeOwned>(
    body: Body,
    limit: usize,
    example: &'static str,
) -> Result<T, BodyError> {
    let bytes = read(body, limit).await?;
    serde_json::from_slice(&bytes).map_err(|_| BodyError::NotLike(example))
}

async fn read_at_most(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut length) = (BytesMut::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(BodyError::BrokenOff)?;
        length += chunk.len();
        if length <= limit {
            kept.extend_from_slice(&chunk);
        } else if length > DRAINED_BYTES {
            break;
        }
    }
    if length > limit {
        return Err(BodyError::TooLong(limit));
    }
    Ok(kept.freeze())
}
