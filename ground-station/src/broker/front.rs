//! The broker's port as robots see it. Mosquitto counts connections before it knows anybody, so that
//! some hundred who say nothing keep every robot out: it listens on this machine only, and
//! here they are let in, so many from each network, and passed on. Who has not shown a certificate in
//! time goes, and who has keeps their place; TLS stays between robot and Mosquitto.

use super::address::BrokerAddress;
use crate::connections::{Connections, Limits};
use crate::placed::Placed;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader, copy_buf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a client may take to begin with TLS.
const FIRST_BYTE: Duration = Duration::from_secs(10);

/// And until the broker has let it in: a Pi over a bad radio link needs two seconds for TLS.
const LET_IN: Duration = Duration::from_secs(20);

/// How long what is left may take in the one direction when the other has ended.
const LINGER: Duration = Duration::from_secs(2);

/// How long accepting rests when it fails, as with too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What begins a TLS record of a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// An action has 200 bytes, a report 2,000; of a thousand robots each has two of these.
const CHUNK_BYTES: usize = 4096;

/// Clients at once: each costs two sockets here, one at the broker, and two chunks.
const MAX_CLIENTS: usize = 2048;

/// The connections to the broker, by their own port, until it has let them in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions(Arc<Mutex<HashMap<u16, CancellationToken>>>);

impl Sessions {
    /// The broker says that the client behind this port has connected.
    pub(super) fn let_in(&self, port: u16) {
        if let Some(session) = self.lock().get(&port) {
            session.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u16, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of [`Sessions`], while this lives.
struct Session {
    sessions: Sessions,
    port: u16,
    let_in: CancellationToken,
}

impl Session {
    fn new(sessions: Sessions, port: u16) -> Self {
        let let_in = CancellationToken::new();
        sessions.lock().insert(port, let_in.clone());
        Self {
            sessions,
            port,
            let_in,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.port);
    }
}

/// The port, listening but not yet answering.
pub(crate) struct Front {
    listener: TcpListener,
    broker: watch::Receiver<BrokerAddress>,
    sessions: Sessions,
    connections: Connections,
}

impl Front {
    /// `files` is how many this process may have open.
    pub(crate) fn new(
        listener: std::net::TcpListener,
        broker: watch::Receiver<BrokerAddress>,
        sessions: Sessions,
        files: u64,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            broker,
            sessions,
            connections: Connections::new(Limits::of_files(files, 2, MAX_CLIENTS)),
        })
    }

    /// Passes clients on until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut clients = JoinSet::new();
        loop {
            let (stream, from) = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                Some(_) = clients.join_next() => continue,
                accepted = accept(&self.listener) => accepted,
            };
            let Some(admitted) = self.connections.admit(from.ip(), false) else {
                tracing::debug!(%from, "no more MQTT connections");
                continue;
            };
            let client = Placed::new(stream, admitted);
            let broker = self.broker.borrow().clone();
            let sessions = self.sessions.clone();
            clients.spawn(async move {
                if let Err(error) = pass(client, &broker, sessions).await {
                    tracing::debug!(%from, %error, "an MQTT connection ended");
                }
            });
        }
    }
}

/// The next connection. Cancel-safe.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "an MQTT connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn pass(mut client: Placed, broker: &BrokerAddress, sessions: Sessions) -> io::Result<()> {
    client.tcp.set_nodelay(true)?;
    let mut first = [0];
    let peeked = tokio::time::timeout(FIRST_BYTE, client.peek(&mut first)).await??;
    if peeked == 0 || first != [HANDSHAKE] {
        return Err(io::Error::other("it does not begin with TLS"));
    }
    let known = client.known();
    let broker = TcpStream::connect((broker.connect_host(), broker.port)).await?;
    broker.set_nodelay(true)?;
    let session = Session::new(sessions, broker.local_addr()?.port());
    let until_let_in = tokio::time::timeout(LET_IN, session.let_in.cancelled());
    let both = both_ways(client, broker);
    tokio::pin!(both);
    tokio::select! {
        ended = &mut both => return ended,
        let_in = until_let_in => let_in?,
    }
    known.mark();
    both.await
}

/// Until either ends; what the broker still says goes out, and what the client still says comes in.
async fn both_ways(client: Placed, broker: TcpStream) -> io::Result<()> {
    let (from_client, mut to_client) = tokio::io::split(client);
    let (from_broker, mut to_broker) = broker.into_split();
    let mut from_client = BufReader::with_capacity(CHUNK_BYTES, from_client);
    let mut from_broker = BufReader::with_capacity(CHUNK_BYTES, from_broker);
    let up = async {
        let copied = copy_buf(&mut from_client, &mut to_broker).await;
        let _ = to_broker.shutdown().await;
        copied.map(|_| ())
    };
    let down = async {
        let copied = copy_buf(&mut from_broker, &mut to_client).await;
        let _ = to_client.shutdown().await;
        copied.map(|_| ())
    };
    tokio::pin!(up, down);
    let (ended, up_ended) = tokio::select! {
        ended = &mut up => (ended, true),
        ended = &mut down => (ended, false),
    };
    // Who lost their place has nothing more to say, and its descriptors are wanted.
    ended?;
    let _ = match up_ended {
        true => tokio::time::timeout(LINGER, down).await,
        false => tokio::time::timeout(LINGER, up).await,
    };
    Ok(())
}
