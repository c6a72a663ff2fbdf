//! A child process that ends with the value that owns it, and waiting for what it does.

use rustix::process::Pid;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, ChildStdout, Command};

/// How long anything may take that happens at once on an idle machine: test machines are
/// neither idle nor fast, and some emulate a Pi.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How often [`eventually`] looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The program of that name: in the folder that `OUTPOST_BIN` names, or else built beside the
/// running test.
///
/// # Panics
/// When it is not there; `scripts/lib/build-daemons` puts it there.
pub fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("OUTPOST_BIN") {
        return PathBuf::from(folder).join(name);
    }
    let test = std::env::current_exe().expect("a running program has a path");
    let folder = test
        .ancestors()
        .find(|folder| folder.join(name).is_file())
        .unwrap_or_else(|| panic!("{name} is not built: run scripts/lib/build-daemons first"));
    folder.join(name)
}

/// The program of that name, ready for arguments, with nothing in its environment that tells
/// it how to log or of a systemd.
pub fn command(name: &str) -> Command {
    command_under(&[], name)
}

/// The same, run by another program, as `prlimit --nofile=300`.
pub fn command_under(by: &[&str], name: &str) -> Command {
    let mut command = match by {
        [] => Command::new(program(name)),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program(name));
            command
        }
    };
    for variable in [
        "RUST_LOG",
        "RUST_BACKTRACE",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
    ] {
        command.env_remove(variable);
    }
    command
}

/// A running child; killed when dropped. Its log is printed when that happens in a panic.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its stderr in `log`, which grows over restarts.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let stderr = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log);
        command.stderr(stderr.expect("the log is in a folder of the test's own"));
        let mut process = Self::start_unlogged(command);
        log.clone_into(&mut process.log);
        process
    }

    /// Starts `command`, whose stderr goes where the test has said.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start_unlogged(mut command: Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            child,
            log: PathBuf::new(),
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child
            .id()
            .expect("only a process that was not waited for is asked")
    }

    /// Its standard output, once, if it was piped.
    pub fn stdout(&mut self) -> ChildStdout {
        self.child
            .stdout
            .take()
            .expect("stdout was piped and is asked for once")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        rustix::process::kill_process(pid.expect("process ids are positive"), signal)
            .expect("the process is ours and was not waited for");
    }

    /// Kills it as a crash would: no handler runs.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the process is ours");
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        in_time(self.child.wait())
            .await
            .expect("the process is ours")
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until its log has `words`, and gives it all.
    pub async fn logged(&self, words: &str) -> String {
        let log = async || Some(self.log()).filter(|log| log.contains(words));
        eventually(&format!("the log says {words:?}"), log).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.log());
        }
    }
}

/// The processes that process `id` has started and that run still.
pub fn children(id: u32) -> Vec<Pid> {
    // A child is listed by the thread that started it.
    let threads = std::fs::read_dir(format!("/proc/{id}/task"));
    let ids: String = threads
        .into_iter()
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .collect();
    let ids = ids.split_whitespace().filter_map(|id| id.parse().ok());
    ids.filter_map(Pid::from_raw).collect()
}

/// Runs `command` to its end and gives its exit status, stdout and stderr.
///
/// # Panics
/// When it cannot be started or does not end in time.
pub async fn output(mut command: Command) -> (ExitStatus, String, String) {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = in_time(command.output())
        .await
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status, text(&output.stdout), text(&output.stderr))
}

/// Waits for what must happen at once.
///
/// # Panics
/// When it has not happened within [`TIMEOUT`].
pub async fn in_time<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, event)
        .await
        .expect("it happens in time")
}

/// Looks again and again until `look` finds something.
///
/// # Panics
/// With `what` when it has not happened within [`TIMEOUT`].
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let watched = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match tokio::time::timeout(TIMEOUT, watched).await {
        Ok(found) => found,
        Err(_) => panic!("waited {TIMEOUT:?} in vain: {what}"),
    }
}
