//! A robot with simulated motors, and what its wheels did.

use crate::process::{Process, command, eventually, output};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// One write to the simulated board.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct Write {
    /// When, in nanoseconds of Unix time.
    pub t_ns: u64,
    /// The left wheel's throttle.
    pub left: f64,
    /// The right wheel's throttle.
    pub right: f64,
    /// Whether this was a stop.
    #[serde(default)]
    pub stop: bool,
}

impl Write {
    /// Whether the wheels turn after it.
    pub fn moves(&self) -> bool {
        self.left != 0.0 || self.right != 0.0
    }
}

/// A folder with a config and certificates: all a robot has.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, which exists.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its certificates are.
    pub fn certs(&self) -> PathBuf {
        self.path.join("certs")
    }

    /// Its configuration's file.
    pub fn config_file(&self) -> PathBuf {
        self.path.join("config.json")
    }

    /// The name in its configuration.
    pub fn name(&self) -> String {
        let name = &self.config()["IOT_THINGNAME"];
        name.as_str().expect("a robot has a name").to_owned()
    }

    /// Gives it simulated motors that write a transcript, and no camera.
    pub fn simulate(&self) {
        self.configure(&json!({
            "motors": { "driver": "simulated", "transcript": "wheels.jsonl" },
            // So that a transcript has what was asked for, also on a machine that is busy.
            "drive": { "ramp_ms": 0, "turn_only_from_ms": 0 },
            "video": { "source": "off" },
        }));
    }

    /// Replaces its configuration.
    pub fn write_config(&self, config: &Value) {
        std::fs::write(self.config_file(), config.to_string())
            .expect("the folder is the test's own");
    }

    /// Sets keys of its configuration; a null takes a key out.
    pub fn configure(&self, changes: &Value) {
        let mut config = self.config();
        let fields = config.as_object_mut().expect("the config is an object");
        for (key, value) in changes.as_object().expect("changes are an object") {
            if value.is_null() {
                fields.remove(key);
            } else {
                fields.insert(key.clone(), value.clone());
            }
        }
        self.write_config(&config);
    }

    /// Its configuration.
    pub fn config(&self) -> Value {
        let text = std::fs::read_to_string(self.config_file());
        serde_json::from_str(&text.expect("the robot has a config")).expect("the config is JSON")
    }

    /// `robot-agent --config` on this folder, ready for arguments.
    pub fn agent(&self) -> Command {
        let mut command = command("robot-agent");
        command.arg("--config").arg(self.config_file());
        command
    }

    /// Runs `robot-agent` with `arguments` to its end.
    pub async fn run_agent(&self, arguments: &[&str]) -> (ExitStatus, String, String) {
        let mut command = self.agent();
        command.args(arguments);
        output(command).await
    }

    /// Everything ever written to the simulated board, oldest first.
    pub fn writes(&self) -> Vec<Write> {
        let text = std::fs::read_to_string(self.path.join("wheels.jsonl")).unwrap_or_default();
        // The last line may be half written.
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The last write, if there was one.
    pub fn last_write(&self) -> Option<Write> {
        self.writes().pop()
    }
}

/// A running robot.
pub struct Robot {
    /// Its config, certificates and transcript.
    pub folder: Folder,
    process: Process,
}

impl Robot {
    /// Starts the robot of that folder.
    pub fn start(folder: Folder) -> Self {
        Self::start_with_env(folder, &[])
    }

    /// Starts the robot of that folder with more in its environment.
    pub fn start_with_env(folder: Folder, env: &[(&str, String)]) -> Self {
        let mut command = folder.agent();
        command
            .arg("run")
            .envs(env.iter().map(|(name, value)| (name, value)));
        let process = Process::start(command, &folder.path.join("robot-agent.log"));
        Self { folder, process }
    }

    /// Starts the robot of that folder with a log at `debug` that goes to `stderr`.
    pub fn start_logging_to(folder: Folder, stderr: Stdio) -> Self {
        let mut command = folder.agent();
        command.arg("run").env("RUST_LOG", "debug").stderr(stderr);
        let process = Process::start_unlogged(command);
        Self { folder, process }
    }

    /// Starts the robot of that folder, and waits until its camera and its signaling
    /// channel are there.
    pub async fn start_video(folder: Folder) -> Self {
        let path = folder.path.join("robot-agent.log");
        // The log grows over restarts.
        let told = || {
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            ["INFO camera: ", "signaling is connected"].map(|what| log.matches(what).count())
        };
        let before = told();
        let robot = Self::start(folder);
        eventually("the camera runs and the channel is open", async || {
            let now = told();
            (now[0] > before[0] && now[1] > before[1]).then_some(())
        })
        .await;
        robot
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Waits for a write after the first `seen` that `fits`, and gives it.
    pub async fn wheels(&self, seen: usize, what: &str, fits: impl Fn(&Write) -> bool) -> Write {
        eventually(what, async || {
            self.folder
                .writes()
                .into_iter()
                .skip(seen)
                .find(|write| fits(write))
        })
        .await
    }

    /// Waits until the wheels turn and come to rest again after the first `seen` writes, and
    /// gives how long they turned.
    pub async fn pulse(&self, seen: usize) -> Duration {
        let started = self.wheels(seen, "the wheels turn", Write::moves).await;
        let at_rest = |write: &Write| write.t_ns > started.t_ns && !write.moves();
        let stopped = self.wheels(seen, "the wheels come to rest", at_rest).await;
        Duration::from_nanos(stopped.t_ns - started.t_ns)
    }
}
