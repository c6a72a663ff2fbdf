//! A ground station with its broker, and what a newcomer would ask of it.

use crate::process::{Process, command, command_under, eventually, in_time, output};
use crate::robot::{Folder, Robot, Write};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

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
        Self::start_under(&[], arguments).await
    }

    /// The same, run by another program.
    pub async fn start_under(by: &[&str], arguments: &[&str]) -> Self {
        crate::tls::use_ring();
        let folder = tempfile::tempdir().expect("a folder for the test");
        let state = folder.path().join("state");
        let any = || "127.0.0.1:0".to_owned();
        let addresses = Ready {
            http: any(),
            https: any(),
            mqtt: any(),
        };
        let (process, ready) = launch(by, &state, folder.path(), &addresses, arguments, &[]).await;
        Self {
            state,
            process,
            ready,
            // As curl does: each request on a connection of its own.
            client: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()
                .expect("a client needs nothing of the system"),
            folder,
        }
    }

    /// Ends it as a crash would and starts it again on the same ports.
    pub async fn restart(&mut self) {
        self.restart_with_env(&[]).await;
    }

    /// The same, with more in its environment.
    pub async fn restart_with_env(&mut self, env: &[(&str, String)]) {
        self.process.kill().await;
        let addresses = self.ready.clone();
        let logs = self.folder.path();
        let (process, ready) = launch(&[], &self.state, logs, &addresses, &[], env).await;
        self.process = process;
        self.ready = ready;
    }

    /// The folder that goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its HTTPS under the name in its certificate.
    pub fn secure_host(&self) -> String {
        format!("localhost:{}", port(&self.ready.https))
    }

    /// The port of its broker.
    pub fn mqtt_port(&self) -> u16 {
        port(&self.ready.mqtt)
    }

    /// Runs a command of `ground-station` on this station's state and gives its stdout.
    ///
    /// # Panics
    /// When the command fails.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let (status, stdout, stderr) = run_command(&self.state, arguments).await;
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
        folder.simulate();
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
        let often = ["--rate", "1000", "--burst", "10000", "--quota", "1000000"];
        let command = ["new-key", "--robot", robot, "--may", "publish"];
        let key = self.command(&[command.as_slice(), &often].concat()).await;
        key.trim().to_owned()
    }

    /// The token of a new user, `ann`.
    pub async fn new_token(&self, arguments: &[&str]) -> String {
        let command = [&["new-user", "ann"], arguments].concat();
        let password = self.command(&command).await;
        let login = json!({"user": "ann", "password": password.trim()});
        let (status, answer) = self.ask("POST", "/login", &[], &login.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer["token"].as_str().expect("a token").to_owned()
    }

    /// A request to its plain HTTP.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.ready.http);
        let method = method.parse().expect("a method of HTTP");
        self.client.request(method, url)
    }

    /// Sends a request: status and answer.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, Value) {
        let request = self.request(method, path).body(body.to_owned());
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let (status, _, answer) = json_answer(request).await;
        (status, answer)
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        let answer = self.request("GET", "/metrics").send().await;
        let text = answer.expect("the station answers").text();
        text.await.expect("metrics are text")
    }

    /// Sends `body` to `/robots/{robot}/publish` and gives status and answer.
    pub async fn publish(&self, robot: &str, key: &str, body: &str) -> (u16, Value) {
        let path = format!("/robots/{robot}/publish");
        self.ask("POST", &path, &[("x-api-key", key)], body).await
    }

    /// Publishes until `robot` moves: right after an outage it may not be back yet.
    pub async fn drive_until_it_moves(&self, robot: &Robot, key: &str) {
        let seen = robot.folder.writes().len();
        let name = robot.folder.name();
        eventually("the robot drives", async || {
            let (status, _) = self.publish(&name, key, r#"{"action":"forward"}"#).await;
            let moved = robot.folder.writes().iter().skip(seen).any(Write::moves);
            (status == 200 && moved).then_some(())
        })
        .await;
    }

    /// Waits until `robot` is online, and gives its newest report.
    pub async fn telemetry(&self, robot: &str, key: &str) -> Value {
        eventually("the robot reports", async || {
            let asked = self.request("GET", "/robots").header("x-api-key", key);
            let answer: Value = asked.send().await.ok()?.json().await.ok()?;
            let robots = answer["robots"].as_array()?;
            let found = robots
                .iter()
                .find(|r| r["name"] == robot && r["online"] == true)?;
            Some(found["telemetry"].clone())
        })
        .await
    }
}

/// `ground-station` on that state with these arguments, to its end.
pub async fn run_command(state: &Path, arguments: &[&str]) -> (ExitStatus, String, String) {
    let mut command = command("ground-station");
    command.arg("--state").arg(state).args(arguments);
    output(command).await
}

/// Sends a request: status, AWS' name of the error, and body.
///
/// # Panics
/// When nobody answers, or not in JSON.
pub async fn json_answer(request: reqwest::RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.expect("the station answers");
    let status = response.status().as_u16();
    let kind = response.headers().get("x-amzn-errortype");
    let kind = kind.map_or("", |kind| kind.to_str().expect("its name is ASCII"));
    let kind = kind.to_owned();
    let text = response.text().await.expect("an answer is text");
    let answer = serde_json::from_str(&text);
    let answer = answer.unwrap_or_else(|_| panic!("{status}, not JSON: {text:?}"));
    (status, kind, answer)
}

/// What an answer says is wrong.
pub fn message(answer: &Value) -> &str {
    let message = answer["message"].as_str();
    message.unwrap_or_else(|| panic!("no message in {answer}"))
}

/// The port at the end of an address.
pub(crate) fn port(address: &str) -> u16 {
    let port = address
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    port.expect("an address ends in a port")
}

async fn launch(
    by: &[&str],
    state: &Path,
    logs: &Path,
    addresses: &Ready,
    arguments: &[&str],
    env: &[(&str, String)],
) -> (Process, Ready) {
    let Ready { http, https, mqtt } = addresses;
    let mut command = command_under(by, "ground-station");
    command
        .arg("--state")
        .arg(state)
        .args(["run", "--http", http, "--https", https, "--mqtt", mqtt])
        .args(arguments)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped());
    let mut process = Process::start(command, &logs.join("ground-station.log"));
    let mut lines = BufReader::new(process.stdout()).lines();
    let line = in_time(lines.next_line())
        .await
        .expect("its stdout is text")
        .unwrap_or_else(|| panic!("the station ended:\n{}", process.log()));
    let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
    (process, ready)
}
