//! `new-robot`, `new-operator`, `revoke`: who has a certificate.

use super::context::{CommandContext, print};
use crate::ca::hosts;
use crate::clock;
use crate::robot_config::{self, Ports};
use crate::state_dir::{self, PUBLIC, SECRET};
use crate::store::{Kind, StoreError};
use anyhow::{Context, bail};
use clap::Args;
use rcgen::KeyPair;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct NewRobot {
    /// The robot's name: letters, digits, '-' and '_'
    #[arg(value_parser = robot_name)]
    name: String,
    /// Folder for config.json and certs/
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Name or address under which the robot reaches this machine
    #[arg(long, value_name = "HOST", value_parser = hosts::parse)]
    host: Option<String>,
    /// Make another certificate though there is a valid one, and overwrite files
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct NewOperator {
    /// The operator's name; no robot may have it
    #[arg(value_parser = robot_name)]
    name: String,
    /// Folder for cacert.pem, certificate.pem and private.pem.key
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Make another certificate though there is a valid one, and overwrite files
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Revoke {
    /// The robot or operator whose certificates are revoked
    name: Option<String>,
    /// The user who is removed, with all their tokens
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The number of the API key that is removed
    #[arg(long, value_name = "NUMBER")]
    key: Option<i64>,
}

impl NewRobot {
    pub(super) fn run(self, context: &CommandContext) -> anyhow::Result<()> {
        let config = self.out.join("config.json");
        if config.exists() && !self.force {
            bail!(
                "{} is there already: --force overwrites it",
                config.display()
            );
        }
        let host = self.host.clone().unwrap_or_else(robot_config::default_host);
        if self.host.is_some() {
            context.store.add_host(&host)?;
        }
        let certs = self.out.join("certs");
        let serial = write_certificate(context, &self.name, Kind::Robot, &certs, self.force)?;
        context.wait_until_applied();
        let text = serde_json::to_string_pretty(&robot_config::config(
            &self.name,
            &host,
            Ports::of(&context.store),
            &robot_config::region(&context.store),
        ))?;
        state_dir::write(&config, format!("{text}\n").as_bytes(), PUBLIC)?;
        print(format_args!(
            "robot {}: certificate {serial}, for the station at {host}",
            self.name
        ))?;
        print(format_args!(
            "  {} and {}/ go beside robot-agent on the robot",
            config.display(),
            certs.display()
        ))?;
        Ok(())
    }
}

impl NewOperator {
    pub(super) fn run(self, context: &CommandContext) -> anyhow::Result<()> {
        let serial = write_certificate(context, &self.name, Kind::Operator, &self.out, self.force)?;
        context.wait_until_applied();
        print(format_args!(
            "operator {}: certificate {serial} in {}",
            self.name,
            self.out.display()
        ))?;
        Ok(())
    }
}

impl Revoke {
    pub(super) fn run(self, context: &CommandContext) -> anyhow::Result<()> {
        if let Some(name) = self.name {
            let count = context.store.revoke_certificates(&name, clock::unix_s())?;
            context.wait_until_out(|robot| robot == name);
            print(format_args!("{name}: {count} certificates revoked"))?;
        } else if let Some(user) = self.user {
            context.store.remove_user(&user)?;
            context.wait_until_out(|_| true);
            print(format_args!("user {user}: removed, with all their tokens"))?;
        } else if let Some(key) = self.key {
            context.store.remove_key(key)?;
            context.wait_until_out(|_| true);
            print(format_args!("key {key}: removed"))?;
        }
        Ok(())
    }
}

/// A value parser.
pub(super) fn robot_name(text: &str) -> Result<String, String> {
    wire::topic::check_robot_name(text).map_err(|bad| bad.to_string())?;
    Ok(text.to_owned())
}

/// Makes key and certificate, and writes the three files that an agent needs. The store is
/// written first: a certificate that nobody has does no harm, an unknown one could not be
/// revoked.
fn write_certificate(
    context: &CommandContext,
    name: &str,
    kind: Kind,
    out: &Path,
    force: bool,
) -> anyhow::Result<String> {
    let (certificate, key) = (out.join("certificate.pem"), out.join("private.pem.key"));
    for file in [&certificate, &key] {
        if file.exists() && !force {
            bail!("{} is there already: --force overwrites it", file.display());
        }
    }
    let valid = context.store.valid_certificates(name, clock::unix_s())?;
    if !valid.is_empty() && !force {
        return Err(StoreError::Taken(format!(
            "{name} has a valid certificate ({}): revoke it first, or --force makes another beside it",
            valid.join(", ")
        ))
        .into());
    }
    let pair = KeyPair::generate()?;
    let issued = context.ca.issue_client(name, &pair, clock::utc())?;
    context.store.add_certificate(name, kind, &issued.record)?;
    let write = || {
        state_dir::write(&out.join("cacert.pem"), context.ca.pem().as_bytes(), PUBLIC)?;
        state_dir::write(&certificate, issued.pem.as_bytes(), PUBLIC)?;
        state_dir::write(&key, pair.serialize_pem().as_bytes(), SECRET)
    };
    write().with_context(|| format!("the certificate of {name}"))?;
    Ok(issued.record.serial)
}
