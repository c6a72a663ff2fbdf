//! `scripts/bench sound`: sound both ways between robot-agent and a real Chromium, found by a ground station's
//! signaling; beside it Chromium to itself, in the same run.
//!
//! The browser's microphone and the robot's are files of one signal, the robot's speaker is a file. What devices
//! add is in none of the figures. Bad paths are UDP relays in this process. All runs on one machine, so all timestamps
//! are of one clock, and on a busy machine the figures are those of a busy machine.

mod delay;
mod heard;
mod load;
mod signal;
mod speaker_file;
mod table;
mod trouble;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bench::call::call;
use bench::figures::Figures;
use bench::orders::to_the_wheels;
use bench::peer::Peer;
use serde_json::{Value, json};
use tests::kvs::{Access, Client};
use tests::robot::{Folder, Robot};
use tests::{Station, eventually};

const PARTS: [&str; 5] = ["delay", "loss", "outage", "wheels", "load"];

/// Periods of the signal in the robot's microphone: longer than any part listens.
const MICROPHONE_PERIODS: u32 = 60;

/// Rounds in which orders are given with sound and without, in turn.
const ROUNDS: u32 = 2;

struct Bench {
    station: Station,
    rover: Folder,
    key: String,
    viewer: Client,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (json, parts) = arguments(std::env::args_os().skip(1))?;
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let mut figures = Figures::default();
    let bench = Bench::set_up().await?;
    let mut robot = bench.agent().await;
    let said = bench.rover.path().join("said.wav");
    let mut browser = chromium(&said).await?;
    if wants("delay") {
        bench.delay(&mut browser, &mut figures).await?;
    }
    if wants("loss") {
        bench.loss(&mut browser, &mut figures).await?;
    }
    if wants("outage") {
        bench.outage(&mut browser, &mut figures).await?;
    }
    if wants("wheels") {
        bench.wheels(&robot, &mut browser, &mut figures).await?;
    }
    browser.close().await?;
    if wants("load") {
        bench.load(&mut robot, &mut figures).await?;
    }
    robot.process().kill().await;
    table::print(&figures);
    if let Some(path) = json {
        figures.write(&path)?;
    }
    Ok(())
}

/// Where the figures are to be written, and which parts are wanted; all where none is named.
fn arguments(
    mut words: impl Iterator<Item = OsString>,
) -> anyhow::Result<(Option<PathBuf>, Vec<String>)> {
    let (mut json, mut parts) = (None, Vec::new());
    while let Some(flag) = words.next() {
        match (flag.to_str(), words.next()) {
            (Some("--json"), Some(path)) => json = Some(path.into()),
            (Some("--only"), Some(part)) if PARTS.iter().any(|known| *known == part) => {
                parts.push(part.to_string_lossy().into_owned());
            }
            _ => anyhow::bail!(
                "{}: not known\nusage: bench-sound [--json FILE] [--only PART]...\nparts: {}",
                flag.display(),
                PARTS.join(", ")
            ),
        }
    }
    Ok((json, parts))
}

async fn chromium(said: &Path) -> anyhow::Result<Peer> {
    let microphone = format!("--use-file-for-fake-audio-capture={}", said.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sound/sound.js");
    Peer::chromium_with(&[
        "--use-fake-ui-for-media-stream".as_ref(),
        "--use-fake-device-for-media-stream".as_ref(),
        microphone.as_ref(),
        script.as_os_str(),
    ])
    .await
}

impl Bench {
    async fn set_up() -> anyhow::Result<Self> {
        let station = Station::start().await;
        let rover = station.new_robot("rover").await;
        let key = station.new_key("rover").await;
        let viewer = Client::viewer(&station.ready.http, "rover", Access::Key(&key)).await;
        signal::write(&rover.path().join("heard.wav"), MICROPHONE_PERIODS)?;
        signal::write(&rover.path().join("said.wav"), 1)?;
        Ok(Self {
            station,
            rover,
            key,
            viewer,
        })
    }

    /// robot-agent with the test picture, and files for ear and mouth.
    async fn agent(&self) -> Robot {
        self.rover.configure(&json!({
            "video": { "source": "test", "width": 640, "height": 480, "fps": 30 },
            "audio": {
                "microphone": "file:heard.wav",
                "speaker": "file:speaker.wav",
                // What cleans speech takes tones for noise.
                "noise_suppression": false,
                "gain_control": false,
                "chime": false,
            },
        }));
        Robot::start_video(self.rover.clone()).await
    }

    /// The robot's speaker.
    fn speaker(&self) -> PathBuf {
        self.rover.path().join("speaker.wav")
    }

    /// Waits until nobody watches, by the robot's own word.
    async fn alone(&self) {
        eventually("the viewer is gone", async || {
            let telemetry = self.station.telemetry("rover", &self.key).await;
            (telemetry["video"]["viewers"] == 0).then_some(())
        })
        .await;
    }

    /// Orders by data channel with sound both ways, and without.
    async fn wheels(
        &self,
        robot: &Robot,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        call(&self.viewer, browser, false).await?;
        browser.ask::<Value>("drives").await?;
        for _ in 0..ROUNDS {
            browser.call::<Value>("talk", false.into()).await?;
            browser.call::<Value>("listen", false.into()).await?;
            without.extend(to_the_wheels(robot, browser).await?);
            browser.call::<Value>("talk", true.into()).await?;
            browser.call::<Value>("listen", true.into()).await?;
            with.extend(to_the_wheels(robot, browser).await?);
        }
        browser.call::<Value>("talk", false.into()).await?;
        let mut p99 = |name: &str, mut all: Vec<f64>| {
            all.sort_by(f64::total_cmp);
            let p99 = bench::figures::percentile(&all, 0.99);
            figures.put(name, p99);
            p99
        };
        let ratio = p99("wheels_p99_ms", with) / p99("wheels_without_sound_p99_ms", without);
        figures.put("wheels_with_over_without", ratio);
        Ok(())
    }
}

#[cfg(test)]
mod tests_of_arguments {
    use super::arguments;

    #[test]
    fn what_is_not_known_is_named() {
        let read = |words: &[&str]| arguments(words.iter().map(Into::into));
        let (json, parts) = read(&["--only", "loss", "--json", "x"]).unwrap();
        assert_eq!((json, parts), (Some("x".into()), vec!["loss".to_owned()]));
        for words in [&["--only", "los"][..], &["--json"], &["--size", "1x1"]] {
            let error = read(words).unwrap_err().to_string();
            assert!(error.contains("usage"), "{error}");
        }
    }
}
