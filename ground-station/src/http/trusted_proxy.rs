//! A proxy in front whose word about clients counts.

use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

/// A proxy, or a network of them, that the owner trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrustedProxy(IpNet);

impl TrustedProxy {
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for TrustedProxy {
    type Err = String;

    /// `ADDRESS` or `ADDRESS/BITS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let net = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self).map_err(|_| {
            format!("{text:?} must be an address like 10.0.0.7 or a network like 10.0.0.0/24")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trusted_proxy_is_an_address_or_a_network() {
        for good in ["10.0.0.7", "10.0.0.0/8", "::1", "fd00::/8"] {
            assert!(good.parse::<TrustedProxy>().is_ok(), "{good}");
        }
        for bad in ["", "proxy.lan", "10.0.0.0/33", "10.0.0.7:80"] {
            assert!(bad.parse::<TrustedProxy>().is_err(), "{bad}");
        }
    }
}
