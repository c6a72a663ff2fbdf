//! A TCP relay under a test's control: it passes bytes on, says when it did, goes silent, holds
//! back, or cuts.

use crate::unix_ns;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What a slow link passes on at once, and how long it then rests: 4 kB/s.
const SLOW: (usize, Duration) = (200, Duration::from_millis(50));

/// What a relay does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Pass it on.
    Open,
    /// Take it and pass nothing on, as a network does that died without a word. The connections
    /// are of no use after that.
    Silent,
    /// Hold back what the client sends until the flow changes, as TCP does over a dead link.
    HeldUp,
    /// Hold back what the server sends.
    HeldDown,
    /// Hold back both.
    Held,
    /// Take connections, and hold back both on all.
    HalfOpen,
    /// Pass on some bytes at a time.
    Slow,
    /// Pass it on in order, each piece up to so many milliseconds late.
    Jitter(u64),
    /// Refuse and cut every connection.
    Cut,
    /// The same, by a reset.
    Reset,
}

impl Flow {
    fn refuses(self) -> bool {
        matches!(self, Self::Cut | Self::Reset)
    }

    fn holds(self, up: bool) -> bool {
        match self {
            Self::Held | Self::HalfOpen => true,
            Self::HeldUp => up,
            Self::HeldDown => !up,
            _ => false,
        }
    }
}

/// A relay to one address.
pub struct TcpRelay {
    /// Where it listens.
    pub address: SocketAddr,
    flow: watch::Sender<Flow>,
    target: watch::Sender<String>,
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
        let (target, targeted) = watch::channel(target);
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let mut relay = JoinSet::new();
        relay.spawn(accept(listener, targeted, watched, delivered.clone()));
        Self {
            address,
            flow,
            target,
            delivered,
            _relay: relay,
        }
    }

    /// Changes what happens from now on.
    pub fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Relays connections that come from now on to another address.
    pub fn retarget(&self, target: String) {
        self.target.send_replace(target);
    }

    /// When bytes went to the client's socket, in nanoseconds of Unix time.
    pub fn delivered(&self) -> Vec<u64> {
        self.delivered.lock().expect("no holder panics").clone()
    }
}

async fn accept(
    listener: TcpListener,
    target: watch::Receiver<String>,
    flow: watch::Receiver<Flow>,
    delivered: Arc<Mutex<Vec<u64>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if !flow.borrow().refuses() {
            let target = target.borrow().clone();
            connections.spawn(relay(client, target, flow.clone(), delivered.clone()));
        }
    }
}

async fn relay(
    client: TcpStream,
    target: String,
    mut flow: watch::Receiver<Flow>,
    delivered: Arc<Mutex<Vec<u64>>>,
) {
    // Of no use to its client, who makes another one once this one ends.
    if *flow.borrow() == Flow::HalfOpen {
        let _ = flow.wait_for(|flow| *flow != Flow::HalfOpen).await;
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    for socket in [&client, &server] {
        let _ = socket.set_nodelay(true);
    }
    let ended = {
        let (mut client, mut server) = (client, server);
        let mut cut = flow.clone();
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        // The connection ends when either side ends or the link is cut, not when one half does.
        tokio::select! {
            () = pass(from_client, to_server, flow.clone(), true, None) => {}
            () = pass(from_server, to_client, flow, false, Some(delivered)) => {}
            _ = cut.wait_for(|flow| flow.refuses()) => {}
        }
        let reset = *cut.borrow() == Flow::Reset;
        reset.then_some([client, server])
    };
    for socket in ended.iter().flatten() {
        let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut flow: watch::Receiver<Flow>,
    up: bool,
    delivered: Option<Arc<Mutex<Vec<u64>>>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let slow = *flow.borrow() == Flow::Slow;
        let room = if slow { SLOW.0 } else { buffer.len() };
        let Ok(read @ 1..) = from.read(&mut buffer[..room]).await else {
            return;
        };
        let now = *flow.borrow();
        match now {
            Flow::Silent => continue,
            Flow::Slow => tokio::time::sleep(SLOW.1).await,
            Flow::Jitter(most) => {
                let late = rand::random_range(0..=most);
                tokio::time::sleep(Duration::from_millis(late)).await;
            }
            _ => {}
        }
        if flow.wait_for(|flow| !flow.holds(up)).await.is_err() {
            return;
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
