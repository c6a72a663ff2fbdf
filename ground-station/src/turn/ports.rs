//! The ports from which the relay sends: one for every allocation.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use rand::Rng;
use tokio::net::UdpSocket;
use turn::relay::RelayAddressGenerator;
use webrtc_util::conn::Conn;

use super::address::Address;
use super::peer_policy::PeerPolicy;

/// How many ports are tried for one allocation. In a range that is half taken the chance
/// that all of them are is one in 65536.
const TRIES: usize = 16;

/// A range of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ports(pub RangeInclusive<u16>);

impl Default for Ports {
    /// The dynamic ports of RFC 6335, as TURN recommends (RFC 8656, section 7.2).
    fn default() -> Self {
        Self(49152..=65535)
    }
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} must be two ports above 1023 like 49152-65535");
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let (first, last): (u16, u16) = (
            first.trim().parse().map_err(|_| wrong())?,
            last.trim().parse().map_err(|_| wrong())?,
        );
        if first < 1024 || last < first {
            return Err(wrong());
        }
        Ok(Self(first..=last))
    }
}

impl std::fmt::Display for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

/// Makes the sockets of allocations.
pub(super) struct Sockets {
    pub address: Address,
    pub ports: Ports,
    pub traffic: Traffic,
    pub taken: Taken,
}

/// The ports of the allocations that there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Arc<Mutex<HashSet<u16>>>);

impl Taken {
    fn ports(&self) -> MutexGuard<'_, HashSet<u16>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    pub bytes: Counter,
    pub forbidden: Counter,
}

#[async_trait]
impl RelayAddressGenerator for Sockets {
    fn validate(&self) -> Result<(), turn::Error> {
        Ok(())
    }

    async fn allocate_conn(
        &self,
        use_ipv4: bool,
        requested_port: u16,
    ) -> Result<(Arc<dyn Conn + Send + Sync>, SocketAddr), turn::Error> {
        if use_ipv4 != self.address.bound.is_ipv4() {
            return Err(turn::Error::ErrListeningAddressInvalid);
        }
        let (own, public) = (self.address.own(), self.address.public());
        for _ in 0..TRIES {
            let port = match requested_port {
                0 => rand::rng().random_range(self.ports.0.clone()),
                port => port,
            };
            if let Ok(socket) = UdpSocket::bind((self.address.bound.ip(), port)).await {
                self.taken.ports().insert(port);
                let socket = RelaySocket {
                    socket,
                    port,
                    taken: self.taken.clone(),
                    peers: PeerPolicy::new(&self.address),
                    own,
                    public,
                    traffic: self.traffic.clone(),
                };
                return Ok((Arc::new(socket), SocketAddr::new(public, port)));
            }
        }
        Err(turn::Error::ErrMaxRetriesExceeded)
    }
}

/// The socket of an allocation, which sends nothing to where it may not.
///
/// Two allocations of one relay know each other by its public address. Behind a NAT few
/// routers would turn such packets round, so they never leave: on the way out the public
/// address becomes our own, and on the way in our own becomes the public one.
struct RelaySocket {
    socket: UdpSocket,
    port: u16,
    taken: Taken,
    peers: PeerPolicy,
    own: IpAddr,
    public: IpAddr,
    traffic: Traffic,
}

impl RelaySocket {
    /// The address of another allocation with `that` in the place of `this`; any other
    /// address as it is.
    fn exchanged(&self, address: SocketAddr, this: IpAddr, that: IpAddr) -> SocketAddr {
        let port = address.port();
        if this != that && address.ip() == this && self.taken.ports().contains(&port) {
            SocketAddr::new(that, port)
        } else {
            address
        }
    }
}

impl Drop for RelaySocket {
    fn drop(&mut self) {
        self.taken.ports().remove(&self.port);
    }
}

type Result<T, E = webrtc_util::Error> = std::result::Result<T, E>;

#[async_trait]
impl Conn for RelaySocket {
    async fn connect(&self, address: SocketAddr) -> Result<()> {
        Ok(self.socket.connect(address).await?)
    }

    async fn recv(&self, buffer: &mut [u8]) -> Result<usize> {
        Ok(self.socket.recv(buffer).await?)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
        let (bytes, from) = self.socket.recv_from(buffer).await?;
        self.traffic.bytes.inc_by(bytes as u64);
        Ok((bytes, self.exchanged(from, self.own, self.public)))
    }

    async fn send(&self, buffer: &[u8]) -> Result<usize> {
        Ok(self.socket.send(buffer).await?)
    }

    /// A forbidden packet is lost, as it would be behind a firewall. So is one for which
    /// there is no way: the sender hears of neither.
    async fn send_to(&self, buffer: &[u8], peer: SocketAddr) -> Result<usize> {
        if !self.peers.may_reach(peer) {
            self.traffic.forbidden.inc();
            tracing::debug!(%peer, "relaying is forbidden");
            return Ok(buffer.len());
        }
        self.traffic.bytes.inc_by(buffer.len() as u64);
        let peer = self.exchanged(peer, self.public, self.own);
        Ok(self.socket.send_to(buffer, peer).await?)
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_two_ordinary_ports_in_order() {
        assert_eq!("49152-65535".parse(), Ok(Ports::default()));
        assert_eq!(Ports::default().to_string().parse(), Ok(Ports::default()));
        assert_eq!("2000-2000".parse(), Ok(Ports(2000..=2000)));
        for wrong in [
            "",
            "5000",
            "5000-",
            "6000-5000",
            "80-90",
            "1024-65536",
            "a-b",
        ] {
            assert!(wrong.parse::<Ports>().is_err(), "{wrong}");
        }
    }
}
