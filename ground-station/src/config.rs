//! The arguments of `run`, the only ones that shape the service. What is made of them knows
//! nothing of a command line.

mod mars;

use crate::broker::address::BrokerAddress;
use crate::ca::hosts;
use crate::http::aws::role_alias::RoleAlias;
use crate::http::trusted_proxy::TrustedProxy;
use crate::robot_config::DEFAULT_REGION;
use crate::signaling::Times;
use crate::turn::Ports;
use clap::Args;
use mars::MarsOptions;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
pub(crate) struct Config {
    /// Where plain HTTP is served; keep it on loopback, passwords travel on it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) http: SocketAddr,

    /// Where HTTPS is served, for browsers, agents and video
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8443")]
    pub(crate) https: SocketAddr,

    /// Where the MQTT broker listens; without meaning beside --external-broker
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8883")]
    pub(crate) mqtt: SocketAddr,

    /// The broker's program; without, it is looked for on the PATH and in /usr/sbin
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) mosquitto: Option<PathBuf>,

    /// Use this MQTT broker instead of starting one; `external-broker` writes its configuration
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) external_broker: Option<BrokerAddress>,

    /// A further name or address under which this machine is reached, for the certificate
    #[arg(long = "host", value_name = "HOST", value_parser = hosts::parse)]
    pub(crate) hosts: Vec<String>,

    /// A proxy in front that ends TLS; only its word (`X-Forwarded-For`, `-Host` and `-Proto`,
    /// or `Forwarded`) about clients counts; may be given again
    #[arg(long = "trusted-proxy", value_name = "ADDRESS[/BITS]")]
    pub(crate) trusted_proxies: Vec<TrustedProxy>,

    /// How robots and viewers find each other.
    #[command(flatten)]
    pub(crate) video: VideoConfig,

    /// The web console's files
    #[arg(long, value_name = "DIR")]
    pub(crate) console: Option<PathBuf>,

    /// The PNG that a display-agent on this machine keeps, for the web console
    #[arg(long, value_name = "PNG")]
    pub(crate) display: Option<PathBuf>,

    /// What `/mars` shows, and whom it asks.
    #[command(flatten)]
    pub(crate) mars: MarsOptions,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Video")]
pub(crate) struct VideoConfig {
    /// The region of channels and signatures; robots have it as AWS_DEFAULT_REGION
    #[arg(long, default_value = DEFAULT_REGION, value_parser = checked_region)]
    pub(crate) region: String,

    /// A further role alias under which robots get credentials, beside `outpost-robot`; its
    /// credentials last an hour or SECONDS
    #[arg(long = "role-alias", value_name = "NAME[=SECONDS]")]
    pub(crate) role_aliases: Vec<RoleAlias>,

    /// Where STUN and TURN listen, UDP, TCP and TLS [default: 0.0.0.0:3478, or another port if it is
    /// taken]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) turn: Option<SocketAddr>,

    /// The address under which the TURN relay is reached, where it is not this machine's own
    #[arg(long, value_name = "IP")]
    pub(crate) turn_public_ip: Option<IpAddr>,

    /// The ports from which the TURN relay sends
    #[arg(long, value_name = "FIRST-LAST", default_value_t = Ports::default())]
    pub(crate) turn_ports: Ports,

    /// Send clients to this coturn instead of a relay of our own
    #[arg(long, value_name = "HOST:PORT", requires = "external_turn_secret",
          conflicts_with_all = ["turn", "turn_public_ip"])]
    pub(crate) external_turn: Option<String>,

    /// Where that coturn speaks TLS, with a certificate that browsers and robots trust
    #[arg(long, value_name = "HOST:PORT", requires = "external_turn")]
    pub(crate) external_turn_tls: Option<String>,

    /// File that holds the coturn's static-auth-secret
    #[arg(long, value_name = "FILE", requires = "external_turn")]
    pub(crate) external_turn_secret: Option<PathBuf>,

    /// Multiply the service's times, for tests: 0.01 makes of an hour 36 seconds
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = scale)]
    pub(crate) time_scale: f64,
}

impl VideoConfig {
    pub(crate) fn times(&self) -> Times {
        Times::DOCUMENTED.scaled(self.time_scale)
    }

    /// The usual role alias and the further ones.
    pub(crate) fn role_aliases(&self) -> Vec<RoleAlias> {
        let further = self.role_aliases.iter().cloned();
        std::iter::once(RoleAlias::default())
            .chain(further)
            .collect()
    }
}

fn checked_region(text: &str) -> Result<String, String> {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=32).contains(&text.len()) && text.bytes().all(letter) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} must be a region like us-east-1"))
    }
}

fn scale(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|scale: &f64| *scale > 0.0 && *scale <= 1.0)
        .ok_or_else(|| format!("{text:?} must be a number above 0 and at most 1"))
}

/// The configuration that `run` has by these arguments.
#[cfg(test)]
pub(crate) fn parse(arguments: &[&str]) -> Result<Config, clap::Error> {
    use clap::Parser;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        config: Config,
    }

    CommandLine::try_parse_from([&["run"], arguments].concat()).map(|line| line.config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            &["--region", "US East"][..],
            &["--time-scale", "0"],
            &["--time-scale", "2"],
            &["--turn-ports", "1-2"],
            &["--external-turn", "turn.example:3478"],
            &["--role-alias", "a b"],
            &["--role-alias", "a=soon"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
