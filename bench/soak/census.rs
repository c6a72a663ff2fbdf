//! What the two processes hold: memory, threads, open files; and who watches, by their word.

use anyhow::Context;
use serde_json::Value;
use std::fs;
use bench::figures::rss_mib;

/// What one process holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Holds {
    pub rss_mib: f64,
    pub threads: f64,
    pub files: f64,
}

/// One look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub robot: Holds,
    pub station: Holds,
    /// Those whom the robot counts.
    pub viewers: f64,
    /// Allocations of the relay.
    pub relays: f64,
}

/// Looks at the same two processes again and again.
pub(crate) struct Census {
    processes: [u32; 2],
    client: reqwest::Client,
    station: String,
    key: String,
}

impl Census {
    pub(crate) fn new(processes: [u32; 2], station: &str, key: &str) -> Self {
        Self {
            processes,
            // A connection for each look: none is left over when files are counted.
            client: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()
                .expect("plain HTTP needs nothing"),
            station: station.to_owned(),
            key: key.to_owned(),
        }
    }

    pub(crate) async fn take(&mut self) -> anyhow::Result<Sample> {
        let [robot, station] = self.processes;
        let holds = (holds(robot)?, holds(station)?);
        let robots: Value = serde_json::from_str(&self.get("robots").await?)?;
        let viewers = &robots["robots"][0]["telemetry"]["video"]["viewers"];
        Ok(Sample {
            robot: holds.0,
            station: holds.1,
            viewers: viewers.as_f64().context("the robot counts viewers")?,
            relays: metric(&self.get("metrics").await?, "outpost_turn_allocations")?,
        })
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        let url = format!("http://{}/{path}", self.station);
        let request = self.client.get(url).header("x-api-key", &self.key);
        Ok(request.send().await?.error_for_status()?.text().await?)
    }
}

fn holds(pid: u32) -> anyhow::Result<Holds> {
    let count = |what: &str| -> anyhow::Result<f64> {
        let folder = format!("/proc/{pid}/{what}");
        let entries = fs::read_dir(&folder).with_context(|| format!("{folder}: it has ended"))?;
        Ok(entries.count() as f64)
    };
    Ok(Holds {
        threads: count("task")?,
        files: count("fd")?,
        rss_mib: rss_mib(pid),
    })
}

/// A figure without labels in Prometheus' text.
fn metric(text: &str, name: &str) -> anyhow::Result<f64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.with_context(|| format!("/metrics tells {name}"))?;
    Ok(value.trim().parse()?)
}
