//! Requests of STUN and TURN (RFC 8489, RFC 8656), whichever way they came.
//!
//! The protocol is the `turn` crate's, request by request. This file owns what stands
//! around it: who may sign in, how many allocations a name may have, how often an address may
//! ask, and that what is no longer used is forgotten. The crate's own server has none of that,
//! and keeps every nonce for ever.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stun::message::{CLASS_REQUEST, METHOD_ALLOCATE, METHOD_BINDING, Message, is_message};
use tokio::sync::Mutex;
use turn::allocation::AllocationInfo;
use turn::allocation::allocation_manager::{Manager, ManagerConfig};
use turn::allocation::five_tuple::FiveTuple;
use turn::proto::PROTO_UDP;
use turn::server::request::Request;
use webrtc_util::conn::Conn;

use super::address::Address;
use super::counters::Counters;
use super::limits::{self, MAX_SOURCES, REQUESTS, make_room, name_of, quota_reached};
use super::password::RelayAuth;
use super::ports::{Ports, Sockets, Taken};
use crate::clock;
use daemon::rate_limit::RateLimiter;

/// Names our part of the world to clients; they need not care.
const REALM: &str = "outpost";

/// How long a nonce is good; a client whose nonce is not gets another at once.
const NONCE_LIFE: Duration = Duration::from_secs(3600);

/// How a channel binding lasts: ten minutes (RFC 8656, section 12).
const CHANNEL_LIFE: Duration = Duration::from_secs(600);

/// Whether a name may still use the relay.
pub(super) type NameHolds = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// All requests, of all clients.
pub(super) struct Requests {
    secret: Vec<u8>,
    /// Allocations made by UDP.
    datagrams: Arc<Manager>,
    /// Allocations made over TCP and TLS. The crate tells allocations apart by addresses alone,
    /// and a client may have the same port number there as in UDP.
    streams: Arc<Manager>,
    nonces: Arc<Mutex<HashMap<String, tokio::time::Instant>>>,
    sources: StdMutex<RateLimiter<IpAddr>>,
    holds: NameHolds,
    pub(super) counters: Counters,
}

/// The way a request came, which is the way of its answer.
pub(super) struct Via {
    conn: Arc<dyn Conn + Send + Sync>,
    /// The address that the client sends to.
    local: SocketAddr,
    manager: Arc<Manager>,
}

impl Requests {
    /// `secret` makes the passwords; names that no longer hold lose their allocations within
    /// seconds.
    pub(super) fn new(address: Address, ports: &Ports, secret: &[u8], holds: NameHolds) -> Self {
        let counters = Counters::default();
        let taken = Taken::default();
        let manager = || {
            let sockets = Sockets {
                address,
                ports: ports.clone(),
                traffic: counters.traffic.clone(),
                taken: taken.clone(),
            };
            Arc::new(Manager::new(ManagerConfig {
                relay_addr_generator: Box::new(sockets),
                alloc_close_notify: None,
            }))
        };
        Self {
            secret: secret.to_vec(),
            datagrams: manager(),
            streams: manager(),
            nonces: Arc::default(),
            sources: StdMutex::new(RateLimiter::new(REQUESTS, MAX_SOURCES)),
            holds,
            counters,
        }
    }

    /// By UDP, to `local`.
    pub(super) fn by_datagrams(&self, conn: Arc<dyn Conn + Send + Sync>, local: SocketAddr) -> Via {
        let manager = Arc::clone(&self.datagrams);
        Via {
            conn,
            local,
            manager,
        }
    }

    /// Over TCP or TLS, to `local`.
    pub(super) fn by_stream(&self, conn: Arc<dyn Conn + Send + Sync>, local: SocketAddr) -> Via {
        let manager = Arc::clone(&self.streams);
        Via {
            conn,
            local,
            manager,
        }
    }

    /// Answers what came from `from`.
    pub(super) async fn answer(&self, via: &Via, datagram: &[u8], from: SocketAddr) {
        let mut allocated_by = None;
        if is_message(datagram) {
            if !self.sources().take(from.ip(), clock::instant()) {
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
                    let _ = via.conn.send_to(&refusal, from).await;
                }
                return;
            }
            if request {
                make_room(&mut *self.nonces.lock().await);
            }
            if request && method != METHOD_ALLOCATE {
                allocated_by = via.allocated_by(from).await;
            }
        }
        let mut request = Request {
            conn: Arc::clone(&via.conn),
            src_addr: from,
            buff: datagram.to_vec(),
            allocation_manager: Arc::clone(&via.manager),
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

    /// Whether the user of an Allocate request, or the whole relay, has all it may have. The
    /// user is only claimed here; at worst somebody is told that another has all.
    async fn is_full(&self, message: &Message) -> bool {
        let Ok(user) = message.get(stun::attributes::ATTR_USERNAME) else {
            return false;
        };
        let all = self.allocations().await;
        let users = all.iter().map(|info| &info.username);
        limits::is_full(&String::from_utf8_lossy(&user), users)
    }

    /// Forgets what is not used any more, and who may no longer be here.
    pub(super) async fn sweep(&self, now: Instant) {
        self.sources().sweep(now);
        self.nonces
            .lock()
            .await
            .retain(|_, made| now.saturating_duration_since(made.into_std()) < NONCE_LIFE);
        let all = self.allocations().await;
        self.counters.allocations.set(all.len() as i64);
        let gone: BTreeSet<String> = all
            .into_iter()
            .map(|info| info.username)
            .filter(|user| !(self.holds)(name_of(user)))
            .collect();
        for user in gone {
            tracing::info!("TURN allocation dropped: its user is no longer allowed");
            for manager in [&self.datagrams, &self.streams] {
                manager.delete_allocations_by_username(&user).await;
            }
        }
    }

    /// Ends all allocations.
    pub(super) async fn close(&self) {
        for manager in [&self.datagrams, &self.streams] {
            let _ = manager.close().await;
        }
    }

    async fn allocations(&self) -> Vec<AllocationInfo> {
        let mut all = Vec::new();
        for manager in [&self.datagrams, &self.streams] {
            all.extend(manager.get_allocations_info(None).await.into_values());
        }
        all
    }

    fn sources(&self) -> MutexGuard<'_, RateLimiter<IpAddr>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Via {
    /// The user of the allocation of the client at `from`, if there is one.
    pub(super) async fn allocated_by(&self, from: SocketAddr) -> Option<String> {
        let wanted = Some(vec![self.five_tuple(from)]);
        let found = self.manager.get_allocations_info(wanted).await;
        found.into_values().next().map(|info| info.username)
    }

    /// Ends the allocation of the client at `from`, who is gone.
    pub(super) async fn end(&self, from: SocketAddr) {
        self.manager.delete_allocation(&self.five_tuple(from)).await;
    }

    fn five_tuple(&self, from: SocketAddr) -> FiveTuple {
        FiveTuple {
            // The crate's word for all, TCP too.
            protocol: PROTO_UDP,
            src_addr: from,
            dst_addr: self.local,
        }
    }
}
