//! The two listeners: plain HTTP for this machine, HTTPS for everybody else. HTTPS asks for a
//! client certificate of our own CA and goes on without one; handlers see it as [`Peer`]. What
//! comes to the port of HTTPS and is TURN is handed to the relay: often no other port is open.

use super::arrival::{Connection, Stalls};
use super::prompt::Prompt;
use super::trusted_proxy::TrustedProxy;
use crate::auth::Principal;
use crate::connections::{Connections, Known};
use crate::hex;
use crate::placed::Placed;
use crate::store::Directory;
use crate::turn::{Stream, Streams};
use anyhow::Context;
use axum::middleware::AddExtension;
use axum::{Extension, Router};
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures::future::BoxFuture;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::pki_types::CertificateDer;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::Layer;
use wire::turn_stream::is_stun;

/// How long requests under way may take when the station stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long a client may take for its TLS handshake: a Pi over a bad radio link needs two.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to say which HTTP it speaks. Browsers open connections ahead of time,
/// and open another where one was closed.
const FIRST_BYTES: Duration = Duration::from_secs(15);

/// How long a connection may be silent before a request: a page that is looked at now and
/// then keeps its connection, a forgotten one does not.
const SILENCE: Duration = Duration::from_secs(60);

/// Who is at the other end of a connection, as the connection itself tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// The client certificate that the TLS handshake has verified, in DER; plain HTTP has
    /// none, and HTTPS may have none.
    pub certificate: Option<CertificateDer<'static>>,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

/// Why a connection's certificate counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unidentified {
    /// There is none.
    #[error("no client certificate was presented")]
    None,
    #[error("the client certificate was revoked")]
    Revoked,
    /// It is none of a robot or an operator.
    #[error("the client certificate names nobody known here")]
    Unknown,
}

impl Peer {
    /// Whose certificate it is, unless it was revoked.
    pub(crate) fn principal(&self, directory: &Directory) -> Result<Principal, Unidentified> {
        let der = self.certificate.as_ref().ok_or(Unidentified::None)?;
        let (_, certificate) =
            x509_parser::parse_x509_certificate(der).map_err(|_| Unidentified::Unknown)?;
        let serial = hex::encode(certificate.raw_serial());
        if directory.revoked.contains_key(&serial) {
            return Err(Unidentified::Revoked);
        }
        let name = certificate
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .ok_or(Unidentified::Unknown)?;
        let principal = Principal::Certificate(serial, name.to_owned());
        let known = principal.rights(directory).is_some();
        known.then_some(principal).ok_or(Unidentified::Unknown)
    }
}

/// Serves plain HTTP until `shutdown`.
pub(crate) async fn serve_http(
    listener: TcpListener,
    router: Router,
    arrivals: Arrivals,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let handle = axum_server::Handle::new();
    let mut server = axum_server::from_tcp(listener)?
        .handle(handle.clone())
        .acceptor(Plain(arrivals));
    limit_silence(server.http_builder());
    let server = server.serve(
        router
            .layer(Extension(Peer::default()))
            .into_make_service_with_connect_info::<SocketAddr>(),
    );
    until(server, handle, shutdown)
        .await
        .context("serving HTTP")
}

/// Serves HTTPS until `shutdown`.
pub(crate) async fn serve_https(
    listener: TcpListener,
    router: Router,
    encrypted: Encrypted,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let handle = axum_server::Handle::new();
    let mut server = axum_server::from_tcp(listener)?
        .handle(handle.clone())
        .acceptor(encrypted);
    limit_silence(server.http_builder());
    let server = server.serve(router.into_make_service_with_connect_info::<SocketAddr>());
    until(server, handle, shutdown)
        .await
        .context("serving HTTPS")
}

/// Whoever opens connections and says nothing would keep them for ever.
fn limit_silence(http: &mut Builder<TokioExecutor>) {
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(SILENCE);
}

async fn until(
    server: impl Future<Output = io::Result<()>>,
    handle: axum_server::Handle<SocketAddr>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return ended,
        () = shutdown.cancelled() => handle.graceful_shutdown(Some(GRACE)),
    }
    server.await
}

/// What both listeners know of connections.
#[derive(Clone)]
pub(crate) struct Arrivals {
    pub stalls: Stalls,
    pub connections: Connections,
    /// Their clients are many.
    pub proxies: Arc<[TrustedProxy]>,
}

impl Arrivals {
    /// Gives a connection its place, and sends small answers at once.
    fn place(&self, tcp: TcpStream) -> io::Result<(Placed, Known)> {
        let from = tcp.peer_addr()?.ip();
        let is_proxy = self.proxies.iter().any(|proxy| proxy.contains(from));
        let admitted = self.connections.admit(from, is_proxy);
        let admitted = admitted.ok_or_else(|| io::Error::other("too many connections"))?;
        tcp.set_nodelay(true)?;
        let known = admitted.known();
        Ok((Placed::new(tcp, admitted), known))
    }
}

/// Hands every request of a connection when that was made, and whose place it has.
#[derive(Clone)]
struct Plain(Arrivals);

impl<S> Accept<TcpStream, S> for Plain {
    type Stream = Prompt<Placed>;
    type Service = AddExtension<AddExtension<S, Known>, Connection>;
    type Future = std::future::Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let placed = self.0.place(stream).map(|(stream, known)| {
            let service = Extension(known).layer(service);
            let service = Extension(self.0.stalls.connection()).layer(service);
            (Prompt::new(stream, FIRST_BYTES), service)
        });
        std::future::ready(placed)
    }
}

/// Gives a stream to [`RustlsAcceptor`] as it is.
#[derive(Clone, Copy)]
struct AsItIs;

impl<S> Accept<Placed, S> for AsItIs {
    type Stream = Placed;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Placed, S)>>;

    fn accept(&self, stream: Placed, service: S) -> Self::Future {
        std::future::ready(Ok((stream, service)))
    }
}

/// The same, once the handshake is done: before it, a client sends no request. And the
/// certificate that the client presented.
#[derive(Clone)]
pub(crate) struct Encrypted {
    tls: RustlsAcceptor<AsItIs>,
    /// Where TURN goes, if it is here.
    turn: Option<Streams>,
    arrivals: Arrivals,
}

impl Encrypted {
    pub(crate) fn new(tls: RustlsConfig, turn: Option<Streams>, arrivals: Arrivals) -> Self {
        let tls = RustlsAcceptor::new(tls)
            .handshake_timeout(HANDSHAKE_TIMEOUT)
            .acceptor(AsItIs);
        Self {
            tls,
            turn,
            arrivals,
        }
    }

    async fn open<S>(self, stream: TcpStream, service: S) -> io::Result<Opened<S>> {
        let (stream, known) = self.arrivals.place(stream)?;
        let stream = match &self.turn {
            Some(turn) => not_turn(stream, turn).await?,
            None => stream,
        };
        let (stream, service) = self.tls.accept(stream, service).await?;
        let connection = self.arrivals.stalls.connection();
        let mut stream = BufReader::new(stream);
        if let Some(turn) = &self.turn {
            let first = within(FIRST_BYTES, stream.fill_buf()).await?.first();
            if first.is_some_and(|first| is_stun(*first)) {
                turn.hand_over(Stream::Tls(Box::new(stream)));
                return Err(handed_over());
            }
        }
        let certificate = stream
            .get_ref()
            .get_ref()
            .1
            .peer_certificates()
            .and_then(|chain| chain.first())
            .map(|leaf| leaf.clone().into_owned());
        let peer = Peer {
            certificate,
            secure: true,
        };
        let service = Extension(known).layer(service);
        let service = Extension(peer).layer(service);
        let stream = Prompt::new(stream, FIRST_BYTES);
        Ok((stream, Extension(connection).layer(service)))
    }
}

/// A connection of HTTP, of which perhaps something was read ahead.
type Opened<S> = (EncryptedStream, EncryptedService<S>);
type EncryptedStream = Prompt<BufReader<TlsStream<Placed>>>;
type EncryptedService<S> = AddExtension<AddExtension<AddExtension<S, Known>, Peer>, Connection>;

impl<S: Send + 'static> Accept<TcpStream, S> for Encrypted {
    type Stream = EncryptedStream;
    type Service = EncryptedService<S>;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        Box::pin(self.clone().open(stream, service))
    }
}

/// Hands TURN over that is not even encrypted; gives everything else back.
async fn not_turn(mut stream: Placed, turn: &Streams) -> io::Result<Placed> {
    let mut first = [0];
    let peeked = within(HANDSHAKE_TIMEOUT, stream.peek(&mut first)).await?;
    if peeked == 1 && is_stun(first[0]) {
        turn.hand_over(Stream::Plain(stream));
        return Err(handed_over());
    }
    Ok(stream)
}

/// For the server, which knows nothing but HTTP and forgets the connection.
fn handed_over() -> io::Error {
    io::Error::other("handed over to the TURN relay")
}

async fn within<T>(limit: Duration, read: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, read)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
