//! The connection under the MQTT library: TCP by Happy Eyeballs, TLS, and a socket of this process
//! by which the library reads and writes. The library itself tries one address of a name after the
//! other, gives up with the first that is silent, and takes no connection from others.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::Certificates;
use crate::endpoint::Endpoint;
use crate::happy_eyeballs::{self, Attempt, Connected};

/// How long connecting may take with the TLS handshake: a Pi Zero on a weak network needs a few
/// seconds.
const CONNECT_LIMIT: Duration = Duration::from_secs(8);

/// Connections to one broker, one at a time.
pub(super) struct Transport {
    endpoint: Endpoint,
    tls: TlsConnector,
    /// Passes bytes between the library and the broker.
    carrier: JoinSet<()>,
    /// Why that ended, if by an error.
    failure: Arc<Mutex<Option<io::Error>>>,
}

/// A connection that stands, and waits for the library.
pub(super) struct Opened {
    /// Of a Unix socket, in the abstract namespace.
    pub(super) socket: String,
    /// This machine's address, on which it stands.
    pub(super) local: Option<IpAddr>,
    /// Addresses of the broker that were tried in vain.
    pub(super) failed: Vec<Attempt>,
}

impl Transport {
    /// Nothing is connected yet.
    pub(super) fn new(endpoint: &Endpoint, certificates: &Certificates) -> Self {
        Self {
            endpoint: endpoint.clone(),
            tls: certificates.client_config(endpoint.alpn_protocols()).into(),
            carrier: JoinSet::new(),
            failure: Arc::default(),
        }
    }

    /// Connects to the broker, in the place of the connection before.
    pub(super) async fn open(&mut self) -> io::Result<Opened> {
        self.close();
        let handshake = tokio::time::timeout(CONNECT_LIMIT, self.handshake()).await;
        let handshake = handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let (broker, local, failed) = handshake?;
        let socket = format!("\0robot-agent-{:032x}", rand::random::<u128>());
        let listener = UnixListener::bind(&socket)?;
        self.failure = Arc::default();
        let failure = Arc::clone(&self.failure);
        self.carrier.spawn(carry(listener, broker, failure));
        Ok(Opened {
            socket,
            local,
            failed,
        })
    }

    async fn handshake(&self) -> io::Result<(TlsStream<TcpStream>, Option<IpAddr>, Vec<Attempt>)> {
        let Endpoint { host, port, .. } = &self.endpoint;
        let connected = happy_eyeballs::connect(host, *port, CONNECT_LIMIT).await?;
        let Connected { stream, failed } = connected;
        stream.set_nodelay(true)?;
        let local = stream.local_addr().ok().map(|address| address.ip());
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        Ok((self.tls.connect(name, stream).await?, local, failed))
    }

    /// Why the connection ended, if the network, TLS or the broker ended it with an error.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let failure = self.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until what the library wrote last has left, and the broker has closed.
    pub(super) async fn finish(&mut self) {
        self.carrier.join_next().await;
    }

    /// Drops the connection.
    pub(super) fn close(&mut self) {
        self.carrier = JoinSet::new();
    }
}

async fn carry(
    listener: UnixListener,
    mut broker: TlsStream<TcpStream>,
    failure: Arc<Mutex<Option<io::Error>>>,
) {
    let Ok(mut library) = own_connection(&listener).await else {
        return;
    };
    drop(listener);
    if let Err(error) = tokio::io::copy_bidirectional(&mut library, &mut broker).await {
        // Before the library sees its end of the socket close, and asks.
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// The first connection of this very process: the names of such sockets are no secret.
async fn own_connection(listener: &UnixListener) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        let of = stream.peer_cred()?.pid();
        if of.and_then(|pid| u32::try_from(pid).ok()) == Some(std::process::id()) {
            return Ok(stream);
        }
    }
}
