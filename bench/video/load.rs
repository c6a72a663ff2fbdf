//! What viewers cost: processor and memory of robot-agent with 0, 1, 5 and 10 of them.

use crate::{Bench, Size};
use bench::figures::{self, Figures};
use std::time::Duration;
use tests::Viewer;

/// Viewers at each look. Ten is the most an agent takes unless told otherwise.
const VIEWERS: [usize; 4] = [0, 1, 5, 10];

/// How long the encoder and the connections have to settle.
const SETTLE: Duration = Duration::from_secs(3);

/// How long each is watched.
const WATCHED: Duration = Duration::from_secs(10);

impl Bench {
    pub(crate) async fn load(&self, size: &Size, figures: &mut Figures) -> anyhow::Result<()> {
        let mut agent = self.agent(size, "test").await;
        let id = agent.process().id();
        let mut joined: Vec<Viewer> = Vec::new();
        let (mut used, mut resident) = (Vec::new(), Vec::new());
        for viewers in VIEWERS {
            while joined.len() < viewers {
                let name = format!("light-{}", joined.len());
                joined.push(Viewer::join(&self.viewer, &name).await?);
            }
            tokio::time::sleep(SETTLE).await;
            let received = |all: &[Viewer]| all.iter().map(Viewer::bytes).sum::<u64>();
            let bytes = received(&joined);
            let cpu = figures::cpu_pct(id, WATCHED).await;
            let rss = figures::rss_mib(id);
            size.put(figures, &format!("cpu_{viewers}_pct"), cpu);
            size.put(figures, &format!("rss_{viewers}_mib"), rss);
            if viewers == 1 {
                figures.put(&format!("rss_{}p_1v_mib", size.height), rss);
            }
            if viewers > 0 {
                let bits = (received(&joined) - bytes) as f64 * 8.0;
                let kbps = bits / 1e3 / WATCHED.as_secs_f64() / viewers as f64;
                size.put(figures, &format!("each_{viewers}_kbps"), kbps);
            }
            used.push(cpu);
            resident.push(rss);
        }
        size.put(figures, "cpu_10_over_1", used[3] / used[1]);
        size.put(figures, "mib_per_viewer", (resident[3] - resident[1]) / 9.0);
        for viewer in joined {
            viewer.leave().await;
        }
        agent.process().kill().await;
        Ok(())
    }
}
