//! What viewers cost who listen: processor and memory of robot-agent with 0, 1, 5 and 10 of them.

use std::time::Duration;

use bench::figures::{self, Figures};
use tests::Viewer;
use tests::robot::Robot;

use crate::Bench;

/// Viewers at each look. Ten is the most an agent takes unless told otherwise.
const VIEWERS: [usize; 4] = [0, 1, 5, 10];

/// How long the encoders and the connections have to settle.
const SETTLE: Duration = Duration::from_secs(3);

/// How long each is watched.
const WATCHED: Duration = Duration::from_secs(10);

impl Bench {
    pub(crate) async fn load(
        &self,
        robot: &mut Robot,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let id = robot.process().id();
        let mut joined: Vec<Viewer> = Vec::new();
        let mut used = Vec::new();
        for viewers in VIEWERS {
            while joined.len() < viewers {
                let name = format!("light-{}", joined.len());
                joined.push(Viewer::join_listening(&self.viewer, &name).await?);
            }
            tokio::time::sleep(SETTLE).await;
            let cpu = figures::cpu_pct(id, WATCHED).await;
            figures.put(&format!("cpu_{viewers}_pct"), cpu);
            figures.put(&format!("rss_{viewers}_mib"), figures::rss_mib(id));
            used.push(cpu);
        }
        figures.put("cpu_10_over_1", used[3] / used[1]);
        for viewer in joined {
            viewer.leave().await;
        }
        Ok(())
    }
}
