//! `scripts/soak`: viewers come and go for minutes, many of them rudely, and robot-agent and
//! ground-station must look in the end as they did in the beginning.
//!
//! Every viewer is a process of its own, so that one can be killed as a crash kills it. One
//! more watches all the time, from this process: the others must not disturb its picture.

mod census;
mod crowd;
mod verdict;
mod viewer;

use crate::census::{Census, Sample};
use crate::crowd::{Crowd, Tally};
use crate::verdict::Minute;
use anyhow::Context;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tests::robot::Robot;
use tests::{Pass, Receiver, Station, eventually};
use tokio::time::MissedTickBehavior;

/// Unless told otherwise.
const MINUTES: u32 = 20;

/// Fewer say nothing: the first is the warm-up, and a line needs points.
const MINUTES_LEAST: u32 = 3;

/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long everything has to settle after the last viewer is gone: idle threads of the
/// runtime live for ten seconds, idle connections of HTTP a little longer.
const REST: Duration = Duration::from_secs(20);

/// What the command line asks for.
enum Task {
    Soak(u32),
    /// Be one viewer; the errand comes on stdin.
    Visit,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match task()? {
        Task::Visit => viewer::visit().await.map(|()| ExitCode::SUCCESS),
        Task::Soak(minutes) => soak(minutes).await,
    }
}

fn task() -> anyhow::Result<Task> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => Ok(Task::Soak(MINUTES)),
        [word] if word == "visit" => Ok(Task::Visit),
        [minutes] => match minutes.parse() {
            Ok(minutes) if minutes >= MINUTES_LEAST => Ok(Task::Soak(minutes)),
            _ => anyhow::bail!("usage: soak [MINUTES], at least {MINUTES_LEAST}"),
        },
        _ => anyhow::bail!("usage: soak [MINUTES]"),
    }
}

/// A station and its robot.
struct Scene {
    station: Station,
    robot: Robot,
    key: String,
    pass: Pass,
}

async fn soak(minutes: u32) -> anyhow::Result<ExitCode> {
    let mut scene = Scene::set_up().await?;
    // What is made for the first viewer is kept for the others.
    Receiver::join(&scene.pass, "first").await?.leave().await;
    let before = scene.at_rest().await?;
    let steady = Receiver::join(&scene.pass, "steady").await?;
    let (told, tally) = scene.minutes(minutes, &steady).await?;
    steady.leave().await;
    let after = scene.at_rest().await?;
    Ok(verdict::print(&before, &told, &after, &tally))
}

impl Scene {
    async fn set_up() -> anyhow::Result<Self> {
        let station = Station::start().await;
        let folder = station.new_robot("rover").await;
        folder.configure(&json!({ "video": {
            "source": "test", "width": 640, "height": 480, "fps": 30,
        }}));
        let plan = ["--rate", "1000", "--burst", "1000", "--quota", "1000000"];
        let new_key = ["new-key", "--robot", "rover", "--may", "publish"];
        let key = station.command(&[&new_key[..], &plan].concat()).await;
        let key = key.trim().to_owned();
        let mut robot = Robot::start(folder);
        eventually("the camera runs and the channel is open", async || {
            let log = robot.process().log();
            ["camera: test picture", "signaling is connected"]
                .iter()
                .all(|told| log.contains(told))
                .then_some(())
        })
        .await;
        let pass = Pass::of(&station, "rover", &key).await?;
        Ok(Self {
            station,
            robot,
            key,
            pass,
        })
    }

    /// Waits until nobody is left, and a while longer.
    async fn at_rest(&mut self) -> anyhow::Result<Sample> {
        let mut census = self.census();
        eventually("the last viewer and its relay are gone", async || {
            let sample = census.take().await.ok()?;
            (sample.viewers == 0.0 && sample.relays == 0.0).then_some(())
        })
        .await;
        tokio::time::sleep(REST).await;
        census.take().await
    }

    async fn minutes(
        &mut self,
        minutes: u32,
        steady: &Receiver,
    ) -> anyhow::Result<(Vec<Minute>, Tally)> {
        let mut crowd = Crowd::new(&self.station.ready.http, &self.key);
        let mut census = self.census();
        let mut told = Vec::new();
        verdict::head();
        let begun = now();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        for minute in 1..=minutes {
            let mut samples = Vec::new();
            let visits = crowd.tally().visits;
            while now() < begun + Duration::from_secs(60) * minute {
                tokio::select! {
                    _ = looks.tick() => {
                        samples.push(census.take().await.context("a look at the processes")?);
                        crowd.admit()?;
                    }
                    () = crowd.ended() => {}
                }
            }
            let visits = crowd.tally().visits - visits;
            let minute = Minute::of(minute, &samples, visits, steady.longest_gap());
            minute.print();
            told.push(minute);
        }
        Ok((told, crowd.leave().await))
    }

    fn census(&mut self) -> Census {
        let processes = [self.robot.process().id(), self.station.process().id()];
        Census::new(processes, &self.station.ready.http, &self.key)
    }
}

#[expect(clippy::disallowed_methods, reason = "the soak says how long it lasts")]
fn now() -> Instant {
    Instant::now()
}
