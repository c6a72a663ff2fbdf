//! To which of a viewer's addresses packets are sent. Whoever may watch names them, and is not to
//! have the robot send to others.

use std::net::{IpAddr, UdpSocket};

/// Whether this machine has no network but itself. Then only a viewer on it can come, and
/// only that way.
pub(super) fn is_alone() -> bool {
    let routed = |from: &str, to: &str| {
        UdpSocket::bind(from)
            .and_then(|socket| socket.connect(to))
            .is_ok()
    };
    !routed("0.0.0.0:0", "192.0.2.1:9") && !routed("[::]:0", "[2001:db8::1]:9")
}

/// Whether packets are sent there: not to names, which only mDNS resolves, nor by TCP, which is not
/// spoken; and where other machines are, not to this one, to everybody on its link, or to what has
/// no address of its own.
pub(super) fn is_tried(candidate: &str, alone: bool) -> bool {
    let mut words = candidate.split_whitespace().skip(2);
    let protocol = words.next().unwrap_or_default();
    let address = words.nth(1).and_then(|word| word.parse::<IpAddr>().ok());
    let Some(address) = address.map(|address| address.to_canonical()) else {
        return false;
    };
    let (local, everybody) = match address {
        IpAddr::V4(v4) => (v4.is_loopback() || v4.is_link_local(), v4.is_broadcast()),
        IpAddr::V6(v6) => (v6.is_loopback() || v6.is_unicast_link_local(), false),
    };
    let nobody = address.is_unspecified() || address.is_multicast() || everybody;
    protocol.eq_ignore_ascii_case("udp") && !nobody && (alone || !local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_sent_where_a_viewer_can_be() {
        let tried = |protocol: &str, address: &str, alone| {
            is_tried(
                &format!("candidate:1 1 {protocol} 2113937151 {address} 5000 typ host"),
                alone,
            )
        };
        for address in ["192.0.2.7", "10.0.0.7", "2001:db8::7", "fd00::7"] {
            assert!(
                tried("udp", address, false) && tried("UDP", address, true),
                "{address}"
            );
            assert!(!tried("tcp", address, false));
        }
        for local in [
            "127.0.0.1",
            "::1",
            "169.254.1.2",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(!tried("udp", local, false), "{local}");
            assert!(tried("udp", local, true), "{local}");
        }
        for nobody in [
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "239.1.2.3",
            "ff02::1",
            "255.255.255.255",
            "x.local",
            "host",
        ] {
            assert!(!tried("udp", nobody, true), "{nobody}");
        }
        assert!(!is_tried("", true) && !is_tried("candidate:1 1 udp", true));
    }
}
