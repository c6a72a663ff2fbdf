//! Others who want the robot, while somebody drives it.

use crate::Viewer;
use crate::faults::road::text;
use crate::faults::scene::Scene;
use crate::kvs::{Access, Client};
use crate::process::Process;
use crate::robot::Folder;
use anyhow::Context;
use serde_json::json;
use std::time::Duration;

/// As many viewers as want to watch at once.
const CROWD: usize = 50;

impl Scene {
    /// Somebody else, who never gets the wheel as long as the driver holds on to it.
    pub(super) fn flood(&mut self) {
        let other = self.operator("flood");
        self.held.spawn(async move {
            let body = text(-0.5, Duration::from_millis(200), ("flood", "flood"), None);
            let mut ticks = tokio::time::interval(Duration::from_millis(1));
            loop {
                ticks.tick().await;
                other.send(body.clone()).await;
            }
        });
    }

    /// Viewers that offer, and then do nothing.
    pub(super) async fn crowd(&mut self) -> anyhow::Result<()> {
        let key = self.keys.last().context("there is a key")?.text.clone();
        let host = self.ready.http.clone();
        self.held.spawn(async move {
            let client = Client::viewer(&host, "rover", Access::Key(&key)).await;
            let Ok(first) = Viewer::prepare(&client, "crowd").await else {
                return;
            };
            let mut sockets = Vec::new();
            for n in 0..CROWD {
                let socket = client.connect(Some(&format!("crowd-{n}"))).await;
                if let (Ok(mut socket), Ok(offer)) = (socket, first.offer().await) {
                    let _ = socket.offer(offer).await;
                    sockets.push(socket);
                }
            }
            std::future::pending::<()>().await;
        });
        Ok(())
    }

    /// A robot that has our certificate, and wheels of its own.
    pub(super) async fn twin(&mut self) -> anyhow::Result<()> {
        let path = self.path().join("twin");
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path)?;
        let twin = Folder::new(path);
        let mut config = self.folder.config();
        config["certs"] = json!(self.folder.certs());
        config["motors"] = json!({ "driver": "simulated" });
        config["video"] = json!({ "source": "off" });
        twin.write_config(&config);
        let mut command = twin.agent();
        command.arg("run");
        let process = Process::start(command, &twin.path().join("robot-agent.log"));
        self.held.spawn(async move {
            let _process = process;
            std::future::pending().await
        });
        Ok(())
    }
}
