//! systemd's part for one daemon: it starts it again when it has ended, kills it when its watchdog is
//! not fed, and runs what its unit runs after every end.

use crate::unix_ns;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// `RestartSec` of the units.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// `TimeoutStopSec` of the units.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// `TimeoutAbortSec`: what a daemon that fed no watchdog may still do.
const ABORT_WITHIN: Duration = Duration::from_secs(1);

/// `RestartPreventExitStatus`.
const BAD_CONFIG: i32 = 78;

/// Makes a command, as often as one is needed.
pub type Recipe = Arc<dyn Fn() -> Command + Send + Sync>;

/// What a daemon is started by.
#[derive(Clone)]
pub struct Unit {
    /// `ExecStart`; none while it is to be down.
    pub start: Option<Recipe>,
    /// `ExecStopPost`.
    pub after: Option<Recipe>,
    /// `WatchdogSec`.
    pub watchdog: Duration,
}

/// A life of a daemon that is over.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// When it was seen, in nanoseconds of Unix time.
    pub at_ns: u64,
    /// When `after` had run.
    pub stopped_ns: u64,
    /// How.
    pub status: ExitStatus,
}

/// A daemon that is kept running until the value is dropped.
pub struct Supervisor {
    unit: watch::Sender<Unit>,
    pid: Arc<AtomicU32>,
    ended: Arc<Mutex<Vec<Ended>>>,
    _task: JoinSet<()>,
}

impl Supervisor {
    /// Starts it, with its notifications at `socket`, which is not there yet.
    ///
    /// # Panics
    /// When the socket cannot be made.
    pub fn start(unit: Unit, socket: &Path) -> Self {
        let notifications = UnixDatagram::bind(socket).expect("the folder is the test's own");
        let (unit, watched) = watch::channel(unit);
        let (pid, ended) = (Arc::default(), Arc::default());
        let mut task = JoinSet::new();
        let keeper = Keeper {
            unit: watched,
            path: socket.to_owned().into_os_string(),
            notifications,
            pid: Arc::clone(&pid),
            ended: Arc::clone(&ended),
        };
        task.spawn(keeper.run());
        Self {
            unit,
            pid,
            ended,
            _task: task,
        }
    }

    /// Ends what runs, and starts what `change` makes of the unit.
    pub fn relaunch(&self, change: impl FnOnce(&mut Unit)) {
        self.unit.send_modify(change);
    }

    /// What runs now; none between two lives.
    pub fn pid(&self) -> Option<rustix::process::Pid> {
        let pid = i32::try_from(self.pid.load(Ordering::Relaxed)).ok()?;
        rustix::process::Pid::from_raw(pid)
    }

    /// Sends it a signal, if it runs.
    pub fn signal(&self, signal: rustix::process::Signal) {
        if let Some(pid) = self.pid() {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Every life that is over, oldest first.
    pub fn ended(&self) -> Vec<Ended> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.clone()
    }
}

struct Keeper {
    unit: watch::Receiver<Unit>,
    path: std::ffi::OsString,
    notifications: UnixDatagram,
    pid: Arc<AtomicU32>,
    ended: Arc<Mutex<Vec<Ended>>>,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            let unit = self.unit.borrow_and_update().clone();
            let Some(start) = &unit.start else {
                if self.unit.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let status = self.live(start(), unit.watchdog).await;
            let at_ns = unix_ns();
            if let Some(after) = &unit.after {
                let mut after = after();
                let _ = after.stdin(Stdio::null()).kill_on_drop(true).output().await;
            }
            let ended = Ended {
                at_ns,
                stopped_ns: unix_ns(),
                status,
            };
            self.ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(ended);
            let asked = self.unit.has_changed().unwrap_or(true);
            if status.code() == Some(BAD_CONFIG) && !asked {
                let _ = self.unit.changed().await;
                self.unit.mark_changed();
            } else if !asked {
                sleep(RESTART_AFTER).await;
            }
        }
    }

    /// From the start to the end.
    async fn live(&mut self, mut command: Command, watchdog: Duration) -> ExitStatus {
        command
            .env("NOTIFY_SOCKET", &self.path)
            .env("WATCHDOG_USEC", watchdog.as_micros().to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        self.pid
            .store(child.id().unwrap_or_default(), Ordering::Relaxed);
        let status = self.watch(&mut child, watchdog).await;
        self.pid.store(0, Ordering::Relaxed);
        status
    }

    async fn watch(&mut self, child: &mut Child, watchdog: Duration) -> ExitStatus {
        let mut fed = now();
        let mut message = [0; 2048];
        loop {
            tokio::select! {
                status = child.wait() => return status.expect("it is our child"),
                _ = self.notifications.recv(&mut message) => fed = now(),
                () = sleep_until(fed + watchdog) => {
                    return end(child, rustix::process::Signal::ABORT, ABORT_WITHIN).await;
                }
                _ = self.unit.changed() => {
                    self.unit.mark_changed();
                    return end(child, rustix::process::Signal::TERM, STOP_WITHIN).await;
                }
            }
        }
    }
}

async fn end(child: &mut Child, signal: rustix::process::Signal, within: Duration) -> ExitStatus {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, signal);
    }
    if timeout(within, child.wait()).await.is_err() {
        let _ = child.start_kill();
    }
    child.wait().await.expect("it is our child")
}

#[expect(clippy::disallowed_methods, reason = "the watchdog is a clock")]
fn now() -> Instant {
    Instant::now()
}
