//! The addresses of TURN servers (RFC 7065): which of them the library uses itself, and which
//! only over a [`super::relay_bridge`]. Pure.

use std::fmt;

/// The port of TURN over TLS where none is said, and without TLS.
const TLS_PORT: u16 = 5349;
const PORT: u16 = 3478;

/// A relay that is reached over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamRelay {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub tls: bool,
}

impl fmt::Display for StreamRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "turns" } else { "turn" };
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "{scheme}:[{host}]:{port}?transport=tcp")
        } else {
            write!(f, "{scheme}:{host}:{port}?transport=tcp")
        }
    }
}

/// Whether the library speaks to it itself: by UDP, without DTLS.
pub(super) fn is_datagram(url: &str) -> bool {
    match url.split_once(':') {
        Some(("stun", _)) => true,
        Some(("turn", rest)) => !is_tcp(rest),
        _ => false,
    }
}

/// Those of `urls` that are reached over TCP, TLS before plain: it comes through more firewalls.
pub(super) fn stream_relays(urls: &[String]) -> Vec<StreamRelay> {
    let mut relays: Vec<_> = urls.iter().filter_map(|url| stream_relay(url)).collect();
    relays.sort_by_key(|relay| !relay.tls);
    relays
}

fn stream_relay(url: &str) -> Option<StreamRelay> {
    let (scheme, rest) = url.split_once(':')?;
    let tls = match scheme {
        "turns" => true,
        "turn" => false,
        _ => return None,
    };
    // TLS without a word is over TCP; `transport=udp` would be DTLS.
    let named = rest.contains("transport=");
    if !is_tcp(rest) && (named || !tls) {
        return None;
    }
    let authority = rest.split('?').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None if tls => TLS_PORT,
        None => PORT,
    };
    (!host.is_empty()).then(|| StreamRelay {
        host: host.to_owned(),
        port,
        tls,
    })
}

fn is_tcp(rest: &str) -> bool {
    rest.contains("transport=tcp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_kvs_and_of_a_station_are_understood() {
        for (url, relay) in [
            (
                "turns:35-90-63-38.t-ae7dd61a.kinesisvideo.us-west-2.amazonaws.com:443?transport=tcp",
                Some("35-90-63-38.t-ae7dd61a.kinesisvideo.us-west-2.amazonaws.com 443 true"),
            ),
            ("turn:a:443?transport=udp", None),
            ("turns:a:443?transport=udp", None),
            ("turn:a", None),
            ("stun:a:443", None),
            (
                "turn:10.0.0.1:8443?transport=tcp",
                Some("10.0.0.1 8443 false"),
            ),
            ("turns:a", Some("a 5349 true")),
            ("turn:a?transport=tcp", Some("a 3478 false")),
            (
                "turns:[fd00::1]:8443?transport=tcp",
                Some("fd00::1 8443 true"),
            ),
            ("turns:[fd00::1]?transport=tcp", Some("fd00::1 5349 true")),
            ("turns::8443?transport=tcp", None),
            ("turns:a:0?transport=tcp", None),
            ("turns:a:b?transport=tcp", None),
            ("https://a", None),
            ("", None),
        ] {
            let found = stream_relay(url);
            if let Some(relay) = &found {
                assert_eq!(stream_relay(&relay.to_string()).as_ref(), Some(relay));
                assert!(!is_datagram(url), "{url}");
            }
            let found = found.map(|relay| format!("{} {} {}", relay.host, relay.port, relay.tls));
            assert_eq!(found.as_deref(), relay, "{url}");
        }
        assert!(is_datagram("turn:a:443?transport=udp") && is_datagram("stun:a"));
        assert!(!is_datagram("turns:a:443?transport=udp"));
    }

    #[test]
    fn tls_is_tried_first() {
        let urls = ["turn:a?transport=tcp", "turn:a", "turns:b?transport=tcp"];
        let relays = stream_relays(&urls.map(str::to_owned));
        let hosts: Vec<_> = relays.iter().map(|relay| relay.host.as_str()).collect();
        assert_eq!(hosts, ["b", "a"]);
    }
}
