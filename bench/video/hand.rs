//! Hand to eye: from a key that is pressed in a real browser, on our own page, to the first painted frame in
//! which the simulated world has moved. What an operator feels; its parts have figures of their own. Beside it,
//! what a frame of that world costs the processor.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use bench::figures::{Figures, percentile};
use serde_json::json;
use world::{Frame, World};

use crate::{Bench, FPS, Operator, Size};
use bench::peer::Peer;

const PRESSES: usize = 40;

/// Frames whose cost is the mean of.
const FRAMES: u32 = 200;

impl Bench {
    pub(crate) async fn hand(&self, size: &Size, figures: &mut Figures) -> anyhow::Result<()> {
        size.put(figures, "world_frame_ms", frame_cost_ms(size)?);
        let mut robot = self.agent(size, "world").await;
        let Operator { user, password } = &self.operator;
        let mut operator = Peer::operator(&self.station.ready.http, user, password.trim()).await?;
        let mut took: Vec<f64> = operator.call("presses", json!({"count": PRESSES})).await?;
        operator.close().await?;
        robot.process().kill().await;
        took.sort_by(f64::total_cmp);
        for (name, q) in [("hand_to_eye_p50_ms", 0.5), ("hand_to_eye_p95_ms", 0.95)] {
            size.put(figures, name, percentile(&took, q));
        }
        Ok(())
    }
}

/// The mean of a drive in curves, in milliseconds of this thread's processor time.
fn frame_cost_ms(size: &Size) -> anyhow::Result<f64> {
    let (width, height) = (size.width as usize, size.height as usize);
    let mut world = World::new(7);
    let mut planes = [1, 4, 4].map(|part| vec![0; width * height / part]);
    let before = processor_ms()?;
    for _ in 0..FRAMES {
        world.advance([0.9, 0.6], Duration::from_secs(1) / FPS);
        let [luma, u, v] = &mut planes;
        world.draw(&mut Frame {
            width,
            height,
            planes: [(luma, width), (u, width / 2), (v, width / 2)],
        });
    }
    Ok((processor_ms()? - before) / f64::from(FRAMES))
}

/// What this thread has had of a processor, by the kernel's account (proc(5), `schedstat`).
fn processor_ms() -> anyhow::Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next();
    let nanoseconds: Option<f64> = nanoseconds.and_then(|text| text.parse().ok());
    Ok(nanoseconds.context("the kernel counts no processor time")? / 1e6)
}
