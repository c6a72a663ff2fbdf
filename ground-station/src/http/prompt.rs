//! A connection whose client must say in time what it wants.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What HTTP/2 begins with (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose client must say in time whether it speaks HTTP/1 or 2. From then on the
/// server's own times hold, and not before.
#[derive(Debug)]
pub(crate) struct Prompt<S> {
    stream: S,
    /// How much of [`PREFACE`] has come, until it is known.
    undecided: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<S> Prompt<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        let sleep = Box::pin(tokio::time::sleep(limit));
        Self {
            stream,
            undecided: Some((0, sleep)),
        }
    }

    fn came(&mut self, bytes: &[u8]) {
        let Some((seen, _)) = &mut self.undecided else {
            return;
        };
        let rest = &PREFACE[*seen..];
        let length = rest.len().min(bytes.len());
        *seen += length;
        if bytes[..length] != rest[..length] || *seen == PREFACE.len() {
            self.undecided = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match pin!(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                self.came(&buffer.filled()[before..]);
                Poll::Ready(read)
            }
            Poll::Pending => match &mut self.undecided {
                Some((_, limit)) => limit
                    .as_mut()
                    .poll(cx)
                    .map(|()| Err(io::ErrorKind::TimedOut.into())),
                None => Poll::Pending,
            },
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Whether a client is heard out that says this and no more.
    async fn is_heard_out(words: &[u8]) -> bool {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(words).await.unwrap();
        let mut server = Prompt::new(server, Duration::from_millis(1));
        let mut all = vec![0; words.len()];
        server.read_exact(&mut all).await.unwrap();
        if server.undecided.is_none() {
            return true;
        }
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        false
    }

    #[tokio::test]
    async fn who_does_not_say_what_they_speak_is_not_waited_for() {
        for (words, waits) in [
            (&b""[..], false),
            (b"P", false),
            (&PREFACE[..23], false),
            (PREFACE, true),
            (b"G", true),
            (b"POST / HTTP/1.1\r\n", true),
        ] {
            assert_eq!(is_heard_out(words).await, waits, "{words:?}");
        }
    }
}
