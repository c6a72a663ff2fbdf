//! What is written to a signaling socket, each within its time.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};

use crate::signaling::connection::CloseReason;

/// How long one frame may take to be written. Who needs longer for 12 KiB does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a closing frame may take; nothing depends on it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a socket ended.
pub(super) enum Ended {
    Here(CloseReason),
    /// The other end did, in order or not.
    There(&'static str),
}

pub(super) async fn send(socket: &mut WebSocket, text: String) -> Result<(), Ended> {
    write(socket, Message::Text(Utf8Bytes::from(text))).await
}

pub(super) async fn write(socket: &mut WebSocket, message: Message) -> Result<(), Ended> {
    let send = socket.send(message);
    match tokio::time::timeout(WRITE_TIMEOUT, send).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::There("it broke")),
        Err(_) => Err(Ended::Here(CloseReason::SlowReader)),
    }
}

pub(super) async fn close(socket: &mut WebSocket, reason: CloseReason) {
    let frame = CloseFrame {
        code: reason.code(),
        reason: Utf8Bytes::from_static(reason.words()),
    };
    let send = socket.send(Message::Close(Some(frame)));
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, send).await;
}
