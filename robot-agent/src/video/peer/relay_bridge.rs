//! A TURN server over TCP or TLS, for a library that speaks TURN over UDP only: a socket on
//! loopback for the library, a connection to the server, and datagrams framed in between. It
//! connects when the library has asked for a while and no other path was found, and ends with its
//! viewer.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;
use wire::turn_stream::{Deframer, framed};

use super::relay_url::StreamRelay;
use super::retransmissions::Retransmissions;
use crate::{connect_error, happy_eyeballs};

/// How long connecting to one relay may take, with the TLS handshake: the library asks for 8 s.
const CONNECT_LIMIT: Duration = Duration::from_secs(7);

/// How long one has before the next is tried beside it: three round trips half around the world.
const NEXT_RELAY: Duration = Duration::from_millis(700);

/// What the kernel may hold on the way to the relay: a quarter of a second at 2 Mbit/s.
const BUFFER_BYTES: usize = 64 * 1024;

/// Datagrams that wait for the connection: a key frame of 150 kB. What is more is lost, as on any
/// narrow path, and the sender slows down.
const QUEUE: usize = 128;

/// TURN clients at once: one, and those of ICE restarts before it.
const MAX_CLIENTS: usize = 4;

/// How often the library asks before the bridge connects. It does so at once, after 0.2 s and after
/// 0.6 s; where UDP works there is a path by then, and the connection is spared.
const ASKS: u32 = 3;

/// How an Allocate request begins, with which TURN does.
const ALLOCATE: &[u8] = &[0x00, 0x03];

/// And a Binding request of STUN.
const BINDING: &[u8] = &[0x00, 0x01];

/// The longest datagram and the longest TLS record.
const CHUNK_BYTES: usize = 64 * 1024;

/// TLS, or plain TCP.
type BoxedStream = Pin<Box<dyn ByteStream>>;

trait ByteStream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> ByteStream for S {}

/// One bridge, while it is held.
pub(super) struct RelayBridge {
    port: u16,
    clients: ClientPorts,
    _task: JoinSet<()>,
}

/// From which ports the library speaks to the bridge.
type ClientPorts = Arc<Mutex<Vec<u16>>>;

impl RelayBridge {
    /// Waits for the library, to lead it to the first of `relays` that can be reached.
    pub(super) async fn open(
        relays: Vec<StreamRelay>,
        tls: Arc<rustls::ClientConfig>,
        state: watch::Receiver<RTCPeerConnectionState>,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = socket.local_addr()?.port();
        let clients = ClientPorts::default();
        let bridge = Bridge {
            socket: Arc::new(socket),
            relays: relays.into(),
            tls: tls.into(),
            state,
            asks: HashMap::new(),
            ports: Arc::clone(&clients),
            clients: HashMap::new(),
            connections: JoinSet::new(),
        };
        let mut task = JoinSet::new();
        task.spawn(bridge.run());
        Ok(Self {
            port,
            clients,
            _task: task,
        })
    }

    /// The relay as the library reaches it.
    pub(super) fn url(&self) -> String {
        format!("turn:{}:{}?transport=udp", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Whether the library speaks to it from `port`.
    pub(super) fn is_used_from(&self, port: u16) -> bool {
        let clients = self.clients.lock();
        clients
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&port)
    }
}

struct Bridge {
    socket: Arc<UdpSocket>,
    relays: Arc<[StreamRelay]>,
    tls: TlsConnector,
    /// Whether the viewer has a path already.
    state: watch::Receiver<RTCPeerConnectionState>,
    /// How often each that is not served yet has asked.
    asks: HashMap<SocketAddr, u32>,
    ports: ClientPorts,
    clients: HashMap<SocketAddr, Client>,
    connections: JoinSet<()>,
}

/// A TURN client of the library, which makes a new one for an ICE restart. To the relay each is a
/// connection.
struct Client {
    queue: mpsc::Sender<Vec<u8>>,
    retransmissions: Retransmissions,
}

impl Bridge {
    async fn run(mut self) {
        let mut datagram = vec![0; CHUNK_BYTES];
        while let Ok((bytes, from)) = self.socket.recv_from(&mut datagram).await {
            while self.connections.try_join_next().is_some() {}
            let message = &datagram[..bytes];
            self.clients.retain(|_, client| !client.queue.is_closed());
            let is_new = !self.clients.contains_key(&from);
            // The library asks whatever it takes for a TURN server for its own address, too: over
            // TCP that would be one of no use.
            let is_refused = message.starts_with(BINDING) || (is_new && self.is_needless());
            if let Some(refusal) = is_refused.then(|| refusal(message)).flatten() {
                let _ = self.socket.send_to(&refusal, from).await;
            } else if is_new && message.starts_with(ALLOCATE) {
                self.asked(from);
            }
            if let Some(client) = self.clients.get_mut(&from) {
                client.send(message);
            }
        }
    }

    /// Whether another path was found.
    fn is_needless(&self) -> bool {
        *self.state.borrow() == RTCPeerConnectionState::Connected
    }

    fn asked(&mut self, client: SocketAddr) {
        if self.asks.len() >= MAX_CLIENTS && !self.asks.contains_key(&client) {
            self.asks.clear();
        }
        let asks = self.asks.entry(client).or_default();
        *asks += 1;
        if *asks >= ASKS && self.clients.len() < MAX_CLIENTS {
            self.asks.remove(&client);
            self.connect(client);
        }
    }

    fn connect(&mut self, client: SocketAddr) {
        let (queue, queued) = mpsc::channel(QUEUE);
        let (relays, tls) = (Arc::clone(&self.relays), self.tls.clone());
        let socket = Arc::clone(&self.socket);
        self.connections.spawn(async move {
            if let Some(stream) = first_reached(&relays, &tls).await {
                carry(stream, queued, &socket, client).await;
            }
        });
        let retransmissions = Retransmissions::default();
        let new = Client {
            queue,
            retransmissions,
        };
        self.clients.insert(client, new);
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.push(client.port());
    }
}

impl Client {
    /// What does not fit is lost, as on any narrow path.
    fn send(&mut self, message: &[u8]) {
        let Ok(place) = self.queue.try_reserve() else {
            return;
        };
        // TCP repeats what is lost; a request that came twice would be answered twice.
        if !self.retransmissions.contain(message)
            && let Ok(framed) = framed(message)
        {
            place.send(framed);
        }
    }
}

/// The error that answers `request`, one of STUN; its reason is nobody's business but ours.
fn refusal(request: &[u8]) -> Option<[u8; 20]> {
    const ERROR: [u8; 2] = [0x01, 0x10];
    let mut answer: [u8; 20] = request.get(..20)?.try_into().ok()?;
    let is_request = request[0] & 0xc1 == 0 && request[1] & 0x10 == 0;
    answer[0] |= ERROR[0];
    answer[1] |= ERROR[1];
    answer[2..4].fill(0);
    is_request.then_some(answer)
}

/// A connection to the first that can be reached.
async fn first_reached(relays: &[StreamRelay], tls: &TlsConnector) -> Option<BoxedStream> {
    let (mut relays, mut attempts) = (relays.iter(), FuturesUnordered::new());
    loop {
        let next = relays.next();
        attempts.extend(next.map(|relay| connect(relay, tls)));
        tokio::select! {
            reached = attempts.next() => match reached {
                Some(Some(stream)) => return Some(stream),
                Some(None) => {}
                None => return None,
            },
            () = tokio::time::sleep(NEXT_RELAY), if next.is_some() => {}
        }
    }
}

async fn connect(relay: &StreamRelay, tls: &TlsConnector) -> Option<BoxedStream> {
    let opened = tokio::time::timeout(CONNECT_LIMIT, open(relay, tls)).await;
    let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let log = |error: &io::Error| {
        let reason = connect_error::reason(error);
        tracing::info!(%relay, reason, "a relay cannot be reached over TCP");
    };
    opened.inspect_err(log).ok()
}

async fn open(relay: &StreamRelay, tls: &TlsConnector) -> io::Result<BoxedStream> {
    let connected = happy_eyeballs::connect(&relay.host, relay.port, CONNECT_LIMIT).await?;
    let stream = connected.stream;
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_send_buffer_size(&stream, BUFFER_BYTES)?;
    if !relay.tls {
        return Ok(Box::pin(stream));
    }
    let name = ServerName::try_from(relay.host.clone()).map_err(io::Error::other)?;
    Ok(Box::pin(tls.connect(name, stream).await?))
}

/// Both ways, until the relay or the bridge is gone. The allocation is gone with it, and ICE notices.
async fn carry(
    stream: BoxedStream,
    queued: mpsc::Receiver<Vec<u8>>,
    socket: &UdpSocket,
    client: SocketAddr,
) {
    let (reader, writer) = tokio::io::split(stream);
    let ended = tokio::select! {
        ended = to_relay(queued, writer) => ended,
        ended = from_relay(reader, socket, client) => ended,
    };
    if let Err(error) = ended {
        tracing::debug!("the connection to a relay ended: {error}");
    }
}

async fn to_relay(
    mut queued: mpsc::Receiver<Vec<u8>>,
    mut writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(message) = queued.recv().await {
        writer.write_all(&message).await?;
        writer.flush().await?;
    }
    Ok(())
}

async fn from_relay(
    mut reader: impl AsyncRead + Unpin,
    socket: &UdpSocket,
    client: SocketAddr,
) -> io::Result<()> {
    let mut deframer = Deframer::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let bytes = reader.read(&mut chunk).await?;
        if bytes == 0 {
            return Ok(());
        }
        deframer.push(&chunk[..bytes]);
        while let Some(message) = deframer.next_message().map_err(io::Error::other)? {
            socket.send_to(&message, client).await?;
        }
    }
}

#[cfg(test)]
mod tests;
