//! The program itself: how it starts, what it tells systemd, how it ends.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use robot_agent::link::Endpoint;
use robot_agent::link::certificates::KEY_FILE;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::broker::{Broker, PATIENCE, soon};
use crate::pki::{self, Ca};

/// A robot's folder: configuration, certificates, and the transcript of its board.
pub(crate) struct Home {
    folder: TempDir,
}

/// A running agent; killed with the test.
pub(crate) struct Agent(Child);

impl Home {
    pub(crate) fn new(ca: &Ca, broker: &Endpoint) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("certs")).unwrap();
        pki::fill(&folder.path().join("certs"), &ca.pem, &ca.sign("rover"));
        let home = Self { folder };
        home.configure(&json!({
            "IOT_THINGNAME": "rover",
            "IOT_CORE_ENDPOINT": broker.to_string(),
            "motors": {"driver": "simulated", "transcript": "moves.jsonl"},
            "video": {"source": "off"},
        }));
        home
    }

    pub(crate) fn configure(&self, config: &Value) {
        fs::write(self.config_file(), config.to_string()).unwrap();
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.path().join("config.json")
    }

    pub(crate) fn certs(&self) -> PathBuf {
        self.folder.path().join("certs")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = agent();
        command
            .arg("--config")
            .arg(self.config_file())
            .args(arguments);
        command
    }

    /// Runs it to its end, beside whatever the test does meanwhile.
    pub(crate) async fn output(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        soon(spawn_blocking(move || command.output()))
            .await
            .unwrap()
            .unwrap()
    }

    pub(crate) fn start(&self) -> Agent {
        Agent(
            self.command(&["run"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    /// What the board was told so far, `(left, right)`.
    fn moves(&self) -> Vec<(f64, f64)> {
        let text = fs::read_to_string(self.folder.path().join("moves.jsonl")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .map(|line| {
                (
                    line["left"].as_f64().unwrap(),
                    line["right"].as_f64().unwrap(),
                )
            })
            .collect()
    }

    async fn moved(&self, what: impl Fn(&[(f64, f64)]) -> bool) {
        soon(async {
            while !what(&self.moves()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

fn agent() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_robot-agent"));
    for name in [
        "RUST_LOG",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
        "RUST_BACKTRACE",
    ] {
        command.env_remove(name);
    }
    command
}

impl Agent {
    fn signal(&self, signal: &str) {
        let pid = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Exit code, or the signal as shells count it.
    async fn end(mut self) -> i32 {
        let wait = spawn_blocking(move || self.0.wait());
        let status = soon(wait).await.unwrap().unwrap();
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// For waits that a flow of other events would keep alive for ever.
struct Deadline(Instant);

#[expect(clippy::disallowed_methods, reason = "the test is the clock")]
impl Deadline {
    fn new() -> Self {
        Self(Instant::now() + PATIENCE)
    }

    fn is_over(&self) -> bool {
        Instant::now() > self.0
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn bad_arguments_end_with_64_and_help_and_version_with_0() {
    for (arguments, code) in [
        (&[][..], 64),
        (&["fly"], 64),
        (&["run", "--speed", "9"], 64),
        (&["enroll", "--url", "no url", "--key", "x"], 64),
        (&["--help"], 0),
        (&["--version"], 0),
    ] {
        let output = agent().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
    let version = agent().arg("--version").output().unwrap().stdout;
    assert_eq!(
        text(&version),
        format!("robot-agent {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn a_bad_configuration_ends_with_78_whatever_is_asked() {
    let ca = Ca::new("Test CA");
    let home = Home::new(&ca, &Broker::start(&ca).await.endpoint());
    home.configure(&json!({"IOT_THINGNAME": "a b", "moters": {}}));
    let enroll = ["enroll", "--url", "http://localhost", "--key", "x"];
    // Not `stop`: it needs the board alone, and what else is wrong must not keep wheels turning.
    for arguments in [&["run"][..], &enroll] {
        let output = home.output(arguments).await;
        assert_eq!(output.status.code(), Some(78), "{arguments:?}");
        let log = text(&output.stderr);
        assert!(log.contains("did you mean \"motors\"?"), "{log}");
        assert!(log.contains("IOT_THINGNAME"), "{log}");
    }
    fs::remove_file(home.config_file()).unwrap();
    let output = home.output(&["run"]).await;
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("does not exist"));
}

#[tokio::test]
async fn certificates_that_cannot_be_used_end_with_78() {
    let ca = Ca::new("Test CA");
    let home = Home::new(&ca, &Broker::start(&ca).await.endpoint());
    fs::write(home.certs().join(KEY_FILE), ca.sign("rover").key).unwrap();
    let output = home.output(&["run"]).await;
    assert_eq!(output.status.code(), Some(78));
    let log = text(&output.stderr);
    assert!(
        log.contains("private.pem.key does not match certificate.pem"),
        "{log}"
    );
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

#[tokio::test]
async fn a_pulse_moves_the_wheels_and_ends_and_sigterm_ends_all() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let home = Home::new(&ca, &broker.endpoint());
    for signal in ["-TERM", "-INT", "-HUP"] {
        let before = home.moves().len();
        let agent = home.start();
        let mut client = broker.online().await;
        client.publish(r#"{"action":"forward"}"#).await;
        home.moved(|moves| moves[before..].contains(&(0.5, 0.5)))
            .await;
        home.moved(|moves| moves.last() == Some(&(0.0, 0.0))).await;
        client
            .publish(r#"{"action":"left","duration_ms":2000}"#)
            .await;
        home.moved(|moves| moves.last() == Some(&(-0.5, 0.5))).await;
        agent.signal(signal);
        assert_eq!(agent.end().await, 0);
        assert_eq!(home.moves().last(), Some(&(0.0, 0.0)));
    }
}

#[tokio::test]
async fn after_a_kill_a_stop_from_a_cold_process_leaves_the_board_off() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let home = Home::new(&ca, &broker.endpoint());
    let agent = home.start();
    let mut client = broker.online().await;
    client
        .publish(r#"{"action":"forward","duration_ms":2000}"#)
        .await;
    home.moved(|moves| moves.last() == Some(&(0.5, 0.5))).await;
    agent.signal("-KILL");
    assert_eq!(agent.end().await, 128 + 9);
    assert_eq!(home.moves().last(), Some(&(0.5, 0.5)));
    assert_eq!(home.output(&["stop"]).await.status.code(), Some(0));
    assert_eq!(home.moves().last(), Some(&(0.0, 0.0)));
}

#[tokio::test]
async fn one_identity_runs_once_on_a_computer() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let home = Home::new(&ca, &broker.endpoint());
    let _agent = home.start();
    broker.online().await;
    let output = home.output(&["run"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("another robot-agent runs"));
}

#[tokio::test]
async fn systemd_hears_ready_without_a_broker_then_the_watchdog_then_the_end() {
    let ca = Ca::new("Test CA");
    let nobody = Broker::start(&ca).await.endpoint();
    let home = Home::new(&ca, &nobody);
    let path = home.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let child = home
        .command(&["run"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "600000")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let agent = Agent(child);
    let mut heard = Vec::new();
    let mut hear = |wanted: &str, times: usize| {
        let deadline = Deadline::new();
        let count = |heard: &[String]| heard.iter().filter(|m| m.contains(wanted)).count();
        while count(&heard) < times {
            assert!(!deadline.is_over(), "{wanted}: {heard:?}");
            let mut buffer = [0; 2048];
            let n = socket
                .recv(&mut buffer)
                .unwrap_or_else(|error| panic!("{error}: {heard:?}"));
            heard.push(text(&buffer[..n]));
        }
        heard.clone()
    };
    assert!(!hear("READY=1", 1).concat().contains("WATCHDOG=1"));
    hear("STATUS=offline: nothing listens there", 1);
    hear("WATCHDOG=1", 3);
    agent.signal("-TERM");
    hear("STOPPING=1", 1);
    assert_eq!(agent.end().await, 0);
}
