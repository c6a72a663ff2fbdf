//! What whoever watches and drives gets on a good path: the first frame, how old frames are
//! when they are painted, and how long an order takes to the wheels.

use crate::frames::Frames;
use ::tests::udp_relay::UdpRelay;
use ::tests::unix_ms;

use crate::{Bench, FPS, Size};
use anyhow::{Context, ensure};
use bench::call::call;
use bench::figures::{Figures, percentile};
use bench::orders::to_the_wheels;
use bench::peer::{Painted, Peer};
use serde_json::Value;
use std::time::Duration;
use tests::robot::Robot;

/// Calls that the first frame is the median of.
const CALLS: usize = 20;

/// How long frames are looked at.
pub(crate) const WATCHED: Duration = Duration::from_secs(12);

impl Bench {
    /// Calls the robot from the page; with `far`, through a path that can be made bad.
    /// Gives how long the first frame took, too.
    pub(crate) async fn call(
        &self,
        browser: &mut Peer,
        far: bool,
    ) -> anyhow::Result<(f64, Option<UdpRelay>)> {
        call(&self.viewer, browser, far).await
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
        let all = to_the_wheels(robot, browser).await?;
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
