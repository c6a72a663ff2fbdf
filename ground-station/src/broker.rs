//! The MQTT broker: Mosquitto, started and configured here, and our own session with it.
//!
//! [`config`] says what the broker is told, [`mosquitto`] runs it, [`client`] is the
//! station's own client: it publishes actions and listens to telemetry. Who may connect is
//! decided by certificates; who may read and write which topic by the generated access list.
//! Knows nothing of HTTP.

pub mod client;
pub mod config;
pub mod mosquitto;

pub use client::{Publisher, Unpublished};

use crate::cli::BadSetup;
use crate::clock;
use crate::config::Settings;
use crate::http::app_state::AppState;
use crate::http::listener;
use anyhow::Context;
use bytes::Bytes;
use client::Session;
use mosquitto::{Mosquitto, Orders};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// A station that was killed leaves its broker behind for the moment that it takes to end.
const PORT_PATIENCE: Duration = Duration::from_secs(2);

/// How often the port is looked at meanwhile.
const PORT_LOOK: Duration = Duration::from_millis(20);

/// The station's own name at the broker. The dot keeps robots and operators from having it.
pub const OWN_NAME: &str = "ground.station";

/// The way to the robots, as it is being made.
pub struct Way {
    /// Whether the session stands.
    pub connected: watch::Receiver<bool>,
    /// Where clients on this machine find the broker.
    pub remote: watch::Receiver<Remote>,
    /// Where our own broker listens.
    pub own: Option<watch::Receiver<SocketAddr>>,
}

/// Starts the session, and our own broker unless there is another.
///
/// # Errors
/// When there is no Mosquitto, or its port is taken.
pub async fn start(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    station: &AppState,
    orders: watch::Receiver<Orders>,
    inbox: mpsc::Sender<(String, Bytes)>,
) -> anyhow::Result<Way> {
    let connected = watch::Sender::new(false);
    let mut way = Way {
        connected: connected.subscribe(),
        remote: watch::Sender::new(Remote::from(station.settings.mqtt)).subscribe(),
        own: None,
    };
    if let Some(remote) = &station.settings.external_broker {
        way.remote = watch::Sender::new(remote.clone()).subscribe();
    } else {
        let mosquitto = own_broker(station, orders).await?;
        way.remote = mosquitto.remote.subscribe();
        way.own = Some(mosquitto.address.subscribe());
        tasks.spawn(mosquitto.keep_running(station.shutdown.clone()));
    }
    let session = Session {
        broker: way.remote.clone(),
        ca: station.ca.clone(),
        publisher: station.publisher.clone(),
        inbox,
        connected,
    };
    tasks.spawn(session.keep_up(station.shutdown.clone()));
    Ok(way)
}

async fn own_broker(
    station: &AppState,
    orders: watch::Receiver<Orders>,
) -> anyhow::Result<Mosquitto> {
    let settings = &station.settings;
    let program = program(settings).ok_or_else(|| {
        BadSetup(
            "mosquitto is not installed: `apt install mosquitto` does it, or name a broker that runs elsewhere with --external-broker HOST:PORT"
                .to_owned(),
        )
    })?;
    let any_port = settings.mqtt.port() == 0;
    let address = if any_port {
        mosquitto::free_port(settings.mqtt)?
    } else {
        port_is_free(settings.mqtt).await?;
        settings.mqtt
    };
    Ok(Mosquitto {
        own_program: std::env::current_exe().context("cannot find my own program")?,
        program,
        folder: station.folder.clone(),
        ca: station.ca.clone(),
        orders,
        any_port,
        address: watch::Sender::new(address),
        remote: watch::Sender::new(address.into()),
    })
}

fn program(settings: &Settings) -> Option<PathBuf> {
    match &settings.mosquitto {
        Some(program) => Some(program.clone()).filter(|program| program.is_file()),
        None => mosquitto::find(),
    }
}

/// Only to say in words that it is taken; the broker takes it a moment later.
async fn port_is_free(address: SocketAddr) -> anyhow::Result<()> {
    let deadline = clock::instant() + PORT_PATIENCE;
    loop {
        match listener::bind(address, "mqtt") {
            Ok(_) => return Ok(()),
            Err(error) if clock::instant() >= deadline => return Err(error),
            Err(_) => tokio::time::sleep(PORT_LOOK).await,
        }
    }
}

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
