//! How long an order of a page takes over the data channel to the wheels.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::robot::{Robot, Write};

use crate::peer::Peer;

/// Orders, and their spacing: no key repeats faster.
const ORDERS: usize = 500;
const SPACING_MS: u64 = 20;

/// How far the page's clock may be from the robot's, in milliseconds: it is read in steps.
const CLOCKS_APART_MS: f64 = 1.0;

/// Milliseconds of each order, sorted. The page is connected.
///
/// # Errors
/// When orders are lost, or the clocks disagree.
pub async fn to_the_wheels(robot: &Robot, browser: &mut Peer) -> anyhow::Result<Vec<f64>> {
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
    Ok(all)
}
