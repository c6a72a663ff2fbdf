//! Where a server listens, as `IOT_CORE_ENDPOINT` and `IOT_GET_CREDENTIAL_ENDPOINT` word it:
//! `host` is AWS' on port 443, where MQTT is asked for by ALPN `x-amzn-mqtt-ca`; `host:port` is
//! plain TLS on that port. An IPv6 address with a port stands in brackets.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The protocol name by which AWS IoT tells MQTT from HTTPS on port 443.
const ALPN_MQTT: &[u8] = b"x-amzn-mqtt-ca";

/// Port of an endpoint that names none.
const DEFAULT_PORT: u16 = 443;

/// Longest host name of the DNS (RFC 1035, 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A DNS name or an address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether MQTT is asked for by name: no port was given.
    pub alpn: bool,
}

/// Why a text is no endpoint, in words that say what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadEndpoint(&'static str);

impl Endpoint {
    /// What an MQTT client offers by ALPN.
    pub(crate) fn alpn_protocols(&self) -> &'static [&'static [u8]] {
        if self.alpn { &[ALPN_MQTT] } else { &[] }
    }

    /// Whether this is AWS' own service, whose server certificates Amazon's roots sign.
    pub fn is_aws(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        [".amazonaws.com", ".amazonaws.com.cn"]
            .iter()
            .any(|domain| host.ends_with(domain))
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains("://") {
            return Err(BadEndpoint("a host name without \"https://\" or a path"));
        }
        let (host, port) = split(text)?;
        if !is_host(host) {
            return Err(BadEndpoint("a host name, or host:port"));
        }
        let port = port.map(parse_port).transpose()?;
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(DEFAULT_PORT),
            alpn: port.is_none(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// Host and port; a bare IPv6 address has no port, however many colons.
fn split(text: &str) -> Result<(&str, Option<&str>), BadEndpoint> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    let Some(rest) = text.strip_prefix('[') else {
        return Ok(match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        });
    };
    let wrong = BadEndpoint("an IPv6 address in brackets, [::1] or [::1]:8883");
    let (host, rest) = rest.split_once(']').ok_or(wrong.clone())?;
    if host.parse::<Ipv6Addr>().is_err() {
        return Err(wrong);
    }
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(wrong),
    }
}

fn parse_port(text: &str) -> Result<u16, BadEndpoint> {
    text.parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or(BadEndpoint("host:port with a port from 1 to 65535"))
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    host.parse::<IpAddr>().is_ok()
        || (host.len() <= MAX_HOST_BYTES && host.trim_end_matches('.').split('.').all(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_host_means_port_443_with_the_protocol_named() {
        let endpoint: Endpoint = "abc-ats.iot.us-east-1.amazonaws.com".parse().unwrap();
        assert_eq!((endpoint.port, endpoint.alpn), (443, true));
        assert!(endpoint.is_aws());
    }

    #[test]
    fn a_port_means_plain_tls_on_it() {
        for (text, host, port) in [
            ("localhost:8883", "localhost", 8883),
            ("10.0.0.7:443", "10.0.0.7", 443),
            ("station.local:1", "station.local", 1),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.host, host);
            assert_eq!((endpoint.port, endpoint.alpn), (port, false));
            assert!(!endpoint.is_aws());
            assert_eq!(endpoint.to_string(), text);
        }
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets_where_it_has_a_port() {
        for (text, port, alpn, display) in [
            ("[fd00::1]:8883", 8883, false, "[fd00::1]:8883"),
            ("[fd00::1]", 443, true, "[fd00::1]:443"),
            ("fd00::1", 443, true, "[fd00::1]:443"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), ("fd00::1", port));
            assert_eq!(
                (endpoint.alpn, endpoint.to_string().as_str()),
                (alpn, display)
            );
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "",
            ":8883",
            "host:",
            "host:0",
            "host:65536",
            "host:mqtt",
            "a b",
            "https://host",
            "host/path",
            "a..b",
            "1:2:3",
            "[::1]8883",
            "[::1]:",
            "[::1",
            "[10.0.0.7]:1",
            "[station]:1",
            "fe80::1%eth0",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
        }
    }
}
