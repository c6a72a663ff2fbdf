//! `scripts/bench drive`: robot-agent beside a subscriber built on the AWS sample's client
//! library, on one broker in one run.
//!
//! Both are told the same actions by one publisher at the same moments, in turns first and
//! second.

mod actions;
mod table;

use crate::actions::{at_rest, commands, drive, latencies, throttle};
use crate::table::ROWS;
use bench::figures::{self, Figures, percentile};
use rumqttc::QoS;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::mqtt;
use tests::process::{Process, eventually};
use tests::robot::{Folder, Write};
use tests::tcp_relay::TcpRelay;
use tests::{Robot, Station, unix_ns};
use tokio::process::Command;

/// Messages of the latency runs.
const MESSAGES: u64 = 1000;
/// Their spacing: a key repeats no faster, and neither side queues.
const SPACING: Duration = Duration::from_millis(20);
/// A held key.
const HELD_MESSAGES: u64 = 50;
const HELD_SPACING: Duration = Duration::from_millis(100);
/// Starts that the start figure is the median of.
const STARTS: usize = 9;
/// How long the idle agent is watched.
const IDLE: Duration = Duration::from_secs(20);

/// Where the venv with the sample's library is, and where to put the figures.
struct Arguments {
    python: PathBuf,
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = arguments()?;
    let bench = Bench::set_up(&arguments.python).await;
    let mut figures = Figures::default();
    bench.latency(&mut figures).await;
    bench.own_share(&mut figures).await;
    bench.release(&mut figures).await;
    bench.start(&mut figures).await;
    bench.rest(&mut figures).await;
    figures.print(["outpost", "sample"], &ROWS);
    if let Some(path) = arguments.json {
        figures.write(&path)?;
    }
    Ok(())
}

fn arguments() -> anyhow::Result<Arguments> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let (python, json) = match &arguments[..] {
        [python] => (python, None),
        [python, flag, file] if flag == "--json" => (python, Some(file.into())),
        _ => anyhow::bail!("usage: bench-drive PYTHON [--json FILE]"),
    };
    let python = python.into();
    Ok(Arguments { python, json })
}

struct Bench {
    station: Station,
    rover: Folder,
    sample: Folder,
    operator: PathBuf,
    python: PathBuf,
}

impl Bench {
    async fn set_up(python: &Path) -> Self {
        let station = Station::start().await;
        let rover = station.new_robot("rover").await;
        let sample = station.new_robot("sample").await;
        let operator = station.new_operator("desk").await;
        Self {
            station,
            rover,
            sample,
            operator,
            python: python.to_owned(),
        }
    }

    async fn publisher(&self) -> mqtt::Client {
        mqtt::Client::connect(&self.station, &self.operator).await
    }

    /// robot-agent, obeying.
    async fn agent(&self, publisher: &mqtt::Client) -> Robot {
        let seen = self.rover.writes().len();
        let robot = Robot::start(self.rover.clone());
        self.first_move(publisher, seen).await;
        eventually("its wheels rest", async || at_rest(&self.rover)).await;
        robot
    }

    /// Publishes until robot-agent writes a movement after the first `seen` writes.
    async fn first_move(&self, publisher: &mqtt::Client, seen: usize) -> Write {
        eventually("the agent obeys", async || {
            let action = drive(0.9);
            publisher
                .send("rover/action", QoS::AtMostOnce, &action)
                .await;
            let writes = self.rover.writes();
            writes.into_iter().skip(seen).find(Write::moves)
        })
        .await
    }

    /// The sample's subscriber, obeying.
    async fn peer(&self, pulse_ms: u64) -> Process {
        let seen = self.sample.writes().len();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("drive/sample_subscriber.py");
        let port = self.station.mqtt_port().to_string();
        let mut command = Command::new(&self.python);
        command
            .arg(script)
            .args(["sample", "localhost", &port])
            .arg(self.sample.certs())
            .arg(self.sample.path().join("wheels.jsonl"))
            .arg(pulse_ms.to_string());
        let process = Process::start(command, &self.sample.path().join("sample.log"));
        eventually("the sample's subscriber is there", async || {
            self.sample.writes().get(seen).copied()
        })
        .await;
        process
    }

    /// Publish → wheel command, both at once.
    ///
    /// The peer's pulse is left out here: with it the sample falls behind by 180 ms a
    /// message and the comparison would be one of queues, which `release` shows.
    async fn latency(&self, figures: &mut Figures) {
        let publisher = self.publisher().await;
        let _agent = self.agent(&publisher).await;
        let _peer = self.peer(0).await;
        let sent = self.publish_to_both(&publisher, MESSAGES, SPACING).await;
        let ours = latencies(&sent, &self.rover).await;
        let theirs = latencies(&sent, &self.sample).await;
        for (name, q) in [("p50", 0.50), ("p99", 0.99)] {
            let (ours, theirs) = (percentile(&ours, q), percentile(&theirs, q));
            figures.put(&format!("{name}_us"), ours / 1e3);
            figures.put(&format!("sample_{name}_us"), theirs / 1e3);
            figures.put(&format!("{name}_ratio"), ours / theirs);
        }
    }

    /// Bytes readable on the agent's socket → board write issued, through a relay.
    async fn own_share(&self, figures: &mut Figures) {
        let relay = TcpRelay::to(self.station.ready.mqtt.clone()).await;
        let port = relay.address.port();
        let direct = self.rover.config()["IOT_CORE_ENDPOINT"].clone();
        self.rover
            .configure(&json!({"IOT_CORE_ENDPOINT": format!("localhost:{port}")}));
        let publisher = self.publisher().await;
        let agent = self.agent(&publisher).await;
        let sent = self.publish_to_both(&publisher, MESSAGES, SPACING).await;
        let readable = relay.delivered();
        let mut shares: Vec<f64> = commands(&sent, &self.rover)
            .await
            .into_iter()
            .filter_map(|(_, write)| {
                let before = readable.partition_point(|at| *at <= write.t_ns);
                let at = readable.get(before.checked_sub(1)?)?;
                Some((write.t_ns - at) as f64)
            })
            .collect();
        shares.sort_by(f64::total_cmp);
        figures.put("own_share_p50_us", percentile(&shares, 0.50) / 1e3);
        figures.put("own_share_p99_us", percentile(&shares, 0.99) / 1e3);
        drop(agent);
        self.rover
            .configure(&json!({ "IOT_CORE_ENDPOINT": direct }));
    }

    /// A key held at 10 Hz, then let go: last publish → last wheel movement.
    async fn release(&self, figures: &mut Figures) {
        let publisher = self.publisher().await;
        let _agent = self.agent(&publisher).await;
        let _peer = self.peer(200).await;
        let sent = self
            .publish_to_both(&publisher, HELD_MESSAGES, HELD_SPACING)
            .await;
        let (_, released) = *sent.last().expect("a key was held");
        // The peer works its queue off one pulse after the other.
        eventually("the peer has obeyed everything", async || {
            let moves = self.sample.writes().iter().filter(|w| w.moves()).count() as u64;
            (moves >= MESSAGES + HELD_MESSAGES).then_some(())
        })
        .await;
        for (name, folder) in [("", &self.rover), ("sample_", &self.sample)] {
            let rest = eventually("the wheels rest", async || at_rest(folder)).await;
            figures.put(
                &format!("{name}release_to_rest_ms"),
                rest.t_ns.saturating_sub(released) as f64 / 1e6,
            );
        }
    }

    /// Process start → first wheel command, with a publisher that never stops asking.
    async fn start(&self, figures: &mut Figures) {
        let mut starts = Vec::new();
        let publisher = self.publisher().await;
        for _ in 0..STARTS {
            let seen = self.rover.writes().len();
            let started = unix_ns();
            let _robot = Robot::start(self.rover.clone());
            let first = self.first_move(&publisher, seen).await;
            starts.push((first.t_ns - started) as f64);
        }
        let mut handshakes = Vec::new();
        for _ in 0..STARTS {
            let started = unix_ns();
            self.publisher().await;
            handshakes.push((unix_ns() - started) as f64);
        }
        starts.sort_by(f64::total_cmp);
        handshakes.sort_by(f64::total_cmp);
        let (start, handshake) = (percentile(&starts, 0.5), percentile(&handshakes, 0.5));
        figures.put("start_ms", start / 1e6);
        figures.put("handshake_ms", handshake / 1e6);
        figures.put("start_beyond_handshake_ms", (start - handshake) / 1e6);
    }

    /// Memory and processor time of an agent that nobody drives.
    async fn rest(&self, figures: &mut Figures) {
        let publisher = self.publisher().await;
        let mut robot = self.agent(&publisher).await;
        let id = robot.process().id();
        let before = figures::cpu(id);
        tokio::time::sleep(IDLE).await;
        let used = figures::cpu(id).saturating_sub(before);
        figures.put(
            "idle_cpu_pct",
            100.0 * used.as_secs_f64() / IDLE.as_secs_f64(),
        );
        figures.put("rss_mib", figures::rss_mib(id));
    }

    /// Publishes `count` actions to both robots and gives the throttle and moment of each.
    async fn publish_to_both(
        &self,
        publisher: &mqtt::Client,
        count: u64,
        spacing: Duration,
    ) -> Vec<(f64, u64)> {
        let mut ticks = tokio::time::interval(spacing);
        let mut sent = Vec::new();
        for n in 0..count {
            ticks.tick().await;
            let throttle = throttle(n);
            let mut topics = ["rover/action", "sample/action"];
            if n % 2 == 1 {
                topics.reverse();
            }
            let at = unix_ns();
            for topic in topics {
                publisher
                    .send(topic, QoS::AtMostOnce, &drive(throttle))
                    .await;
            }
            sent.push((throttle, at));
        }
        sent
    }
}
