//! How long sound is on its way on a good path, how it fits the picture, and what of it arrives.

use std::time::Duration;

use anyhow::{Context, ensure};
use bench::call::call;
use bench::figures::{Figures, percentile};
use bench::peer::{Painted, Peer};
use serde::Deserialize;
use serde_json::Value;
use tests::unix_ms;

use crate::Bench;
use crate::heard::{self, Heard, delays, quantile};
use crate::speaker_file::SpeakerFile;

/// How long each way is listened to.
const LISTENED: Duration = Duration::from_secs(30);

/// How long jitter buffers have to settle.
pub(crate) const SETTLE: Duration = Duration::from_secs(5);

/// What the page noticed since it was last asked.
#[derive(Deserialize)]
pub(crate) struct Sounds {
    pub said: Option<Heard>,
    pub heard: Option<Heard>,
}

/// What Chromium counts of the sound it plays.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Played {
    pub played_s: f64,
    pub concealed_s: f64,
    pub buffered_s: f64,
    pub emitted: f64,
}

pub(crate) async fn sounds(browser: &mut Peer) -> anyhow::Result<Sounds> {
    browser.ask("sounds").await
}

impl Bench {
    pub(crate) async fn delay(
        &self,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        call(&self.viewer, browser, false).await?;
        browser.ask::<Value>("drives").await?;
        let robot_to_ear = self.ear(browser, figures).await?;
        self.mouth(browser, figures).await?;
        self.alone_again(browser).await?;
        browser.ask::<Value>("toItself").await?;
        tokio::time::sleep(SETTLE).await;
        sounds(browser).await?;
        let before: Played = browser.ask("played").await?;
        tokio::time::sleep(LISTENED).await;
        let seen = sounds(browser).await?;
        let said = seen.said.context("the microphone is silent")?;
        let heard = seen.heard.context("nothing is heard")?;
        put("reference", &delays(&said.bursts, &heard.bursts), figures)?;
        let reference = figures.get("reference_p50_ms").unwrap_or(f64::NAN);
        figures.put("reference_ms", reference);
        figures.put("ear_over_reference_ms", robot_to_ear - reference);
        buffered("reference", before, browser, figures).await?;
        browser.ask::<Value>("close").await?;
        Ok(())
    }

    pub(crate) async fn alone_again(&self, browser: &mut Peer) -> anyhow::Result<()> {
        browser.ask::<Value>("close").await?;
        self.alone().await;
        Ok(())
    }

    async fn ear(&self, browser: &mut Peer, figures: &mut Figures) -> anyhow::Result<f64> {
        browser.call::<Value>("listen", true.into()).await?;
        tokio::time::sleep(SETTLE).await;
        browser.ask::<Value>("painted").await?;
        sounds(browser).await?;
        let from = unix_ms();
        let before: Played = browser.ask("played").await?;
        tokio::time::sleep(LISTENED).await;
        let painted: Vec<Painted> = browser.ask("painted").await?;
        let heard = sounds(browser).await?.heard.context("nothing is heard")?;
        let took = delays(&heard::recording(&heard.bursts), &heard.bursts);
        let p50 = put("robot_to_ear", &took, figures)?;
        buffered("robot_to_ear", before, browser, figures).await?;
        figures.put("robot_to_ear_level", heard.level);
        figures.put(
            "robot_to_ear_longest_hole_ms",
            heard.longest_hole_ms(from, unix_ms()),
        );
        let mut ages: Vec<_> = painted.iter().filter_map(|frame| frame.age_ms).collect();
        ages.sort_by(f64::total_cmp);
        ensure!(!ages.is_empty(), "nothing is painted");
        let glass = percentile(&ages, 0.5);
        figures.put("glass_p50_ms", glass);
        figures.put("lips_ms", p50 - glass);
        browser.call::<Value>("listen", false.into()).await?;
        Ok(p50)
    }

    async fn mouth(&self, browser: &mut Peer, figures: &mut Figures) -> anyhow::Result<()> {
        browser.call::<Value>("talk", true.into()).await?;
        tokio::time::sleep(SETTLE).await;
        sounds(browser).await?;
        let from = unix_ms();
        let file = SpeakerFile::watch(&self.speaker());
        tokio::time::sleep(LISTENED).await;
        let said = sounds(browser)
            .await?
            .said
            .context("the microphone is silent")?;
        let heard = file.heard().await?;
        put(
            "mouth_to_robot",
            &delays(&said.bursts, &heard.bursts),
            figures,
        )?;
        figures.put("mouth_to_robot_level", heard.level);
        figures.put(
            "mouth_to_robot_longest_hole_ms",
            heard.longest_hole_ms(from, unix_ms()),
        );
        browser.call::<Value>("talk", false.into()).await?;
        Ok(())
    }
}

fn put(name: &str, delays: &[(f64, f64)], figures: &mut Figures) -> anyhow::Result<f64> {
    let least = LISTENED.as_millis() / 1000;
    ensure!(
        delays.len() as u128 >= least,
        "{name}: only {} bursts are heard",
        delays.len()
    );
    for (of, q) in [("p50", 0.5), ("p95", 0.95)] {
        let delay = quantile(delays, q).context("nothing is heard")?;
        figures.put(&format!("{name}_{of}_ms"), delay);
    }
    quantile(delays, 0.5).context("nothing is heard")
}

/// What of it Chromium's jitter buffer held since then.
async fn buffered(
    name: &str,
    before: Played,
    browser: &mut Peer,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let after: Played = browser.ask("played").await?;
    let held = (after.buffered_s - before.buffered_s) / (after.emitted - before.emitted);
    figures.put(&format!("{name}_buffered_ms"), held * 1000.0);
    Ok(())
}
