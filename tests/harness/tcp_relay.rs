//! A TCP relay under a test's control: it passes bytes on, says when it did, goes silent, or
//! cuts.

use crate::unix_ns;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What a relay does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Pass it on.
    Open,
    /// Take it and pass nothing on, as a network does that died without a word.
    Silent,
    /// Refuse and cut every connection.
    Cut,
}

/// A relay to one address.
pub struct TcpRelay {
    /// Where it listens.
    pub address: SocketAddr,
    flow: watch::Sender<Flow>,
    delivered: Arc<Mutex<Vec<u64>>>,
    _relay: JoinSet<()>,
}

impl TcpRelay {
    /// Listens on a port of its own and relays to `target`.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (flow, watched) = watch::channel(Flow::Open);
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let mut relay = JoinSet::new();
        relay.spawn(accept(listener, target, watched, delivered.clone()));
        Self {
            address,
            flow,
            delivered,
            _relay: relay,
        }
    }

    /// Changes what happens from now on.
    pub fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// When bytes went to the client's socket, in nanoseconds of Unix time.
    pub fn delivered(&self) -> Vec<u64> {
        self.delivered.lock().expect("no holder panics").clone()
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    flow: watch::Receiver<Flow>,
    delivered: Arc<Mutex<Vec<u64>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if *flow.borrow() != Flow::Cut {
            connections.spawn(relay(
                client,
                target.clone(),
                flow.clone(),
                delivered.clone(),
            ));
        }
    }
}

async fn relay(
    client: TcpStream,
    target: String,
    flow: watch::Receiver<Flow>,
    delivered: Arc<Mutex<Vec<u64>>>,
) {
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    for socket in [&client, &server] {
        let _ = socket.set_nodelay(true);
    }
    let mut cut = flow.clone();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // The connection ends when either side ends or the tap is cut, not when one half does.
    tokio::select! {
        () = pass(from_client, to_server, flow.clone(), None) => {}
        () = pass(from_server, to_client, flow, Some(delivered)) => {}
        _ = cut.wait_for(|flow| *flow == Flow::Cut) => {}
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    flow: watch::Receiver<Flow>,
    delivered: Option<Arc<Mutex<Vec<u64>>>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if *flow.borrow() == Flow::Silent {
            continue;
        }
        // Before the write: after it the reader may have been faster than this clock.
        if let Some(delivered) = &delivered {
            delivered.lock().expect("no holder panics").push(unix_ns());
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
