//! A ground station with its broker, and what a newcomer would ask of it.

use crate::process::{Process, eventually, output, program};
use crate::robot::{Folder, Robot, Write};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Where a station listens, as it prints it.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Plain HTTP, on loopback.
    pub http: String,
    /// HTTPS with the station's own CA.
    pub https: String,
    /// MQTT over TLS with client certificates.
    pub mqtt: String,
}

/// A running ground station.
pub struct Station {
    state: PathBuf,
    process: Process,
    /// Where it listens.
    pub ready: Ready,
    /// For requests to it.
    pub client: reqwest::Client,
    folder: TempDir,
}

impl Station {
    /// Starts one on ports of its own.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with more arguments to `run`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        crate::use_ring();
        let folder = tempfile::tempdir().expect("a folder for the test");
        let state = folder.path().join("state");
        let (process, ready) = launch(
            &state,
            folder.path(),
            "127.0.0.1:0",
            "127.0.0.1:0",
            "127.0.0.1:0",
            arguments,
        )
        .await;
        Self {
            state,
            process,
            ready,
            client: reqwest::Client::new(),
            folder,
        }
    }

    /// Ends it as a crash would and starts it again on the same ports.
    pub async fn restart(&mut self) {
        self.process.kill().await;
        let Ready { http, https, mqtt } = self.ready.clone();
        let (process, ready) =
            launch(&self.state, self.folder.path(), &http, &https, &mqtt, &[]).await;
        self.process = process;
        self.ready = ready;
    }

    /// Its state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Runs a command of `ground-station` on this station's state and gives its stdout.
    ///
    /// # Panics
    /// When the command fails.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program("ground-station"));
        command.arg("--state").arg(&self.state).args(arguments);
        let (status, stdout, stderr) = output(command).await;
        assert!(status.success(), "{arguments:?}: {stderr}");
        stdout
    }

    /// A robot's folder with certificates and a config for simulated motors.
    pub async fn new_robot(&self, name: &str) -> Folder {
        let path = self.folder.path().join(name);
        let out = path.to_str().expect("a path of the test's own is UTF-8");
        self.command(&["new-robot", name, "--out", out, "--host", "localhost"])
            .await;
        let folder = Folder::new(path);
        folder.configure(&json!({
            "motors": { "driver": "simulated", "transcript": "wheels.jsonl" },
            "video": { "source": "off" },
        }));
        folder
    }

    /// A folder with the three files of a certificate that may drive every robot.
    pub async fn new_operator(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let out = path.to_str().expect("a path of the test's own is UTF-8");
        self.command(&["new-operator", name, "--out", out]).await;
        path
    }

    /// An API key that may publish to `robot`, as often as a test that polls wants to.
    pub async fn new_key(&self, robot: &str) -> String {
        let often = ["--rate", "1000", "--burst", "10000"];
        let command = ["new-key", "--robot", robot, "--may", "publish"];
        let key = self.command(&[command.as_slice(), &often].concat()).await;
        key.trim().to_owned()
    }

    /// Sends `body` to `/robots/{robot}/publish` and gives status and answer.
    pub async fn publish(&self, robot: &str, key: &str, body: &str) -> (u16, Value) {
        let url = format!("http://{}/robots/{robot}/publish", self.ready.http);
        let request = self
            .client
            .post(url)
            .header("x-api-key", key)
            .body(body.to_owned());
        let response = request.send().await.expect("the station answers");
        let status = response.status().as_u16();
        (status, response.json().await.expect("every answer is JSON"))
    }

    /// Publishes until `robot` obeys: right after an outage it may not be back yet.
    pub async fn drives(&self, robot: &Robot, key: &str) {
        let seen = robot.folder.writes().len();
        eventually("the robot drives", async || {
            let (status, _) = self
                .publish(&robot.name(), key, r#"{"action":"forward"}"#)
                .await;
            let moved = robot.folder.writes().iter().skip(seen).any(Write::moves);
            (status == 200 && moved).then_some(())
        })
        .await;
    }

    /// Waits until `robot` is connected and heard of.
    pub async fn sees(&self, robot: &str, key: &str) -> Value {
        eventually("the robot reports", async || {
            let url = format!("http://{}/robots", self.ready.http);
            let answer = self
                .client
                .get(url)
                .header("x-api-key", key)
                .send()
                .await
                .ok()?;
            let answer: Value = answer.json().await.ok()?;
            let robots = answer["robots"].as_array()?;
            let found = robots
                .iter()
                .find(|r| r["name"] == robot && r["online"] == true)?;
            Some(found["telemetry"].clone())
        })
        .await
    }
}

async fn launch(
    state: &Path,
    logs: &Path,
    http: &str,
    https: &str,
    mqtt: &str,
    arguments: &[&str],
) -> (Process, Ready) {
    let mut command = Command::new(program("ground-station"));
    command
        .arg("--state")
        .arg(state)
        .args(["run", "--http", http, "--https", https, "--mqtt", mqtt])
        .args(arguments)
        .stdout(Stdio::piped());
    let mut process = Process::start(command, &logs.join("ground-station.log"));
    let mut lines = BufReader::new(process.stdout()).lines();
    let line = tokio::time::timeout(crate::process::PATIENCE, lines.next_line())
        .await
        .expect("the station is ready in time")
        .expect("its stdout is text")
        .unwrap_or_else(|| panic!("the station ended:\n{}", process.log()));
    let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
    (process, ready)
}
