//! A TCP connection that ends when it is to make room for another.

use crate::connections::{Admitted, Known};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::WaitForCancellationFutureOwned;

/// A connection that has a place among all, and loses it when it must.
#[derive(Debug)]
pub(crate) struct Placed {
    pub tcp: TcpStream,
    evicted: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Gives the place back.
    admitted: Admitted,
}

impl Placed {
    pub(crate) fn new(tcp: TcpStream, admitted: Admitted) -> Self {
        Self {
            tcp,
            evicted: Box::pin(admitted.evicted.clone().cancelled_owned()),
            admitted,
        }
    }

    /// By which it becomes that of somebody known.
    pub(crate) fn known(&self) -> Known {
        self.admitted.known()
    }

    /// The first bytes, which stay to be read. It ends as soon as the place is lost: whoever waits here without a
    /// place would keep its descriptor.
    pub(crate) async fn peek(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        tokio::select! {
            biased;
            () = self.evicted.as_mut() => Err(io::ErrorKind::ConnectionReset.into()),
            peeked = self.tcp.peek(bytes) => peeked,
        }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.evicted.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionReset.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Placed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        pin!(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        pin!(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        pin!(&mut self.tcp).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::{Connections, Limits};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn who_loses_their_place_is_not_waited_for() {
        let connections = Connections::new(Limits {
            total: 1,
            of_network: 1,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = TcpStream::connect(listener.local_addr().unwrap());
        let _silent = silent.await.unwrap();
        let (tcp, from) = listener.accept().await.unwrap();
        let admitted = connections.admit(from.ip(), false).unwrap();
        let mut placed = Placed::new(tcp, admitted);
        let _next = connections.admit(from.ip(), false).unwrap();
        let error = placed.peek(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
