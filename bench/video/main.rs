//! `scripts/bench video`: robot-agent's test picture in a real Chromium, found by a ground
//! station's signaling, at two sizes in one run; beside it the same picture from Chromium and GStreamer.
//!
//! Viewers that are only there as load are peer connections in this process that decode
//! nothing. Bad paths are UDP relays in this process. Everything runs on one machine, so all
//! timestamps are of one clock; Chromium and the relays take processor time from the robot,
//! and on a busy machine the figures are those of a busy machine.

mod frames;
mod hand;
mod load;
mod parts;
mod references;
mod table;
mod trouble;
mod watch;

use crate::parts::{Arguments, Part};
use bench::figures::Figures;
use bench::peer::Peer;
use serde_json::json;
use tests::kvs::{Access, Client};
use tests::robot::{Folder, Robot};
use tests::{Station, eventually};

/// What the encoder may use: enough to see it come back to 2 Mbit/s.
const BITRATE_KBPS: u32 = 2500;

const FPS: u32 = 30;

/// Our own page, built.
const CONSOLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web-console/dist");

/// A size of the picture.
struct Size {
    width: u32,
    height: u32,
    /// Before the names of its figures.
    prefix: &'static str,
}

const SIZES: [Size; 2] = [
    Size {
        width: 640,
        height: 480,
        prefix: "vga_",
    },
    Size {
        width: 1280,
        height: 720,
        prefix: "",
    },
];

impl Size {
    fn label(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }

    fn name(&self, figure: &str) -> String {
        format!("{}{figure}", self.prefix)
    }

    fn put(&self, figures: &mut Figures, figure: &str, value: f64) {
        figures.put(&self.name(figure), value);
    }
}

struct Bench {
    station: Station,
    rover: Folder,
    key: String,
    viewer: Client,
    operator: Operator,
}

/// Who signs in on our own page.
struct Operator {
    user: &'static str,
    password: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read(std::env::args_os().skip(1))?;
    let mut figures = Figures::default();
    figures.put("load1_before", load());
    let bench = Bench::set_up().await;
    for size in arguments.sizes() {
        bench.measure(size, &arguments, &mut figures).await?;
    }
    figures.put("load1_after", load());
    table::print(&figures);
    if let Some(path) = arguments.json {
        figures.write(&path)?;
    }
    Ok(())
}

/// How busy the machine has been in the last minute.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next();
    first.and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

impl Bench {
    async fn set_up() -> Self {
        let station = Station::start_with(&["--console", CONSOLE]).await;
        let rover = station.new_robot("rover").await;
        let key = station.new_key("rover").await;
        let viewer = Client::viewer(&station.ready.http, "rover", Access::Key(&key)).await;
        let operator = Operator {
            user: "ada",
            password: station
                .command(&["new-user", "ada", "--robot", "rover"])
                .await,
        };
        Self {
            station,
            rover,
            key,
            viewer,
            operator,
        }
    }

    /// All that is wanted at that size.
    async fn measure(
        &self,
        size: &Size,
        arguments: &Arguments,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        if arguments.wants(Part::Load) {
            self.load(size, figures).await?;
        }
        if arguments.wants(Part::Hand) {
            self.hand(size, figures).await?;
        }
        let mut robot = self.agent(size, "test").await;
        let mut browser = Peer::chromium().await?;
        if arguments.wants(Part::FirstFrame) {
            self.first_frame(size, &mut browser, figures).await?;
        }
        if arguments.wants(Part::Glass) {
            self.call(&mut browser, false).await?;
            self.glass(size, &mut browser, figures).await?;
            self.references(size, &mut browser, figures).await?;
        }
        if arguments.wants(Part::Wheels) {
            self.call(&mut browser, false).await?;
            self.wheels(size, &robot, &mut browser, figures).await?;
        }
        self.trouble(size, arguments, &mut browser, figures).await?;
        browser.close().await?;
        robot.process().kill().await;
        Ok(())
    }

    /// robot-agent with a picture of that size from that source, its camera warm.
    async fn agent(&self, size: &Size, source: &str) -> Robot {
        self.rover.configure(&json!({ "video": {
            "source": source,
            "width": size.width,
            "height": size.height,
            "fps": FPS,
            "bitrate_kbps": BITRATE_KBPS,
        }}));
        Robot::start_video(self.rover.clone()).await
    }

    /// Waits until nobody watches, by the robot's own word.
    async fn alone(&self) {
        eventually("the viewer is gone", async || {
            let telemetry = self.station.telemetry("rover", &self.key).await;
            (telemetry["video"]["viewers"] == 0).then_some(())
        })
        .await;
    }
}
