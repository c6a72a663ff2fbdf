//! The addresses of this machine, on which its connections stand. One from an address that is
//! gone is dead, and nothing says so before somebody has waited in vain: `mqtt` and `signaling` ask
//! here, and connect again at once.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
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

/// Waits until this machine has `address` no more; for ever, where it is not known.
pub(crate) async fn lost(address: Option<IpAddr>) {
    let Some(address) = address else {
        return std::future::pending().await;
    };
    while is_own(address) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    /// One of documentation, which nobody has.
    const NOBODYS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77));

    #[test]
    fn an_address_that_is_not_ours_is_known_as_such() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_own(NOBODYS));
    }

    #[tokio::test]
    async fn what_is_lost_is_lost_at_once() {
        lost(Some(NOBODYS)).await;
    }
}
