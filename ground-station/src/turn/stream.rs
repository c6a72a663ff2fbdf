//! One client of the relay over TCP or TLS, from its first byte to its last. What it allocated
//! ends with its connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf,
};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;
use webrtc_util::conn::Conn;
use wire::turn_stream::{Deframer, framed, is_relayed_data};

use super::requests::{Requests, Via};
use crate::connections::Known;
use crate::placed::Placed;

/// How long a connection without an allocation may be silent. With one it is the allocation
/// that ends.
const SILENCE: Duration = Duration::from_secs(30);

/// How long the client may take nothing. A path that is gone takes none.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// Messages that wait for the client: a key frame of 150 kB. What comes beyond is lost, as on any
/// path that is too narrow, and the sender slows down; a longer queue would show it the past.
const QUEUE: usize = 128;

/// And how much the kernel may hold, for the same reason: a quarter of a second at 2 Mbit/s.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// The longest TLS record, so that none is read in pieces.
const CHUNK_BYTES: usize = 16 * 1024;

/// A connection whose first byte may have been read ahead, but is not lost.
pub(crate) enum Stream {
    Plain(Placed),
    Tls(Box<BufReader<TlsStream<Placed>>>),
}

impl Stream {
    /// Both ends: ours, and the client's.
    pub(super) fn ends(&self) -> std::io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.tcp().local_addr()?, self.tcp().peer_addr()?))
    }

    fn tcp(&self) -> &TcpStream {
        &self.placed().tcp
    }

    fn placed(&self) -> &Placed {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().get_ref().0,
        }
    }

    /// Serves it to its end.
    pub(super) async fn serve(self, requests: &Requests) -> std::io::Result<()> {
        let (local, from) = self.ends()?;
        self.tcp().set_nodelay(true)?;
        rustix::net::sockopt::set_socket_send_buffer_size(self.tcp(), SEND_BUFFER_BYTES)?;
        let known = self.placed().known();
        match self {
            Self::Plain(stream) => serve(stream, requests, local, from, known).await,
            Self::Tls(stream) => serve(*stream, requests, local, from, known).await,
        }
        Ok(())
    }
}

async fn serve<S: AsyncRead + AsyncWrite>(
    stream: S,
    requests: &Requests,
    local: SocketAddr,
    from: SocketAddr,
    known: Known,
) {
    let (reader, writer) = tokio::io::split(stream);
    let (queue, queued) = mpsc::channel(QUEUE);
    let via = requests.by_stream(Arc::new(StreamConn { queue, local, from }), local);
    tokio::select! {
        () = read(reader, requests, &via, from, known) => {}
        () = write(writer, queued) => {}
    }
    via.end(from).await;
}

/// Answers what the client sends, until it ends or sends what is no TURN.
async fn read<S: AsyncRead>(
    mut reader: ReadHalf<S>,
    requests: &Requests,
    via: &Via,
    from: SocketAddr,
    known: Known,
) {
    let mut is_known = false;
    let mut deframer = Deframer::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match tokio::time::timeout(SILENCE, reader.read(&mut chunk)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(bytes)) => deframer.push(&chunk[..bytes]),
            Err(_) if via.allocated_by(from).await.is_none() => return,
            Err(_) => {}
        }
        loop {
            match deframer.next_message() {
                Ok(Some(message)) => requests.answer(via, &message, from).await,
                Ok(None) => break,
                Err(error) => return tracing::debug!(%from, %error, "TURN connection ended"),
            }
        }
        // Whoever has a password.
        if !is_known && via.allocated_by(from).await.is_some() {
            known.mark();
            is_known = true;
        }
    }
}

async fn write<S: AsyncWrite>(mut writer: WriteHalf<S>, mut queued: mpsc::Receiver<Vec<u8>>) {
    while let Some(message) = queued.recv().await {
        let sent = async {
            writer.write_all(&message).await?;
            writer.flush().await
        };
        if !matches!(tokio::time::timeout(SEND_LIMIT, sent).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// What the `turn` crate sends by. It never waits for a slow client with what a peer sent.
struct StreamConn {
    queue: mpsc::Sender<Vec<u8>>,
    local: SocketAddr,
    from: SocketAddr,
}

type Result<T, E = webrtc_util::Error> = std::result::Result<T, E>;

#[async_trait]
impl Conn for StreamConn {
    async fn connect(&self, _: SocketAddr) -> Result<()> {
        Err(webrtc_util::Error::Other("it is connected".into()))
    }

    async fn recv(&self, _: &mut [u8]) -> Result<usize> {
        Err(webrtc_util::Error::Other("others read from it".into()))
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
        Ok((self.recv(buffer).await?, self.from))
    }

    async fn send(&self, message: &[u8]) -> Result<usize> {
        let framed =
            framed(message).map_err(|error| webrtc_util::Error::Other(error.to_string()))?;
        if is_relayed_data(message) {
            let _ = self.queue.try_send(framed);
        } else {
            let _ = self.queue.send(framed).await;
        }
        Ok(message.len())
    }

    async fn send_to(&self, message: &[u8], _: SocketAddr) -> Result<usize> {
        self.send(message).await
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.local)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.from)
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}
