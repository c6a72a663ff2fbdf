//! Mosquitto as a child process: written for, started, watched, restarted, told of changes.
//!
//! A broker that dies is started again with a growing pause, and one that hangs is killed first; our
//! own client tells of it. One that must forget something
//! (a revoked certificate) is restarted, because a reload throws nobody out; see
//! `docs/decisions`. One that must learn something (an operator, a server certificate) is
//! sent SIGHUP.

use super::address::BrokerAddress;
use super::config::{self, Files, write_lists};
use super::front::Sessions;
use super::log;
use crate::applied_revision;
use crate::ca::Ca;
use crate::clock;
use crate::state_dir::{self, PUBLIC, StateDir};
use crate::store::Directory;
use crate::tcp_port::free_port;
use anyhow::Context;
use daemon::backoff::Backoff;
use rustix::process::{Pid, Signal};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Waits before a broker that died is started again: one killed by mistake is back before a
/// robot has tried twice, one that cannot start is worth a line in the log every so often.
const RESTART: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));

/// A broker that ran so long has started well, and the waits begin anew.
const RAN_WELL: Duration = Duration::from_secs(10);

/// How long a broker may take to end when it is asked to; after that it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// Where the broker listens: those who come from elsewhere come by way of `front`.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The broker as a child process.
pub(crate) struct Mosquitto {
    /// This program itself: it is the wrapper that dies with us, see `tether`.
    own_program: PathBuf,
    program: PathBuf,
    state_dir: StateDir,
    /// Signs the revocation list.
    ca: Arc<Ca>,
    desired: watch::Receiver<DesiredState>,
    /// Changes when the broker answers our own client no more.
    silences: watch::Receiver<u64>,
    /// On this machine only, any port.
    listen: SocketAddr,
    /// Told who is let in.
    sessions: Sessions,
    /// Tells clients on this machine of `listen`.
    address: watch::Sender<BrokerAddress>,
    /// Who is connected, by the names in their certificates.
    clients: watch::Sender<BTreeSet<String>>,
}

/// What a broker must act by.
#[derive(Clone)]
pub(crate) struct DesiredState {
    /// Says who is revoked and who operates.
    pub directory: Arc<Directory>,
    /// Counted up when the server certificate was renewed.
    pub renewals: u64,
}

/// There is no program to start; a restart does not cure it.
#[derive(Debug, thiserror::Error)]
#[error(
    "mosquitto is not installed: `apt install mosquitto` does it, or name a broker that runs elsewhere with --external-broker HOST:PORT"
)]
pub(crate) struct NotInstalled;

/// Why a broker was left.
enum Left {
    /// It ended by itself.
    Died(String),
    /// It is there and answers nobody.
    Hung,
    /// It must forget a certificate.
    Revoked,
    Stopped,
}

/// Finds `mosquitto` on the PATH or where Debian puts it, which is on root's PATH only.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join("mosquitto"))
        .find(|program| program.is_file())
}

impl Mosquitto {
    /// A broker that is yet to start: `program`, or the one that is installed.
    ///
    /// # Errors
    /// [`NotInstalled`], or when there is no port.
    pub(crate) fn new(
        program: Option<PathBuf>,
        sessions: Sessions,
        state_dir: StateDir,
        ca: Arc<Ca>,
        desired: watch::Receiver<DesiredState>,
        silences: watch::Receiver<u64>,
    ) -> anyhow::Result<Self> {
        let program = match program {
            Some(program) => Some(program).filter(|program| program.is_file()),
            None => find(),
        };
        let program = program.ok_or(NotInstalled)?;
        let listen = free_port(ANY_PORT)?;
        Ok(Self {
            own_program: std::env::current_exe().context("cannot find my own program")?,
            program,
            state_dir,
            ca,
            desired,
            silences,
            listen,
            sessions,
            address: watch::Sender::new(listen.into()),
            clients: watch::Sender::default(),
        })
    }

    /// Who is connected to it.
    pub(crate) fn clients(&self) -> watch::Receiver<BTreeSet<String>> {
        self.clients.subscribe()
    }

    /// Where clients on this machine find it; another port when the first was taken.
    pub(crate) fn address(&self) -> watch::Receiver<BrokerAddress> {
        self.address.subscribe()
    }

    /// Keeps a broker running until `shutdown`, and ends it then.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = RESTART;
        loop {
            let started = clock::instant();
            let why = match self.run_once(&shutdown).await {
                Ok(Left::Stopped) => return Ok(()),
                Ok(Left::Revoked) => {
                    info!("broker restarts: a certificate was revoked");
                    continue;
                }
                Ok(Left::Died(why)) => why,
                Ok(Left::Hung) => "it answered nobody, and was killed".to_owned(),
                // A full disk, say: the rest of the station goes on, and this is tried again.
                Err(error) => format!("{error:#}"),
            };
            if clock::instant().duration_since(started) >= RAN_WELL {
                backoff.reset();
            }
            let wait = backoff.next_wait(0.5);
            error!(%why, again_in_ms = wait.as_millis() as u64, "the broker ended; it is started again");
            if why.contains("in use") {
                self.listen = free_port(ANY_PORT)?;
                self.address.send_replace(self.listen.into());
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }

    async fn run_once(&mut self, shutdown: &CancellationToken) -> anyhow::Result<Left> {
        let desired = self.desired.borrow_and_update().clone();
        let configuration = self.write(&desired.directory)?;
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
        info!(pid = child.id(), address = %self.listen, "broker started");
        let mut log =
            BufReader::new(child.stderr.take().context("the broker has no stderr")?).lines();
        self.silences.mark_unchanged();
        self.clients.send_replace(BTreeSet::new());
        let left = self.watch(&mut child, &mut log, desired, shutdown).await?;
        match left {
            Left::Died(_) => {}
            Left::Hung => kill(&mut child).await,
            Left::Revoked | Left::Stopped => stop(&mut child).await,
        }
        Ok(left)
    }

    async fn watch(
        &mut self,
        child: &mut Child,
        log: &mut Lines<BufReader<ChildStderr>>,
        mut applied: DesiredState,
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
                        if log::is_applied(&line) {
                            applied_revision::record(&self.state_dir, applied.directory.revision);
                        }
                        if let Some(port) = log::connected_port(&line) {
                            self.sessions.let_in(port);
                        }
                        if let Some((name, connected)) = log::connection(&line) {
                            self.clients.send_modify(|clients| {
                                if connected {
                                    clients.insert(name.to_owned());
                                } else {
                                    clients.remove(name);
                                }
                            });
                        }
                        log::repeat(&line, &mut last_error);
                    }
                    Ok(None) | Err(_) => log_open = false,
                },
                status = child.wait(), if !log_open => {
                    let status = status.context("cannot wait for the broker")?;
                    return Ok(Left::Died(format!("{status}: {}", log::explain(&last_error))));
                }
                Ok(()) = self.silences.changed() => return Ok(Left::Hung),
                changed = self.desired.changed() => {
                    changed.context("nobody says any more what the broker must act by")?;
                    let now = self.desired.borrow_and_update().clone();
                    if now.directory.revoked != applied.directory.revoked {
                        return Ok(Left::Revoked);
                    }
                    if now.directory.operators != applied.directory.operators
                        || now.renewals != applied.renewals
                    {
                        match self.write(&now.directory) {
                            Ok(_) => signal(child, Signal::HUP),
                            Err(error) => error!("the broker cannot be reconfigured: {error:#}"),
                        }
                    } else {
                        applied_revision::record(&self.state_dir, now.directory.revision);
                    }
                    applied = now;
                }
            }
        }
    }

    /// Writes what has changed of what the broker reads; the path of its configuration.
    fn write(&self, directory: &Directory) -> anyhow::Result<PathBuf> {
        let (access, revoked) = (
            self.state_dir.broker("access.list"),
            self.state_dir.broker("revoked.pem"),
        );
        write_lists(&self.ca, directory, &access, &revoked)?;
        let conf = config::mosquitto_conf(
            self.listen,
            Files {
                ca: &self.state_dir.ca_certificate(),
                certificate: &self.state_dir.server_certificate(),
                key: &self.state_dir.server_key(),
                revoked: &revoked,
                access: &access,
            },
            rustix::process::geteuid().is_root(),
        );
        let path = self.state_dir.broker("mosquitto.conf");
        state_dir::write_changed(&path, conf.as_bytes(), PUBLIC)?;
        Ok(path)
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

async fn stop(child: &mut Child) {
    signal(child, Signal::TERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        warn!("the broker does not end and is killed");
        kill(child).await;
    }
}

async fn kill(child: &mut Child) {
    if let Err(error) = child.kill().await {
        error!(%error, "cannot kill the broker");
    }
}
