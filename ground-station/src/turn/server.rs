//! The relay: one UDP socket that answers STUN and TURN (RFC 5389, RFC 5766).
//!
//! The protocol is the `turn` crate's, request by request. This file owns what stands
//! around it: the socket, who may sign in, how many allocations a name may have, how often
//! an address may ask, and that what is no longer used is forgotten. The crate's own server
//! has none of that, and keeps every nonce for ever.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr, UdpSocket as StdSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use stun::message::{CLASS_REQUEST, METHOD_ALLOCATE, METHOD_BINDING, Message, is_message};
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use turn::allocation::allocation_manager::{Manager, ManagerConfig};
use turn::allocation::five_tuple::FiveTuple;
use turn::proto::PROTO_UDP;
use turn::server::request::Request;
use webrtc_util::conn::Conn;

use super::Relay;
use super::address::Address;
use super::counters::Counters;
use super::limits::{self, MAX_SOURCES, REQUESTS, make_room, name_of, quota_reached};
use super::password::RelayAuth;
use super::ports::{Ports, Sockets, Taken};
use crate::clock;
use daemon::rate_limit::RateLimiter;

/// Names our part of the world to clients; they need not care.
const REALM: &str = "outpost";

/// Longest datagram that is read: an Ethernet frame, and some.
const MAX_DATAGRAM_BYTES: usize = 2048;

/// How long a nonce is good; a client whose nonce is not gets another at once.
const NONCE_LIFE: Duration = Duration::from_secs(3600);

/// How often what is not used any more is looked for, and who may no longer be here.
const SWEEP: Duration = Duration::from_secs(5);

/// How a channel binding lasts: ten minutes (RFC 5766, section 11).
const CHANNEL_LIFE: Duration = Duration::from_secs(600);

/// Where the relay is.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub listen: SocketAddr,
    /// Under which address the world reaches it; its own when absent.
    pub public_ip: Option<IpAddr>,
    /// From which ports it sends.
    pub ports: Ports,
}

/// Whether a name may still use the relay.
pub(super) type NameHolds = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// The relay, listening but not yet answering.
pub(crate) struct Server {
    socket: Arc<UdpSocket>,
    address: Address,
    secret: Vec<u8>,
    manager: Arc<Manager>,
    nonces: Arc<Mutex<HashMap<String, tokio::time::Instant>>>,
    sources: RateLimiter<IpAddr>,
    holds: NameHolds,
    counters: Counters,
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
        let socket = StdSocket::bind(listen)
            .with_context(|| format!("cannot listen for TURN on UDP {listen}"))?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let bound = socket.local_addr()?;
        anyhow::ensure!(
            public_ip.is_none_or(|ip| ip.is_ipv4() == bound.is_ipv4()),
            "TURN listens on {bound}: its public address must be of the same family"
        );
        let address = Address { bound, public_ip };
        let counters = Counters::default();
        let sockets = Sockets {
            address,
            ports,
            traffic: counters.traffic.clone(),
            taken: Taken::default(),
        };
        Ok(Self {
            socket: Arc::new(socket),
            address,
            secret: secret.to_vec(),
            manager: Arc::new(Manager::new(ManagerConfig {
                relay_addr_generator: Box::new(sockets),
                alloc_close_notify: None,
            })),
            nonces: Arc::default(),
            sources: RateLimiter::new(REQUESTS, MAX_SOURCES),
            holds,
            counters,
        })
    }

    /// What clients are told.
    pub(crate) fn relay(&self) -> Relay {
        Relay::builtin(self.address, &self.secret)
    }

    /// For `/metrics`.
    pub(crate) fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// Answers until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let socket = Arc::clone(&self.socket);
        let mut datagram = vec![0; MAX_DATAGRAM_BYTES];
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                _ = sweep.tick() => self.sweep(clock::instant()).await,
                received = socket.recv_from(&mut datagram) => {
                    let (bytes, from) = received.context("the TURN socket failed")?;
                    self.answer(&datagram[..bytes], from).await;
                }
            }
        }
        let _ = self.manager.close().await;
        Ok(())
    }

    async fn answer(&mut self, datagram: &[u8], from: SocketAddr) {
        let tuple = self.five_tuple(from);
        let mut allocated_by = None;
        if is_message(datagram) {
            if !self.sources.take(from.ip(), clock::instant()) {
                self.counters.requests_refused.inc();
                return;
            }
            let mut message = Message {
                raw: datagram.to_vec(),
                ..Message::default()
            };
            if message.decode().is_err() {
                return;
            }
            let method = message.typ.method;
            let request = message.typ.class == CLASS_REQUEST && method != METHOD_BINDING;
            if request && method == METHOD_ALLOCATE && self.is_full(&message).await {
                self.counters.requests_refused.inc();
                if let Some(refusal) = quota_reached(&message) {
                    let _ = self.socket.send_to(&refusal, from).await;
                }
                return;
            }
            if request {
                make_room(&mut *self.nonces.lock().await);
            }
            if request && method != METHOD_ALLOCATE {
                allocated_by = self.allocated_by(tuple).await;
            }
        }
        let mut request = Request {
            conn: Arc::clone(&self.socket) as Arc<dyn Conn + Send + Sync>,
            src_addr: from,
            buff: datagram.to_vec(),
            allocation_manager: Arc::clone(&self.manager),
            nonces: Arc::clone(&self.nonces),
            auth_handler: Arc::new(RelayAuth {
                secret: self.secret.clone(),
                now_s: clock::unix_s(),
                allocated_by,
            }),
            realm: REALM.to_owned(),
            channel_bind_timeout: CHANNEL_LIFE,
        };
        if let Err(error) = request.handle_request().await {
            tracing::debug!(%from, %error, "TURN request failed");
        }
    }

    fn five_tuple(&self, from: SocketAddr) -> FiveTuple {
        FiveTuple {
            protocol: PROTO_UDP,
            src_addr: from,
            // The crate knows its allocations by the address that the socket is bound to.
            dst_addr: self.address.bound,
        }
    }

    /// The user of the allocation over which a request came, if there is one.
    async fn allocated_by(&self, tuple: FiveTuple) -> Option<String> {
        let found = self.manager.get_allocations_info(Some(vec![tuple])).await;
        found.into_values().next().map(|info| info.username)
    }

    /// Whether the user of an Allocate request, or the whole relay, has all it may have. The
    /// user is only claimed here; at worst somebody is told that another has all.
    async fn is_full(&self, message: &Message) -> bool {
        let Ok(user) = message.get(stun::attributes::ATTR_USERNAME) else {
            return false;
        };
        let all = self.manager.get_allocations_info(None).await;
        let users = all.values().map(|info| &info.username);
        limits::is_full(&String::from_utf8_lossy(&user), users)
    }

    /// Forgets what is not used any more, and who may no longer be here.
    async fn sweep(&mut self, now: Instant) {
        self.sources.sweep(now);
        self.nonces
            .lock()
            .await
            .retain(|_, made| now.saturating_duration_since(made.into_std()) < NONCE_LIFE);
        let all = self.manager.get_allocations_info(None).await;
        self.counters.allocations.set(all.len() as i64);
        let gone: BTreeSet<String> = all
            .into_values()
            .map(|info| info.username)
            .filter(|user| !(self.holds)(name_of(user)))
            .collect();
        for user in gone {
            tracing::info!("TURN allocation dropped: its user is no longer allowed");
            self.manager.delete_allocations_by_username(&user).await;
        }
    }
}

#[cfg(test)]
mod tests;
