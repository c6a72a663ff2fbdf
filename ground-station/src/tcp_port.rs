//! Takes a TCP port, or says in words why it cannot be had.

use crate::clock;
use anyhow::{Context, anyhow};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// A station that was killed leaves its broker behind for the moment that it takes to end.
const PORT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the port is tried meanwhile.
const PORT_POLL: Duration = Duration::from_millis(20);

/// Listens on `address`, which the option `--what` names.
pub(crate) fn bind(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "port {} of {} is taken by another program: stop that, or choose another port with --{what}",
            address.port(),
            address.ip()
        ),
        io::ErrorKind::PermissionDenied => anyhow!(
            "port {} may only be taken by root: choose one above 1023 with --{what}",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => anyhow!(
            "{} is no address of this machine: choose another with --{what}",
            address.ip()
        ),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address} (--{what})")),
    })
}

/// A port that is free now. Mosquitto cannot choose one itself; when another process takes
/// it first, the broker says so and the next one is tried.
pub(crate) fn free_port(wanted: SocketAddr) -> anyhow::Result<SocketAddr> {
    TcpListener::bind(wanted)
        .and_then(|listener| listener.local_addr())
        .with_context(|| format!("no free port on {}", wanted.ip()))
}

/// Only to say in words that it is taken; the broker takes it a moment later.
pub(crate) async fn wait_for_port(address: SocketAddr) -> anyhow::Result<()> {
    let deadline = clock::instant() + PORT_TIMEOUT;
    loop {
        match bind(address, "mqtt") {
            Ok(_) => return Ok(()),
            Err(error) if clock::instant() >= deadline => return Err(error),
            Err(_) => tokio::time::sleep(PORT_POLL).await,
        }
    }
}
