//! The viewer in a real Chromium: a node script beside us, one line to it and one line back.

use anyhow::{Context, bail, ensure};
use bench::line_process::LineProcess;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// How long a call may take: the longest gives orders for ten seconds.
const LIMIT: Duration = Duration::from_secs(60);

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

pub(crate) struct Browser(LineProcess);

#[derive(Deserialize)]
struct Answer {
    gave: Option<Value>,
    failed: Option<String>,
}

impl Browser {
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("video/viewer.mjs");
        let process = LineProcess::start(Command::new("node").arg(script), LIMIT)?;
        let mut browser = Self(process);
        browser.answer::<String>("launch").await?;
        Ok(browser)
    }

    pub(crate) async fn call<T: DeserializeOwned>(
        &mut self,
        call: &str,
        argument: Value,
    ) -> anyhow::Result<T> {
        let line = json!({"call": call, "argument": argument}).to_string();
        self.0.send(&line).await?;
        self.answer(call).await
    }

    /// A call that takes nothing.
    pub(crate) async fn ask<T: DeserializeOwned>(&mut self, call: &str) -> anyhow::Result<T> {
        self.call(call, Value::Null).await
    }

    async fn answer<T: DeserializeOwned>(&mut self, call: &str) -> anyhow::Result<T> {
        let line = self.0.receive().await.with_context(|| call.to_owned())?;
        let line = line.with_context(|| format!("the browser ended in {call}"))?;
        let answer: Answer = serde_json::from_str(&line).with_context(|| line.clone())?;
        if let Some(why) = answer.failed {
            bail!("{call}: {why}");
        }
        serde_json::from_value(answer.gave.unwrap_or_default()).with_context(|| call.to_owned())
    }

    /// Closes the browser and waits for it.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let status = self.0.close().await.context("the browser")?;
        ensure!(status.success(), "the browser ended with {status}");
        Ok(())
    }
}
