//! A peer that nobody here wrote: a Chromium held by a node script, or GStreamer's webrtcbin held by a
//! Python script. One line to it, and one line back.

use crate::line_process::LineProcess;
use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// How long a call may take: the longest gives orders for ten seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// A frame that was painted.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(from = "(f64, Option<f64>)")]
pub struct Painted {
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

/// A process that is called.
pub struct Peer(LineProcess);

#[derive(Deserialize)]
struct Answer {
    gave: Option<Value>,
    failed: Option<String>,
}

impl Peer {
    /// # Errors
    /// When there is none, or it does not start.
    pub async fn chromium() -> anyhow::Result<Self> {
        Self::chromium_with(&[]).await
    }

    /// With arguments of its own, and further scripts for its page.
    ///
    /// # Errors
    /// When there is none, or it does not start.
    pub async fn chromium_with(arguments: &[&OsStr]) -> anyhow::Result<Self> {
        let mut command = Command::new("node");
        Self::start(command.arg(beside_us("viewer.mjs")).args(arguments)).await
    }

    /// Whoever drives on our own page at `url`, once the picture is there.
    ///
    /// # Errors
    /// When there is no Chromium, or no picture.
    pub async fn operator(url: &str, user: &str, password: &str) -> anyhow::Result<Self> {
        let arguments = [url, user, password];
        Self::start(
            Command::new("node")
                .arg(beside_us("hand.mjs"))
                .args(arguments),
        )
        .await
    }

    /// With Debian's own Python, which has GStreamer's bindings.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn webrtcbin() -> anyhow::Result<Self> {
        Self::start(Command::new("/usr/bin/python3").arg(beside_us("webrtcbin.py"))).await
    }

    async fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut peer = Self(LineProcess::start(command, LIMIT)?);
        peer.answer::<String>("launch").await?;
        Ok(peer)
    }

    /// Calls it and waits for what it gives.
    ///
    /// # Errors
    /// When it says that it failed, says nothing in time, or ends.
    pub async fn call<T: DeserializeOwned>(
        &mut self,
        call: &str,
        argument: Value,
    ) -> anyhow::Result<T> {
        let line = json!({"call": call, "argument": argument}).to_string();
        self.0.send(&line).await?;
        self.answer(call).await
    }

    /// A call that takes nothing.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn ask<T: DeserializeOwned>(&mut self, call: &str) -> anyhow::Result<T> {
        self.call(call, Value::Null).await
    }

    async fn answer<T: DeserializeOwned>(&mut self, call: &str) -> anyhow::Result<T> {
        let line = self.0.receive().await.with_context(|| call.to_owned())?;
        let line = line.with_context(|| format!("the peer ended in {call}"))?;
        let answer: Answer = serde_json::from_str(&line).with_context(|| line.clone())?;
        if let Some(why) = answer.failed {
            bail!("{call}: {why}");
        }
        serde_json::from_value(answer.gave.unwrap_or_default()).with_context(|| call.to_owned())
    }

    /// Ends it and waits for that.
    ///
    /// # Errors
    /// When it ends with a failure.
    pub async fn close(self) -> anyhow::Result<()> {
        let status = self.0.close().await.context("the peer")?;
        ensure!(status.success(), "the peer ended with {status}");
        Ok(())
    }
}

fn beside_us(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("video")
        .join(script)
}
