//! What `run` is told: where to listen, which broker, which console.

use crate::broker::Remote;
use crate::mars_options::MarsOptions;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Where plain HTTP is served; keep it on loopback, passwords travel on it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,

    /// Where HTTPS is served, for browsers, agents and video
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8443")]
    pub https: SocketAddr,

    /// Where the MQTT broker listens; without meaning beside --external-broker
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8883")]
    pub mqtt: SocketAddr,

    /// The broker's program; without, it is looked for on the PATH and in /usr/sbin
    #[arg(long, value_name = "PROGRAM")]
    pub mosquitto: Option<PathBuf>,

    /// Use this MQTT broker instead of starting one; `external-broker` writes its configuration
    #[arg(long, value_name = "HOST:PORT")]
    pub external_broker: Option<Remote>,

    /// A further name or address under which this machine is reached, for the certificate
    #[arg(long = "host", value_name = "HOST", value_parser = crate::cli::host)]
    pub hosts: Vec<String>,

    /// How robots and viewers find each other.
    #[command(flatten)]
    pub video: crate::signaling::Options,

    /// The web console's files
    #[arg(long, value_name = "DIR")]
    pub console: Option<PathBuf>,

    /// The PNG that a display-agent on this machine keeps, for the web console
    #[arg(long, value_name = "PNG")]
    pub display: Option<PathBuf>,

    /// What `/mars` shows, and whom it asks.
    #[command(flatten)]
    pub mars: MarsOptions,
}
