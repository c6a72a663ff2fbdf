//! Who is counted as one by their address.

use std::net::{IpAddr, Ipv6Addr};

/// What one customer of a provider has: an IPv4 address, or 64 bits of IPv6.
pub(crate) type Network = IpAddr;

pub(crate) fn network_of(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}
