//! `external-broker`: what a Mosquitto somewhere else must be told to take the place of ours.

use super::context::{CommandContext, print};
use crate::broker::config::{self, Files, write_lists};
use crate::ca::{Purpose, hosts};
use crate::clock;
use crate::state_dir::{self, PUBLIC, SECRET};
use clap::Args;
use rcgen::KeyPair;
use std::path::{Path, PathBuf};

/// Nobody renews the certificate of a broker that runs elsewhere; whoever runs it would only
/// notice on the day it ends.
const YEARS: i64 = 10;

#[derive(Debug, Args)]
pub(super) struct ExternalBroker {
    /// Name or address under which robots and this station reach the broker
    #[arg(long, value_name = "HOST", value_parser = hosts::parse)]
    host: String,
    /// The port it listens on
    #[arg(long, default_value_t = 8883)]
    port: u16,
    /// Folder for its configuration, access list, certificates and key
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where the folder will lie on the broker's machine
    #[arg(long, value_name = "DIR", default_value = "/etc/mosquitto/outpost")]
    installed: PathBuf,
}

impl ExternalBroker {
    pub(super) fn run(self, context: &CommandContext) -> anyhow::Result<()> {
        let out = |file: &str| self.out.join(file);
        write_lists(
            &context.ca,
            &context.store.directory(),
            &out("access.list"),
            &out("revoked.pem"),
        )?;
        if !out("server.key").exists() || !out("server.pem").exists() {
            let key = KeyPair::generate()?;
            let server = context.ca.issue(
                &self.host,
                &key,
                &Purpose::Server(vec![self.host.clone()]),
                time::Duration::days(365 * YEARS),
                clock::utc(),
            )?;
            state_dir::write(&out("server.key"), key.serialize_pem().as_bytes(), SECRET)?;
            state_dir::write(&out("server.pem"), server.pem.as_bytes(), PUBLIC)?;
        }
        state_dir::write(&out("ca.pem"), context.ca.pem().as_bytes(), PUBLIC)?;
        let conf = self.conf(&self.installed);
        state_dir::write(&out("outpost.conf"), conf.as_bytes(), PUBLIC)?;
        print(format_args!(
            "{} belongs in {} on {}, readable by the user mosquitto;",
            self.out.display(),
            self.installed.display(),
            self.host
        ))?;
        print(format_args!(
            "its outpost.conf in /etc/mosquitto/conf.d. Then: ground-station run --external-broker {}:{}",
            self.host, self.port
        ))?;
        print(
            "After `revoke` or `new-operator`: give this command again, copy, and restart the broker.",
        )?;
        Ok(())
    }

    fn conf(&self, installed: &Path) -> String {
        let at = |file: &str| installed.join(file);
        config::mosquitto_conf(
            (std::net::Ipv4Addr::UNSPECIFIED, self.port).into(),
            Files {
                ca: &at("ca.pem"),
                certificate: &at("server.pem"),
                key: &at("server.key"),
                revoked: &at("revoked.pem"),
                access: &at("access.list"),
            },
            false,
        )
    }
}
