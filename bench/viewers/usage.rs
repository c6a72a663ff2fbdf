//! What the two processes use: memory, threads, open files; and how many viewers they count.

use anyhow::Context;
use bench::figures::rss_mib;
use serde_json::Value;
use std::fs;

/// What one process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub rss_mib: f64,
    pub threads: f64,
    pub files: f64,
}

/// What both use at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub robot: Usage,
    pub station: Usage,
    /// As the robot counts them.
    pub viewers: f64,
    /// Allocations of the relay.
    pub relays: f64,
}

/// Samples the same two processes again and again.
pub(crate) struct Sampler {
    processes: [u32; 2],
    client: reqwest::Client,
    station: String,
    key: String,
}

impl Sampler {
    pub(crate) fn new(processes: [u32; 2], station: &str, key: &str) -> Self {
        Self {
            processes,
            // A connection for each sample: none is left over when files are counted.
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
        let usage = (usage(robot)?, usage(station)?);
        let robots: Value = serde_json::from_str(&self.get("robots").await?)?;
        let viewers = &robots["robots"][0]["telemetry"]["video"]["viewers"];
        Ok(Sample {
            robot: usage.0,
            station: usage.1,
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

fn usage(pid: u32) -> anyhow::Result<Usage> {
    let count = |what: &str| -> anyhow::Result<f64> {
        let folder = format!("/proc/{pid}/{what}");
        let entries = fs::read_dir(&folder).with_context(|| format!("{folder}: it has ended"))?;
        Ok(entries.count() as f64)
    };
    Ok(Usage {
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
