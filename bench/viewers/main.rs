//! `scripts/soak --viewers`: viewers come and go for minutes, many of them rudely, and robot-agent and
//! ground-station must look in the end as they did in the beginning.
//!
//! Every viewer is a process of its own, so that one can be killed as a crash kills it. One
//! more watches all the time, from this process: the others must not disturb its picture.

mod usage;
mod verdict;
mod viewer;
mod viewers;

use crate::usage::{Sample, Sampler};
use crate::verdict::Minute;
use crate::viewers::{Tally, Viewers};
use anyhow::Context;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tests::kvs::{Access, Client};
use tests::{Robot, Station, Viewer, eventually};
use tokio::time::MissedTickBehavior;

/// Unless told otherwise.
const MINUTES: u32 = 20;

/// Fewer say nothing: the first is the warm-up, and a line needs points.
const MINUTES_LEAST: u32 = 3;

/// How often the processes are sampled, and a viewer comes.
const SAMPLE_EVERY: Duration = Duration::from_secs(2);

/// How long everything has to settle after the last viewer is gone: idle threads of the
/// runtime live for ten seconds, idle connections of HTTP a little longer.
const REST: Duration = Duration::from_secs(20);

/// What the command line asks for.
enum Task {
    Soak(u32),
    /// Be one viewer; what it is to do comes on stdin.
    Viewer,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match task()? {
        Task::Viewer => viewer::run().await.map(|()| ExitCode::SUCCESS),
        Task::Soak(minutes) => soak(minutes).await,
    }
}

fn task() -> anyhow::Result<Task> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => Ok(Task::Soak(MINUTES)),
        [word] if word == "viewer" => Ok(Task::Viewer),
        [minutes] => match minutes.parse() {
            Ok(minutes) if minutes >= MINUTES_LEAST => Ok(Task::Soak(minutes)),
            _ => anyhow::bail!("usage: scripts/soak --viewers [MINUTES], at least {MINUTES_LEAST}"),
        },
        _ => anyhow::bail!("usage: scripts/soak --viewers [MINUTES]"),
    }
}

/// A station and its robot.
struct Scene {
    station: Station,
    robot: Robot,
    key: String,
    client: Client,
}

async fn soak(minutes: u32) -> anyhow::Result<ExitCode> {
    let mut scene = Scene::set_up().await;
    // What is made for the first viewer is kept for the others.
    Viewer::join(&scene.client, "first").await?.leave().await;
    let before = scene.at_rest().await?;
    let steady = Viewer::join(&scene.client, "steady").await?;
    let (minutes, tally) = scene.minutes(minutes, &steady).await?;
    steady.leave().await;
    let after = scene.at_rest().await?;
    Ok(verdict::print(&before, &minutes, &after, &tally))
}

impl Scene {
    async fn set_up() -> Self {
        let station = Station::start().await;
        let folder = station.new_robot("rover").await;
        folder.configure(&json!({ "video": {
            "source": "test", "width": 640, "height": 480, "fps": 30,
        }}));
        let key = station.new_key("rover").await;
        let robot = Robot::start_video(folder).await;
        let client = Client::viewer(&station.ready.http, "rover", Access::Key(&key)).await;
        Self {
            station,
            robot,
            key,
            client,
        }
    }

    /// Waits until nobody is left, and a while longer.
    async fn at_rest(&mut self) -> anyhow::Result<Sample> {
        let mut sampler = self.sampler();
        eventually("the last viewer and its relay are gone", async || {
            let sample = sampler.take().await.ok()?;
            (sample.viewers == 0.0 && sample.relays == 0.0).then_some(())
        })
        .await;
        tokio::time::sleep(REST).await;
        sampler.take().await
    }

    async fn minutes(
        &mut self,
        minutes: u32,
        steady: &Viewer,
    ) -> anyhow::Result<(Vec<Minute>, Tally)> {
        let mut viewers = Viewers::new(&self.station.ready.http, &self.key);
        let mut sampler = self.sampler();
        let mut all = Vec::new();
        verdict::head();
        let begun = now();
        let mut ticks = tokio::time::interval(SAMPLE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        for minute in 1..=minutes {
            let mut samples = Vec::new();
            let sessions = viewers.tally().sessions;
            while now() < begun + Duration::from_secs(60) * minute {
                tokio::select! {
                    _ = ticks.tick() => {
                        samples.push(sampler.take().await.context("the processes are sampled")?);
                        viewers.start_next()?;
                    }
                    () = viewers.ended() => {}
                }
            }
            let sessions = viewers.tally().sessions - sessions;
            let minute = Minute::of(minute, &samples, sessions, steady.longest_gap());
            minute.print();
            all.push(minute);
        }
        Ok((all, viewers.finish().await))
    }

    fn sampler(&mut self) -> Sampler {
        let processes = [self.robot.process().id(), self.station.process().id()];
        Sampler::new(processes, &self.station.ready.http, &self.key)
    }
}

#[expect(clippy::disallowed_methods, reason = "the soak says how long it lasts")]
fn now() -> Instant {
    Instant::now()
}
