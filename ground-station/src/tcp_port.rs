//! Takes a TCP port, or says in words why it cannot be had.

use anyhow::{Context, anyhow};
use std::io;
use std::net::{SocketAddr, TcpListener};

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
