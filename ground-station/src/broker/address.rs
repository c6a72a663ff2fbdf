//! Where a broker is: `HOST:PORT`.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerAddress {
    /// Name or address, as the broker's certificate has it.
    pub host: String,
    pub port: u16,
}

impl BrokerAddress {
    /// The host to connect to: a broker that listens everywhere is on this machine.
    pub(crate) fn connect_host(&self) -> &str {
        match self.host.as_str() {
            "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            host => host,
        }
    }
}

impl From<SocketAddr> for BrokerAddress {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl FromStr for BrokerAddress {
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

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
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
            let address: BrokerAddress = text.parse().unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port));
            assert_eq!(address.to_string(), text);
        }
        for text in ["broker.lan", ":8883", "a:0", "a:99999", "mqtts://a:1", ""] {
            assert!(text.parse::<BrokerAddress>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_broker_that_listens_everywhere_is_reached_on_this_machine() {
        for (listens, reached) in [("0.0.0.0:1", "127.0.0.1"), ("[::]:1", "::1")] {
            let address = BrokerAddress::from(listens.parse::<SocketAddr>().unwrap());
            assert_eq!(address.connect_host(), reached);
            assert_eq!(address.to_string(), listens);
        }
    }
}
