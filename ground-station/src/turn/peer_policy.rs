//! Whom the relay sends to, and whom not.
//!
//! A relay is a way for whoever has a password to send UDP from this machine. Media flows
//! between high ports of ordinary addresses; everything else that could be reached from
//! here, and not from where the client is, stays out of reach.

use std::net::{IpAddr, SocketAddr};

use super::address::Address;

/// Below it are the ports of services (DNS, NTP, SNMP, TFTP, syslog); media never uses them.
const FIRST_ORDINARY_PORT: u16 = 1024;

/// Services above it that answer anybody by UDP: SSDP, mDNS, memcached.
const SERVICES: [u16; 3] = [1900, 5353, 11211];

/// What the relay may send to.
#[derive(Clone, Debug)]
pub(super) struct PeerPolicy {
    /// Where the relay itself listens: sending there would make it talk to itself.
    own: Vec<SocketAddr>,
    /// Whether this machine may be reached by its loopback address: only where the relay
    /// itself is on loopback, so that nobody else can be there.
    loopback: bool,
}

impl PeerPolicy {
    /// For a relay at `address`.
    pub(super) fn new(address: &Address) -> Self {
        let bound = address.bound;
        Self {
            own: vec![
                address.relay(),
                SocketAddr::new(address.own(), bound.port()),
            ],
            loopback: bound.ip().is_loopback(),
        }
    }

    /// Whether the relay may send to `peer`.
    pub(super) fn may_reach(&self, peer: SocketAddr) -> bool {
        let ip = peer.ip().to_canonical();
        let port = peer.port();
        port >= FIRST_ORDINARY_PORT
            && !SERVICES.contains(&port)
            && !self.own.contains(&SocketAddr::new(ip, port))
            && self.address_is_ordinary(ip)
    }

    fn address_is_ordinary(&self, ip: IpAddr) -> bool {
        if ip.is_loopback() {
            return self.loopback;
        }
        let special = match ip {
            // 0/8 is "this network", 169.254/16 link-local with clouds' metadata in it,
            // 240/4 reserved with the broadcast address in it.
            IpAddr::V4(ip) => ip.octets()[0] == 0 || ip.is_link_local() || ip.octets()[0] >= 240,
            IpAddr::V6(ip) => ip.is_unspecified() || ip.is_unicast_link_local(),
        };
        !special && !ip.is_multicast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(loopback: bool, peers: &[&str]) -> Vec<bool> {
        let policy = PeerPolicy {
            own: vec!["10.0.0.5:3478".parse().unwrap()],
            loopback,
        };
        let reach = |peer: &&str| policy.may_reach(peer.parse().unwrap());
        peers.iter().map(reach).collect()
    }

    #[test]
    fn ordinary_addresses_are_reached() {
        let peers = [
            "192.168.1.7:50000",
            "203.0.113.9:1024",
            "10.0.0.5:50000",
            "[2001:db8::1]:50000",
            "[fd00::1]:50000",
            "[::ffff:192.168.1.7]:50000",
        ];
        assert_eq!(reached(false, &peers), [true; 6]);
    }

    #[test]
    fn services_and_special_addresses_are_not() {
        let peers = [
            "192.168.1.1:53",
            "192.168.1.1:1023",
            "192.168.1.1:5353",
            "10.0.0.5:3478",
            "[::ffff:10.0.0.5]:3478",
            "0.0.0.0:50000",
            "0.1.2.3:50000",
            "169.254.169.254:8080",
            "224.0.0.251:50000",
            "255.255.255.255:50000",
            "240.0.0.1:50000",
            "[::]:50000",
            "[fe80::1]:50000",
            "[ff02::1]:50000",
        ];
        assert_eq!(reached(false, &peers), [false; 14]);
        assert_eq!(reached(true, &peers), [false; 14]);
    }

    #[test]
    fn loopback_is_reached_from_loopback_only() {
        let peers = [
            "127.0.0.1:50000",
            "127.9.9.9:50000",
            "[::1]:50000",
            "[::ffff:127.0.0.1]:50000",
        ];
        assert_eq!(reached(false, &peers), [false; 4]);
        assert_eq!(reached(true, &peers), [true; 4]);
        assert_eq!(reached(true, &["127.0.0.1:53"]), [false]);
    }
}
