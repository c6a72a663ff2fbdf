//! `robot-agent enroll`: makes the robot's key, has its certificate signed over HTTP, and
//! puts the three files of `certs/` in place.
//!
//! The key never leaves the robot. It works with a ground station's `/sign` and with a
//! Lambda of the same contract before AWS IoT: `{"description": "<CSR PEM>"}` with
//! `x-api-key`, answered by `{"crt_pem": …}`; a ground station adds its CA and a
//! configuration. Nothing is written before everything is known to fit.

use std::fs;
use std::io::{BufRead, ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use daemon::atomic_file::{self, PUBLIC, SECRET};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use time::OffsetDateTime;
use url::Url;
use wire::topic::check_robot_name;

use crate::certificates::{self, CA_FILE, CERTIFICATE_FILE, KEY_FILE, Severity};
use crate::{config, lock};

mod files;
mod owner;
mod signing;

use files::Staging;
use signing::SigningAnswer;

/// What the owner asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Request {
    /// Where certificates are signed: a ground station like https://host:8443, or a
    /// Lambda's whole address.
    #[arg(long)]
    pub url: Url,
    /// The API key. Other users of this computer see it on a command line: without, it is taken from
    /// the environment, or else asked for.
    #[arg(long, env = "ROBOT_AGENT_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// File with the CA of that server, and for cacert.pem if the answer names no CA.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The robot's name; the configuration's if there is one.
    #[arg(long)]
    pub name: Option<String>,
    /// Replace files that are there.
    #[arg(long)]
    pub force: bool,
}

/// Where the files go, and the robot's name if it is known.
struct Target {
    certs: PathBuf,
    name: Option<String>,
    has_config: bool,
}

/// Enrolls the robot whose configuration is, or will be, `config_file`. Returns what was
/// done, line by line.
///
/// # Errors
/// In words, with nothing written. A [`config::Error`] if that file is there but wrong.
pub async fn run(config_file: &Path, asked: &Request, now: OffsetDateTime) -> Result<Vec<String>> {
    let url = signing::address(&asked.url)?;
    let target = target(config_file, asked.name.as_deref())?;
    if !asked.force {
        refuse_to_replace(&target.certs)?;
    }
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("cannot make a key")?;
    let request = signing::request(&key, target.name.as_deref())?;
    let api_key = match &asked.key {
        Some(key) => key.clone(),
        None => ask_for_key(std::io::stdin().lock())?,
    };
    let answer = signing::sign(&url, &api_key, asked.ca.as_deref(), request).await?;
    let ca = match (&answer.ca_pem, &asked.ca) {
        (Some(pem), _) => Some(pem.clone()),
        (None, Some(file)) => Some(read(file)?),
        (None, None) => None,
    };
    let put = || put(&target, &answer, &key, ca.as_deref(), (asked.force, now));
    let mut done = owner::as_owner_of(&target.certs, put)?;
    if let Some(config) = answer.config.as_ref().filter(|_| !target.has_config) {
        let folder = atomic_file::folder(config_file);
        let write = || files::write_config(config_file, config);
        done.insert(done.len() - 1, owner::as_owner_of(folder, write)?);
    }
    Ok(done)
}

/// Puts the files of `certs/` in place; what was done, and at last what to do next.
fn put(
    target: &Target,
    answer: &SigningAnswer,
    key: &KeyPair,
    ca: Option<&str>,
    (force, now): (bool, OffsetDateTime),
) -> Result<Vec<String>> {
    let own = target.certs.join(CA_FILE);
    let ca = match ca {
        Some(pem) => Some(pem.to_owned()),
        None if own.exists() => None,
        None => Some(files::amazon_roots()?),
    };
    let running = lock::acquire(&target.certs).is_err();
    let staging = Staging::beside(&target.certs)?;
    staging.add(KEY_FILE, &key.serialize_pem(), SECRET)?;
    staging.add(CERTIFICATE_FILE, &answer.crt_pem, PUBLIC)?;
    match &ca {
        Some(pem) => staging.add(CA_FILE, pem, PUBLIC)?,
        None => staging.add(CA_FILE, &read(&own)?, PUBLIC)?,
    }
    let mut done = check_fit(&staging, target, answer, now)?;
    if ca.is_none() {
        staging.leave_out(CA_FILE)?;
    }
    done.extend(staging.put(force)?);
    done.push(if running {
        "next: restart the robot-agent that runs with the old certificate".into()
    } else {
        "next: robot-agent check".into()
    });
    Ok(done)
}

/// From a terminal, or a pipe.
fn ask_for_key(mut input: impl BufRead) -> Result<String> {
    if std::io::stdin().is_terminal() {
        daemon::log::line("API key:");
    }
    let mut key = String::new();
    let read = input.read_line(&mut key).context("cannot read the key")?;
    ensure!(
        read > 0,
        "there is no API key: give it by --key, ROBOT_AGENT_KEY or standard input"
    );
    Ok(key.trim().to_owned())
}

fn target(config_file: &Path, asked_name: Option<&str>) -> Result<Target> {
    if let Some(name) = asked_name {
        check_robot_name(name)?;
    }
    let missing = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
    match config::load(config_file) {
        Ok(config) => {
            if let Some(name) = asked_name {
                ensure!(
                    name == config.robot,
                    "--name is {name:?}, but {} says {:?}: they must agree",
                    config_file.display(),
                    config.robot
                );
            }
            Ok(Target {
                certs: config.mqtt.certs,
                name: Some(config.robot),
                has_config: true,
            })
        }
        Err(config::Error::Unreadable(_, error)) if missing(&error) => Ok(Target {
            certs: config_file.with_file_name("certs"),
            name: asked_name.map(str::to_owned),
            has_config: false,
        }),
        Err(error) => Err(error.into()),
    }
}

/// Before a certificate is asked for that could not be stored.
fn refuse_to_replace(certs: &Path) -> Result<()> {
    for file in [KEY_FILE, CERTIFICATE_FILE] {
        let path = certs.join(file);
        ensure!(
            !path.exists(),
            "{} is already there: --force replaces it",
            path.display()
        );
    }
    Ok(())
}

/// Do key, certificate, CA and name belong together?
fn check_fit(
    staging: &Staging,
    target: &Target,
    answer: &SigningAnswer,
    now: OffsetDateTime,
) -> Result<Vec<String>> {
    let (certificates, findings) = certificates::read(staging.path(), false, now);
    let mut notes = Vec::new();
    for finding in findings {
        ensure!(
            finding.severity != Severity::Unusable,
            "the server's answer cannot be used: {finding}"
        );
        notes.push(format!("note: {finding}"));
    }
    let got = certificates.and_then(|certificates| certificates.common_name);
    if let (Some(wanted), Some(got)) = (&target.name, &got)
        && wanted != got
    {
        // A ground station lets a robot connect only under the name in its certificate;
        // AWS IoT goes by the thing that the certificate is attached to.
        ensure!(
            answer.config.is_none(),
            "the certificate is made out for {got:?}, not for {wanted:?}: use that robot's key, \
             or change the name"
        );
        notes.push(format!("note: the certificate is made out for {got:?}"));
    }
    Ok(notes)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
