//! Which robots act by each change, written down for the command that made it. Beside the rest
//! of the maintenance, since a robot may take two seconds to answer, and the broker need not wait.

use crate::applied_revision::{self, Robots, Unreached};
use crate::clock;
use crate::signaling::{self, Signaling};
use crate::state_dir::StateDir;
use anyhow::Context;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Writes it down until `shutdown`.
pub(crate) async fn run(
    signaling: Arc<Signaling>,
    state_dir: StateDir,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let recording = record_all(&signaling, &state_dir);
    shutdown
        .run_until_cancelled(recording)
        .await
        .unwrap_or(Ok(()))
}

async fn record_all(signaling: &Signaling, state_dir: &StateDir) -> anyhow::Result<()> {
    let mut changes = signaling.directory.clone();
    let mut before = changes.borrow_and_update().clone();
    let mut robots = Robots::default();
    loop {
        robots.revision = before.revision;
        applied_revision::record_robots(state_dir, &robots);
        changes.changed().await.context("the store is gone")?;
        let after = changes.borrow_and_update().clone();
        let unreached = signaling.unreached(&before, &after).await;
        let (now, unix_s) = (clock::instant(), clock::unix_s());
        // A command that has not looked yet still finds what concerns it.
        robots.unreached.retain(|robot| robot.until_s > unix_s);
        for robot in unreached {
            let robot = dated(robot, after.revision, now, unix_s);
            tracing::warn!(
                robot = robot.robot,
                "not reached: its viewers may go on for a while"
            );
            robots.unreached.push(robot);
        }
        before = after;
    }
}

/// By the clock on the wall, rounded up.
fn dated(unreached: signaling::Unreached, revision: u64, now: Instant, unix_s: u64) -> Unreached {
    let left = unreached.until.saturating_duration_since(now);
    Unreached {
        robot: unreached.robot,
        revision,
        until_s: unix_s + left.as_secs() + 1,
    }
}
