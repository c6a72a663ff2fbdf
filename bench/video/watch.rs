//! What whoever watches and drives gets on a good path: the first frame, how old frames are
//! when they are painted, and how long an order takes to the wheels.

use crate::frames::Frames;
use crate::peer::{Painted, Peer};
use ::tests::udp_relay::UdpRelay;
use ::tests::unix_ms;

use crate::{Bench, FPS, Size};
use anyhow::{Context, ensure};
use bench::figures::{Figures, percentile};
use serde_json::{Value, json};
use std::time::Duration;
use tests::robot::{Robot, Write};
use tests::sdp;

/// Calls that the first frame is the median of.
const CALLS: usize = 20;

/// How long frames are looked at.
pub(crate) const WATCHED: Duration = Duration::from_secs(12);

/// Orders, and their spacing: no key repeats faster.
const ORDERS: usize = 500;
const SPACING_MS: u64 = 20;

/// How far the page's clock may be from the robot's, in milliseconds: it is read in steps.
const CLOCKS_APART_MS: f64 = 1.0;

impl Bench {
    /// Calls the robot from the page; with `far`, through a path that can be made bad.
    /// Gives how long the first frame took, too.
    pub(crate) async fn call(
        &self,
        browser: &mut Peer,
        far: bool,
    ) -> anyhow::Result<(f64, Option<UdpRelay>)> {
        let mut socket = self.viewer.connect(Some("page")).await?;
        let offer = browser.ask("offer").await?;
        let mut answer = socket.negotiate(offer).await?;
        let mut path = None;
        if far {
            let robot = sdp::host(&answer).context("the robot tells an address")?;
            let relay = UdpRelay::to(robot).await?;
            answer = sdp::through(&answer, relay.port).context("the robot tells an address")?;
            path = Some(relay);
        }
        browser.call::<Value>("answer", answer.into()).await?;
        Ok((browser.ask("firstFrame").await?, path))
    }

    pub(crate) async fn first_frame(
        &self,
        size: &Size,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let mut firsts = Vec::new();
        for _ in 0..CALLS {
            firsts.push(self.call(browser, false).await?.0);
            browser.ask::<Value>("close").await?;
            self.alone().await;
        }
        firsts.sort_by(f64::total_cmp);
        size.put(figures, "first_frame_ms", percentile(&firsts, 0.5));
        size.put(figures, "first_frame_worst_ms", percentile(&firsts, 1.0));
        Ok(())
    }

    pub(crate) async fn glass(
        &self,
        size: &Size,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let painted = watch(browser, WATCHED).await?;
        let frames = Frames::between(&painted, 0.0, f64::INFINITY);
        let seconds = WATCHED.as_secs_f64();
        ensure!(
            frames.torn() * 100 <= frames.len(),
            "{} of {} clocks are torn",
            frames.torn(),
            frames.len()
        );
        size.put(figures, "painted_fps", frames.len() as f64 / seconds);
        for (name, q) in [("glass_p50_ms", 0.5), ("glass_p95_ms", 0.95)] {
            let age = frames.age_ms(q).context("nothing is painted")?;
            size.put(figures, name, age);
            // The same under a name that says the size.
            figures.put(
                &name.replace("glass_", &format!("glass_{}p{FPS}_", size.height)),
                age,
            );
        }
        Ok(())
    }

    /// Orders by data channel while the picture runs.
    pub(crate) async fn wheels(
        &self,
        size: &Size,
        robot: &Robot,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        browser.ask::<Value>("drives").await?;
        let seen = robot.folder.writes().len();
        let orders = json!({"count": ORDERS, "spacingMs": SPACING_MS});
        let given: Vec<(f64, f64)> = browser.call("give", orders).await?;
        robot
            .wheels(seen, "the last order is obeyed", |write| {
                given.last().is_some_and(|(last, _)| write.left == *last)
            })
            .await;
        let writes: Vec<Write> = robot.folder.writes().split_off(seen);
        let took = |(throttle, at): &(f64, f64)| {
            let write = writes.iter().find(|write| write.left == *throttle)?;
            Some(write.t_ns as f64 / 1e6 - at)
        };
        let mut all: Vec<f64> = given.iter().filter_map(took).collect();
        ensure!(
            all.len() * 20 >= given.len() * 19,
            "only {} of {ORDERS} orders moved the wheels",
            all.len()
        );
        all.sort_by(f64::total_cmp);
        ensure!(
            all[0] > -CLOCKS_APART_MS,
            "the page's clock is {} ms from the robot's",
            all[0]
        );
        size.put(figures, "wheels_p50_ms", percentile(&all, 0.5));
        size.put(figures, "wheels_p99_ms", percentile(&all, 0.99));
        Ok(())
    }
}

/// Everything painted in the next while.
pub(crate) async fn watch(browser: &mut Peer, time: Duration) -> anyhow::Result<Vec<Painted>> {
    let from = unix_ms();
    browser.ask::<Value>("painted").await?;
    tokio::time::sleep(time).await;
    let mut painted: Vec<Painted> = browser.ask("painted").await?;
    painted.retain(|frame| frame.at_ms >= from);
    Ok(painted)
}
