//! Mosquitto as a child process: written for, started, watched, restarted, told of changes.
//!
//! A broker that dies is started again with a growing pause. One that must forget something
//! (a revoked certificate) is restarted, because a reload throws nobody out; see
//! `docs/decisions`. One that must learn something (an operator, a server certificate) is
//! sent SIGHUP.

use super::Remote;
use super::config::{self, Files};
use crate::applied_revision;
use crate::ca::Ca;
use crate::clock;
use crate::state_dir::{self, PUBLIC, StateDir};
use crate::store::Directory;
use anyhow::Context;
use rustix::process::{Pid, Signal};
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

/// The first pause after a death, so that a broker killed by mistake is back before a robot
/// has tried twice.
const PAUSE_MIN: Duration = Duration::from_millis(250);

/// The longest pause: a broker that cannot start is worth a line in the log every so often.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A broker that ran so long has started well, and the pauses begin anew.
const RAN_WELL: Duration = Duration::from_secs(10);

/// How long a broker may take to end when it is asked to; after that it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// What the broker is made of.
pub struct Mosquitto {
    /// This program itself: it is the wrapper that dies with us, see `tether`.
    pub own_program: PathBuf,
    /// Mosquitto's own, as [`find`] found it.
    pub program: PathBuf,
    /// The state folder.
    pub folder: StateDir,
    /// Signs the revocation list.
    pub ca: Arc<Ca>,
    /// What it must act by.
    pub orders: watch::Receiver<Orders>,
    /// Whether another port will do when this one is taken.
    pub any_port: bool,
    /// Where to listen.
    pub address: watch::Sender<SocketAddr>,
    /// Where clients on this machine find it.
    pub remote: watch::Sender<Remote>,
}

/// What a broker must act by.
#[derive(Clone)]
pub struct Orders {
    /// Says who is revoked and who operates.
    pub directory: Arc<Directory>,
    /// Counted up when the server certificate was renewed.
    pub renewals: u64,
}

/// Why a broker was left.
enum Left {
    /// It ended by itself.
    Died(String),
    /// It must forget a certificate.
    Revoked,
    /// The station stops.
    Stopped,
}

/// Finds `mosquitto` on the PATH or where Debian puts it, which is on root's PATH only.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join("mosquitto"))
        .find(|program| program.is_file())
}

impl Mosquitto {
    /// Keeps a broker running until `shutdown`, and ends it then.
    ///
    /// # Errors
    /// When every port is taken.
    pub async fn keep_running(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut pause = PAUSE_MIN;
        loop {
            let started = clock::instant();
            let why = match self.run_once(&shutdown).await {
                Ok(Left::Stopped) => return Ok(()),
                Ok(Left::Revoked) => {
                    info!("broker restarts: a certificate was revoked");
                    continue;
                }
                Ok(Left::Died(why)) => why,
                // A full disk, say: the rest of the station goes on, and this is tried again.
                Err(error) => format!("{error:#}"),
            };
            if clock::instant().duration_since(started) >= RAN_WELL {
                pause = PAUSE_MIN;
            }
            error!(%why, again_in_ms = pause.as_millis() as u64, "the broker ended; it is started again");
            if self.any_port && why.contains("in use") {
                let another = free_port(SocketAddr::new(self.address.borrow().ip(), 0))?;
                self.address.send_replace(another);
                self.remote.send_replace(another.into());
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn run_once(&mut self, shutdown: &CancellationToken) -> anyhow::Result<Left> {
        let orders = self.orders.borrow_and_update().clone();
        let configuration = self.write(&orders.directory)?;
        let mut child = Command::new(&self.own_program)
            .arg("tether")
            .arg(std::process::id().to_string())
            .arg(&self.program)
            .arg("-c")
            .arg(&configuration)
            // systemd listens to this process only, and logs a complaint for every other.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        info!(pid = child.id(), address = %*self.address.borrow(), "broker started");
        let mut log =
            BufReader::new(child.stderr.take().context("the broker has no stderr")?).lines();
        let left = self.watch(&mut child, &mut log, orders, shutdown).await?;
        if !matches!(left, Left::Died(_)) {
            end(&mut child).await;
        }
        Ok(left)
    }

    async fn watch(
        &mut self,
        child: &mut Child,
        log: &mut Lines<BufReader<ChildStderr>>,
        mut told: Orders,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Left> {
        let mut last_error = String::new();
        let mut log_open = true;
        loop {
            tokio::select! {
                // First, because what the other branches watch ends too when the station stops.
                biased;
                () = shutdown.cancelled() => return Ok(Left::Stopped),
                line = log.next_line(), if log_open => match line {
                    Ok(Some(line)) => {
                        if acts(&line) {
                            applied_revision::record(&self.folder, told.directory.revision);
                        }
                        repeat(&line, &mut last_error);
                    }
                    Ok(None) | Err(_) => log_open = false,
                },
                status = child.wait(), if !log_open => {
                    let status = status.context("cannot wait for the broker")?;
                    return Ok(Left::Died(format!("{status}: {}", explained(&last_error))));
                }
                changed = self.orders.changed() => {
                    changed.context("nobody gives the broker orders any more")?;
                    let now = self.orders.borrow_and_update().clone();
                    if now.directory.revoked != told.directory.revoked {
                        return Ok(Left::Revoked);
                    }
                    if now.directory.operators != told.directory.operators
                        || now.renewals != told.renewals
                    {
                        match self.write(&now.directory) {
                            Ok(_) => signal(child, Signal::HUP),
                            Err(error) => error!("the broker cannot be told: {error:#}"),
                        }
                    } else {
                        applied_revision::record(&self.folder, now.directory.revision);
                    }
                    told = now;
                }
            }
        }
    }

    /// Writes everything that the broker reads; the path of its configuration.
    fn write(&self, directory: &Directory) -> anyhow::Result<PathBuf> {
        let (access, revoked) = (
            self.folder.broker("access.list"),
            self.folder.broker("revoked.pem"),
        );
        write_lists(&self.ca, directory, &access, &revoked)?;
        let conf = config::mosquitto_conf(
            *self.address.borrow(),
            Files {
                ca: &self.folder.ca_certificate(),
                certificate: &self.folder.server_certificate(),
                key: &self.folder.server_key(),
                revoked: &revoked,
                access: &access,
            },
            rustix::process::geteuid().is_root(),
        );
        let path = self.folder.broker("mosquitto.conf");
        state_dir::write(&path, conf.as_bytes(), PUBLIC)?;
        Ok(path)
    }
}

/// Writes the access list and the list of revoked certificates.
///
/// # Errors
/// When a file cannot be written.
pub fn write_lists(
    ca: &Ca,
    directory: &Directory,
    access: &std::path::Path,
    revoked: &std::path::Path,
) -> anyhow::Result<()> {
    let operators: &BTreeSet<String> = &directory.operators;
    // Mosquitto 2.0.18 warns of an access list that others may read.
    state_dir::write(
        access,
        config::access_list(operators).as_bytes(),
        state_dir::SECRET,
    )?;
    let list = ca.revocation_list(&directory.revoked, clock::utc())?;
    state_dir::write(revoked, list.as_bytes(), PUBLIC)?;
    Ok(())
}

/// A port that is free now. Mosquitto cannot choose one itself; when another process takes
/// it first, the broker says so and the next one is tried.
///
/// # Errors
/// When none is free or the address is not this machine's.
pub fn free_port(wanted: SocketAddr) -> anyhow::Result<SocketAddr> {
    TcpListener::bind(wanted)
        .and_then(|listener| listener.local_addr())
        .with_context(|| format!("no free port on {}", wanted.ip()))
}

/// A broker that may not read its configuration does not know why.
fn explained(error: &str) -> String {
    if error.contains("Unable to open config file") {
        format!(
            "{error} Where AppArmor confines Mosquitto, as on Ubuntu from 25.04, /etc/apparmor.d/local/mosquitto must let it read the state folder."
        )
    } else {
        error.to_owned()
    }
}

/// Whether the broker says that it acts by what was written for it: it listens, or it reads
/// everything anew before it looks at another packet.
fn acts(line: &str) -> bool {
    line.ends_with(" running") || line.ends_with("Reloading config.")
}

/// The broker's own words, at the level they deserve; the last error is kept for the log
/// line that tells of its death.
fn repeat(line: &str, last_error: &mut String) {
    // Lines begin with the time, which the log has already.
    let words = line.split_once(": ").map_or(line, |(_, words)| words);
    if words.starts_with("Error") || words.contains("error") {
        // The first line of several is the one that says why.
        if !words.starts_with("Error found at") {
            last_error.clear();
            last_error.push_str(words);
        }
        warn!(broker = words);
    } else if words.starts_with("Warning") || words.contains("already connected") {
        warn!(broker = words);
    } else {
        debug!(broker = words);
    }
}

fn signal(child: &Child, signal: Signal) {
    let Some(pid) = child.id().and_then(|id| Pid::from_raw(id as i32)) else {
        return;
    };
    if let Err(error) = rustix::process::kill_process(pid, signal) {
        warn!(%error, ?signal, "cannot signal the broker");
    }
}

async fn end(child: &mut Child) {
    signal(child, Signal::TERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        warn!("the broker does not end and is killed");
        if let Err(error) = child.kill().await {
            error!(%error, "cannot kill the broker");
        }
    }
}
