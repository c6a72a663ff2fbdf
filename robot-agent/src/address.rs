//! The addresses of this machine, on which its connections stand. One from an address that is
//! gone is dead, and nothing says so before somebody has waited in vain: `mqtt` and `signaling` ask
//! here, and connect again at once.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

/// Why a connection is given up, where an address is lost.
pub(crate) const LOST: &str = "this machine has another address now";

/// How often the address is looked at: a robot that came into another network is wanted back at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether this machine has `address`; in doubt, yes.
pub(crate) fn is_own(address: IpAddr) -> bool {
    let bound = UdpSocket::bind((address, 0));
    !bound.is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

/// Waits until this machine has lost the address from which it now reaches `host`.
pub(crate) async fn lost_towards(host: &str, port: u16) {
    match towards(host, port).await {
        Some(own) => lost(own).await,
        None => std::future::pending().await,
    }
}

/// Waits until this machine has `address` no more.
async fn lost(address: IpAddr) {
    while is_own(address) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// From which address this machine reaches `host`; none if it does not.
async fn towards(host: &str, port: u16) -> Option<IpAddr> {
    for to in tokio::net::lookup_host((host, port)).await.ok()? {
        let any: IpAddr = match to.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // To connect a socket of UDP finds the way, and sends nothing.
        let own = UdpSocket::bind((any, 0))
            .and_then(|socket| socket.connect(to).and_then(|()| socket.local_addr()));
        if let Ok(own) = own {
            return Some(own.ip());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of documentation, which nobody has.
    const NOBODYS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77));

    #[test]
    fn an_address_that_is_not_ours_is_known_as_such() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_own(NOBODYS));
    }

    #[tokio::test]
    async fn the_way_to_this_machine_is_from_itself_and_what_is_lost_is_lost_at_once() {
        let own = towards("localhost", 9).await.unwrap();
        assert!(own.is_loopback(), "{own}");
        assert_eq!(towards("no such host", 9).await, None);
        lost(NOBODYS).await;
    }
}
