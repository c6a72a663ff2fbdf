//! Viewers that come and go. What they do repeats exactly, so that one minute can be compared
//! with another.

use crate::viewer::{Behaviour, JOINED, REFUSED, Task};
use anyhow::{Context, bail, ensure};
use bench::line_process::LineProcess;
use std::time::Duration;
use tests::process::TIMEOUT;
use tokio::process::Command;
use tokio::task::JoinSet;

/// In this order they come.
const BEHAVIOURS: [Behaviour; 5] = [
    Behaviour::Closes,
    Behaviour::IsKilled,
    Behaviour::IgnoresIce,
    Behaviour::SendsGarbage,
    Behaviour::IsKilledAtOnce,
];

/// And stay for so many seconds. With five behaviours it all begins again after half a minute.
const STAYS_S: [u64; 3] = [3, 6, 10];

/// How it went, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub sessions: u32,
    pub refused: u32,
    pub failed: u32,
}

/// How one session went.
enum Outcome {
    Joined,
    Refused,
}

/// Those who are there.
pub(crate) struct Viewers {
    station: String,
    key: String,
    tally: Tally,
    sessions: JoinSet<anyhow::Result<Outcome>>,
}

impl Viewers {
    pub(crate) fn new(station: &str, key: &str) -> Self {
        Self {
            station: station.to_owned(),
            key: key.to_owned(),
            tally: Tally::default(),
            sessions: JoinSet::new(),
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Starts the next one.
    pub(crate) fn start_next(&mut self) -> anyhow::Result<()> {
        let n = self.tally.sessions as usize;
        let task = Task {
            station: self.station.clone(),
            key: self.key.clone(),
            name: format!("viewer-{n}"),
            behaviour: BEHAVIOURS[n % BEHAVIOURS.len()],
        };
        let stay = Duration::from_secs(STAYS_S[n % STAYS_S.len()]);
        let mut command = Command::new(std::env::current_exe()?);
        let process = LineProcess::start(command.arg("viewer"), 2 * TIMEOUT)?;
        self.tally.sessions += 1;
        self.sessions.spawn(session(process, task, stay));
        Ok(())
    }

    /// Waits until one session is over, and counts it; for ever when there is none.
    pub(crate) async fn ended(&mut self) {
        let Some(ended) = self.sessions.join_next().await else {
            return std::future::pending().await;
        };
        match ended.map_err(Into::into).flatten() {
            Ok(Outcome::Joined) => {}
            Ok(Outcome::Refused) => self.tally.refused += 1,
            Err(error) => {
                eprintln!("a session failed: {error:#}");
                self.tally.failed += 1;
            }
        }
    }

    /// Starts no more, and waits for those who are there.
    pub(crate) async fn finish(mut self) -> Tally {
        while !self.sessions.is_empty() {
            self.ended().await;
        }
        self.tally
    }
}

async fn session(mut viewer: LineProcess, task: Task, stay: Duration) -> anyhow::Result<Outcome> {
    let who = || format!("{}, {:?}", task.name, task.behaviour);
    viewer.send(&serde_json::to_string(&task)?).await?;
    let line = viewer.receive().await.with_context(who)?;
    let line = line.unwrap_or_default();
    if line.starts_with(REFUSED) {
        viewer.close().await?;
        return Ok(Outcome::Refused);
    }
    if line != JOINED {
        bail!("{}: {line:?}, {}", who(), viewer.close().await?);
    }
    if task.behaviour != Behaviour::IsKilledAtOnce {
        tokio::time::sleep(stay).await;
    }
    match task.behaviour {
        Behaviour::Closes | Behaviour::SendsGarbage => {
            let status = viewer.close().await.with_context(who)?;
            ensure!(status.success(), "{}: {status}", who());
        }
        Behaviour::IsKilled | Behaviour::IgnoresIce | Behaviour::IsKilledAtOnce => {
            viewer.kill().await?;
        }
    }
    Ok(Outcome::Joined)
}
