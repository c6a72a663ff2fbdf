//! The viewer in a real Chromium: a node script beside us, one line to it and one line back.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a call may take: the longest gives orders for ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A frame that was painted.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(from = "(f64, Option<f64>)")]
pub(crate) struct Painted {
    /// When, in milliseconds of Unix time.
    pub at_ms: f64,
    /// How long after the clock was burned into it, unless the clock is torn.
    pub age_ms: Option<f64>,
}

impl From<(f64, Option<f64>)> for Painted {
    fn from((at_ms, age_ms): (f64, Option<f64>)) -> Self {
        Self { at_ms, age_ms }
    }
}

pub(crate) struct Browser {
    process: Child,
    calls: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
struct Answer {
    gave: Option<Value>,
    failed: Option<String>,
}

impl Browser {
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("video/viewer.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node does not start")?;
        let calls = process.stdin.take().context("stdin is piped")?;
        let answers = process.stdout.take().context("stdout is piped")?;
        let mut browser = Self {
            process,
            calls,
            answers: BufReader::new(answers).lines(),
        };
        browser.hear::<String>("launch").await?;
        Ok(browser)
    }

    pub(crate) async fn call<T: DeserializeOwned>(
        &mut self,
        call: &str,
        argument: Value,
    ) -> anyhow::Result<T> {
        let line = format!("{}\n", json!({"call": call, "argument": argument}));
        self.calls.write_all(line.as_bytes()).await?;
        self.hear(call).await
    }

    /// A call that takes nothing.
    pub(crate) async fn ask<T: DeserializeOwned>(&mut self, call: &str) -> anyhow::Result<T> {
        self.call(call, Value::Null).await
    }

    async fn hear<T: DeserializeOwned>(&mut self, call: &str) -> anyhow::Result<T> {
        let line = tokio::time::timeout(PATIENCE, self.answers.next_line())
            .await
            .with_context(|| format!("the page does not come back from {call}"))??;
        let line = line.with_context(|| format!("the browser ended in {call}"))?;
        let answer: Answer = serde_json::from_str(&line).with_context(|| line.clone())?;
        if let Some(why) = answer.failed {
            bail!("{call}: {why}");
        }
        serde_json::from_value(answer.gave.unwrap_or_default()).with_context(|| call.to_owned())
    }

    /// Closes the browser and waits for it.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        drop(self.calls);
        let ended = tokio::time::timeout(PATIENCE, self.process.wait());
        let status = ended.await.context("the browser does not close")??;
        ensure!(status.success(), "the browser ended with {status}");
        Ok(())
    }
}
