//! The ready line: says once, on standard output and to systemd, that everything listens.

use daemon::systemd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use tracing::{info, warn};

use crate::broker::address::BrokerAddress;
use crate::http::app_state::AppState;
use crate::robot_config;

/// Remembers the ports for the configs of robots, and tells whoever started the station.
pub(crate) fn announce(
    app: &AppState,
    state: &Path,
    (http, https): (SocketAddr, SocketAddr),
    broker: &BrokerAddress,
) -> anyhow::Result<()> {
    let ports = robot_config::Ports {
        mqtt: broker.port,
        https: https.port(),
    };
    ports.store(&app.store)?;
    info!(%http, %https, mqtt = %broker, state = %state.display(), "ready");
    let turn = app.signaling.relay.address();
    let line = serde_json::json!({
        "ready": true, "http": http, "https": https, "mqtt": broker.to_string(), "turn": turn,
    });
    if let Err(error) = print(&format!("{line}\n")) {
        warn!(%error, "nobody reads the ready line");
    }
    systemd::ready();
    Ok(())
}

/// Prints it unless that would have to wait: a pipe that nobody reads must not hold the station.
fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let ready = poll(
        &mut [PollFd::new(&out, PollFlags::OUT)],
        Some(&Timespec::default()),
    )?;
    if ready == 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    out.write_all(line.as_bytes()).and_then(|()| out.flush())
}
