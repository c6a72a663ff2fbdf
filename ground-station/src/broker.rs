//! The MQTT broker: Mosquitto, started and configured here, and our own session with it.
//!
//! [`config`] says what the broker is told, [`mosquitto`] runs it, [`session`] is the
//! station's own client: it publishes actions and listens to telemetry. Who may connect is
//! decided by certificates; who may read and write which topic by the generated access list.
//! Knows nothing of HTTP.

pub mod config;
pub mod mosquitto;
pub mod session;

pub use session::{Publisher, Unpublished};

/// The station's own name at the broker. The dot keeps robots and operators from having it.
pub const OWN_NAME: &str = "ground.station";

/// Another station's broker, or one that somebody runs: `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Name or address, as its certificate says it.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl std::str::FromStr for Remote {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not HOST:PORT, like broker.lan:8883");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || port == 0 || host.contains(['/', ' ']) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl From<std::net::SocketAddr> for Remote {
    /// Where a broker that listens on `address` is reached from this machine.
    fn from(address: std::net::SocketAddr) -> Self {
        use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self {
            host: ip.to_string(),
            port: address.port(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_broker_is_a_host_and_a_port() {
        for (text, host, port) in [
            ("broker.lan:8883", "broker.lan", 8883),
            ("10.0.0.7:1", "10.0.0.7", 1),
            ("[::1]:8883", "::1", 8883),
        ] {
            let remote: Remote = text.parse().unwrap();
            assert_eq!((remote.host.as_str(), remote.port), (host, port));
            assert_eq!(remote.to_string(), text);
        }
        for text in ["broker.lan", ":8883", "a:0", "a:99999", "mqtts://a:1", ""] {
            assert!(text.parse::<Remote>().is_err(), "{text:?}");
        }
    }
}
