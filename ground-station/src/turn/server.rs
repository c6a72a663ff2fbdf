//! The relay's own port: UDP, and over the same number TCP and TLS, which the first byte tells
//! apart. The HTTPS port hands over what is TURN by [`Streams`].

use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, UdpSocket as StdSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::ServerConfig;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use wire::turn_stream::is_stun;

use super::Relay;
use super::address::Address;
use super::counters::Counters;
use super::limits::STREAMS;
use super::ports::Ports;
use super::requests::{NameHolds, Requests};
use super::stream::Stream;
use crate::clock;
use crate::connections::Connections;
use crate::placed::Placed;

/// Longest datagram that is read: an Ethernet frame, and some.
const MAX_DATAGRAM_BYTES: usize = 2048;

/// How often what is not used any more is looked for, and who may no longer be here.
const SWEEP: Duration = Duration::from_secs(5);

/// How long a client may take for its first byte, and for its TLS handshake: a Pi over a bad
/// radio link needs two seconds.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that the HTTPS port has handed over and that wait to be served: a moment's worth.
const HANDED_OVER: usize = 64;

/// How long accepting rests when it fails, as with too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a port is tried that is to be free for UDP and TCP alike.
const PORT_TRIES: usize = 8;

/// Where the relay is.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub listen: SocketAddr,
    /// Under which address the world reaches it; its own when absent.
    pub public_ip: Option<IpAddr>,
    /// From which ports it sends.
    pub ports: Ports,
}

/// TLS with the certificate that is good now.
pub(crate) type CurrentTls = Box<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// The relay, listening but not yet answering.
pub(crate) struct Server {
    datagrams: UdpSocket,
    listener: TcpListener,
    address: Address,
    secret: Vec<u8>,
    requests: Arc<Requests>,
    handed_over: (mpsc::Sender<Stream>, mpsc::Receiver<Stream>),
}

/// Takes connections that came to another port.
#[derive(Clone)]
pub(crate) struct Streams(mpsc::Sender<Stream>);

impl Streams {
    /// Serves `stream` from now on; drops it where there are too many.
    pub(crate) fn hand_over(&self, stream: Stream) {
        if self.0.try_send(stream).is_err() {
            tracing::warn!("too many TURN connections at once; one is dropped");
        }
    }
}

impl Server {
    /// Takes the port, within a runtime. `secret` makes the passwords; names that no longer hold
    /// lose their allocations within seconds.
    pub(crate) fn bind(
        settings: Settings,
        secret: [u8; 32],
        holds: NameHolds,
    ) -> anyhow::Result<Self> {
        let Settings {
            listen,
            public_ip,
            ports,
        } = settings;
        let (datagrams, listener) = bind_both(listen)?;
        let bound = datagrams.local_addr()?;
        anyhow::ensure!(
            public_ip.is_none_or(|ip| ip.is_ipv4() == bound.is_ipv4()),
            "TURN listens on {bound}: its public address must be of the same family"
        );
        let address = Address { bound, public_ip };
        Ok(Self {
            datagrams,
            listener,
            address,
            secret: secret.to_vec(),
            requests: Arc::new(Requests::new(address, &ports, &secret, holds)),
            handed_over: mpsc::channel(HANDED_OVER),
        })
    }

    /// What clients are told.
    pub(crate) fn relay(&self) -> Relay {
        Relay::builtin(self.address, &self.secret)
    }

    /// For `/metrics`.
    pub(crate) fn counters(&self) -> Counters {
        self.requests.counters.clone()
    }

    /// For listeners that share their port with the relay.
    pub(crate) fn streams(&self) -> Streams {
        Streams(self.handed_over.0.clone())
    }

    /// Answers until `shutdown`.
    pub(crate) async fn run(
        self,
        tls: CurrentTls,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let Self {
            datagrams,
            listener,
            address,
            requests,
            handed_over: (_keeps_it_open, mut handed_over),
            ..
        } = self;
        let datagrams = Arc::new(datagrams);
        let via = requests.by_datagrams(Arc::clone(&datagrams) as _, address.bound);
        let mut clients = Clients::new(Arc::clone(&requests));
        let mut datagram = vec![0; MAX_DATAGRAM_BYTES];
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = sweep.tick() => requests.sweep(clock::instant()).await,
                received = datagrams.recv_from(&mut datagram) => {
                    let (bytes, from) = received.context("the TURN socket failed")?;
                    requests.answer(&via, &datagram[..bytes], from).await;
                }
                Some(()) = clients.ended() => {}
                Some(stream) = handed_over.recv() => clients.serve(stream),
                accepted = accept(&listener) => clients.accept(accepted, tls()),
            }
        }
        requests.close().await;
        Ok(())
    }
}

/// UDP and TCP on one port.
fn bind_both(listen: SocketAddr) -> anyhow::Result<(UdpSocket, TcpListener)> {
    let tries = if listen.port() == 0 { PORT_TRIES } else { 1 };
    let mut bound = bind_once(listen);
    for _ in 1..tries {
        if bound.is_ok() {
            break;
        }
        bound = bind_once(listen);
    }
    bound
}

fn bind_once(listen: SocketAddr) -> anyhow::Result<(UdpSocket, TcpListener)> {
    let datagrams = StdSocket::bind(listen)
        .with_context(|| format!("cannot listen for TURN on UDP {listen}"))?;
    let bound = datagrams.local_addr()?;
    let listener = StdListener::bind(bound)
        .with_context(|| format!("cannot listen for TURN on TCP {bound}"))?;
    datagrams.set_nonblocking(true)?;
    listener.set_nonblocking(true)?;
    Ok((
        UdpSocket::from_std(datagrams)?,
        TcpListener::from_std(listener)?,
    ))
}

/// The next connection. Cancel-safe.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::debug!(%error, "a TURN connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Clients over TCP and TLS: one task each.
struct Clients {
    requests: Arc<Requests>,
    tasks: JoinSet<()>,
    /// Those that came to the relay's own port.
    connections: Connections,
}

impl Clients {
    fn new(requests: Arc<Requests>) -> Self {
        Self {
            requests,
            tasks: JoinSet::new(),
            connections: Connections::new(STREAMS),
        }
    }

    /// Serves a connection to the relay's own port.
    fn accept(&mut self, stream: TcpStream, tls: Arc<ServerConfig>) {
        let admitted = stream.peer_addr().ok();
        let admitted = admitted.and_then(|from| self.connections.admit(from.ip(), false));
        let Some(admitted) = admitted else {
            self.requests.counters.requests_refused.inc();
            return;
        };
        let stream = Placed::new(stream, admitted);
        let requests = Arc::clone(&self.requests);
        self.tasks.spawn(async move {
            let opened = tokio::time::timeout(HANDSHAKE_TIMEOUT, open(stream, tls));
            if let Ok(Ok(stream)) = opened.await {
                let _ = stream.serve(&requests).await;
            }
        });
    }

    /// Serves one that came to another port, and has its place there.
    fn serve(&mut self, stream: Stream) {
        if self.tasks.len() >= 2 * STREAMS.total {
            self.requests.counters.requests_refused.inc();
            return;
        }
        let requests = Arc::clone(&self.requests);
        self.tasks.spawn(async move {
            let _ = stream.serve(&requests).await;
        });
    }

    /// Waits until a connection has ended; none when there is none. Cancel-safe.
    async fn ended(&mut self) -> Option<()> {
        if let Err(error) = self.tasks.join_next().await? {
            tracing::error!("a TURN connection crashed: {error}");
        }
        Some(())
    }
}

/// Plain TURN or TLS, by the first byte.
async fn open(mut stream: Placed, tls: Arc<ServerConfig>) -> std::io::Result<Stream> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if is_stun(first[0]) {
        return Ok(Stream::Plain(stream));
    }
    let stream = TlsAcceptor::from(tls).accept(stream).await?;
    Ok(Stream::Tls(Box::new(BufReader::new(stream))))
}

#[cfg(test)]
mod tests;
