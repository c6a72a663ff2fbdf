//! A child process that is spoken to by lines, and ends when its standard input does.

use anyhow::Context;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A running child; killed when dropped.
pub struct LineProcess {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// How long it may take to answer, and to end.
    limit: Duration,
}

impl LineProcess {
    /// Starts `command`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(command: &mut Command, limit: Duration) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{command:?} does not start"))?;
        let input = child.stdin.take().context("stdin is piped")?;
        let output = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output).lines(),
            limit,
        })
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn send(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(self.input.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// The next line of its standard output; none when it has ended.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn receive(&mut self) -> anyhow::Result<Option<String>> {
        let line = tokio::time::timeout(self.limit, self.output.next_line()).await;
        Ok(line.context("no line comes")??)
    }

    /// Ends its standard input, and waits for its own end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn close(mut self) -> anyhow::Result<ExitStatus> {
        drop(self.input);
        let ended = tokio::time::timeout(self.limit, self.child.wait()).await;
        Ok(ended.context("it does not end")??)
    }

    /// Kills it as a crash would.
    ///
    /// # Errors
    /// When that is impossible.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}
