//! Viewers that come and go. What they do repeats exactly, so that one minute can be compared
//! with another.

use crate::viewer::{DONE, Errand, Manner, REFUSED};
use anyhow::{Context, bail};
use std::process::Stdio;
use std::time::Duration;
use tests::process::PATIENCE;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// In this order they come.
const MANNERS: [Manner; 5] = [
    Manner::Polite,
    Manner::Killed,
    Manner::Deaf,
    Manner::Babbles,
    Manner::Hasty,
];

/// And stay for so many seconds. With five manners it all begins again after half a minute.
const STAYS_S: [u64; 3] = [3, 6, 10];

/// How it went, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub visits: u32,
    pub refused: u32,
    pub failed: u32,
}

/// How one visit went.
enum Visit {
    Done,
    Refused,
}

/// Those who are there.
pub(crate) struct Crowd {
    station: String,
    key: String,
    tally: Tally,
    visits: JoinSet<anyhow::Result<Visit>>,
}

impl Crowd {
    pub(crate) fn new(station: &str, key: &str) -> Self {
        Self {
            station: station.to_owned(),
            key: key.to_owned(),
            tally: Tally::default(),
            visits: JoinSet::new(),
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// The next one comes.
    pub(crate) fn admit(&mut self) -> anyhow::Result<()> {
        let n = self.tally.visits as usize;
        let errand = Errand {
            station: self.station.clone(),
            key: self.key.clone(),
            name: format!("viewer-{n}"),
            manner: MANNERS[n % MANNERS.len()],
        };
        let stay = Duration::from_secs(STAYS_S[n % STAYS_S.len()]);
        let viewer = Command::new(std::env::current_exe()?)
            .arg("visit")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("a viewer does not start")?;
        self.tally.visits += 1;
        self.visits.spawn(visit(viewer, errand, stay));
        Ok(())
    }

    /// Waits until one visit is over, and counts it; for ever when nobody is there.
    pub(crate) async fn ended(&mut self) {
        let Some(ended) = self.visits.join_next().await else {
            return std::future::pending().await;
        };
        match ended.map_err(Into::into).flatten() {
            Ok(Visit::Done) => {}
            Ok(Visit::Refused) => self.tally.refused += 1,
            Err(error) => {
                eprintln!("a visit failed: {error:#}");
                self.tally.failed += 1;
            }
        }
    }

    /// Nobody comes any more; waits for those who are there.
    pub(crate) async fn leave(mut self) -> Tally {
        while !self.visits.is_empty() {
            self.ended().await;
        }
        self.tally
    }
}

async fn visit(mut viewer: Child, errand: Errand, stay: Duration) -> anyhow::Result<Visit> {
    let Errand { name, manner, .. } = &errand;
    let who = || format!("{name}, {manner:?}");
    let mut input = viewer.stdin.take().context("stdin is piped")?;
    let output = viewer.stdout.take().context("stdout is piped")?;
    let line = serde_json::to_string(&errand)?;
    input.write_all(format!("{line}\n").as_bytes()).await?;
    let mut lines = BufReader::new(output).lines();
    let said = tokio::time::timeout(2 * PATIENCE, lines.next_line()).await;
    let said = said.with_context(who)??.unwrap_or_default();
    if said.starts_with(REFUSED) {
        viewer.wait().await?;
        return Ok(Visit::Refused);
    }
    if said != DONE {
        bail!("{}: {said:?}, {}", who(), viewer.wait().await?);
    }
    if *manner != Manner::Hasty {
        tokio::time::sleep(stay).await;
    }
    match manner {
        Manner::Polite | Manner::Babbles => {
            drop(input);
            let status = tokio::time::timeout(PATIENCE, viewer.wait()).await;
            let status = status.with_context(who)??;
            anyhow::ensure!(status.success(), "{}: {status}", who());
        }
        Manner::Killed | Manner::Deaf | Manner::Hasty => viewer.kill().await?,
    }
    Ok(Visit::Done)
}
