//! Under which addresses the relay is known: to this machine, and to everybody else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Where the relay is. What is not fixed is asked of the machine each time: its address may
/// come after the station, and change while it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    /// What the relay's socket is bound to.
    pub bound: SocketAddr,
    /// What others are told, where it is not this machine's own address.
    pub public_ip: Option<IpAddr>,
}

impl Address {
    /// An address of this machine: the bound one, or where it is bound to all, the one from
    /// which the world is reached, or at least a neighbour.
    pub(super) fn own(&self) -> IpAddr {
        let bound = self.bound.ip();
        if !bound.is_unspecified() {
            return bound;
        }
        route_out(bound)
            .or_else(|| interface_address(bound))
            .unwrap_or(match bound {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            })
    }

    /// The address that others are told.
    pub(super) fn public(&self) -> IpAddr {
        self.public_ip.unwrap_or_else(|| self.own())
    }

    /// The address of the relay that others are told.
    pub(super) fn relay(&self) -> SocketAddr {
        SocketAddr::new(self.public(), self.bound.port())
    }
}

/// The address from which a packet into the world would go. None is sent.
fn route_out(bound: IpAddr) -> Option<IpAddr> {
    // Addresses of documentation (RFC 5737, RFC 3849): routed by default, owned by nobody.
    let far: SocketAddr = match bound {
        IpAddr::V4(_) => (Ipv4Addr::new(192, 0, 2, 1), 9).into(),
        IpAddr::V6(_) => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(),
    };
    let socket = UdpSocket::bind((bound, 0)).ok()?;
    socket.connect(far).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// An address in a network that leads nowhere else, as that of a router without a line.
fn interface_address(bound: IpAddr) -> Option<IpAddr> {
    let interfaces = webrtc_util::ifaces::ifaces().ok()?;
    interfaces
        .into_iter()
        .filter_map(|interface| interface.addr)
        .map(|address| address.ip())
        .find(|ip| ip.is_ipv4() == bound.is_ipv4() && !ip.is_loopback() && !link_local(*ip))
}

fn link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(bound: &str, public_ip: Option<&str>) -> Address {
        Address {
            bound: bound.parse().unwrap(),
            public_ip: public_ip.map(|ip| ip.parse().unwrap()),
        }
    }

    #[test]
    fn what_others_are_told_is_never_all_addresses() {
        for bound in ["0.0.0.0:1", "[::]:1", "127.0.0.1:1", "10.0.0.7:1"] {
            assert!(!address(bound, None).public().is_unspecified(), "{bound}");
        }
        assert_eq!(
            address("10.0.0.7:1", None).public(),
            address("10.0.0.7:1", None).own()
        );
    }

    #[test]
    fn a_public_address_is_told_with_the_port_that_is_bound() {
        let address = address("10.0.0.7:3478", Some("203.0.113.9"));
        assert_eq!(address.relay().to_string(), "203.0.113.9:3478");
        assert_eq!(address.own(), "10.0.0.7".parse::<IpAddr>().unwrap());
    }
}
