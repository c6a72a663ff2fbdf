//! What becomes of sound on a bad path: loss with jitter, and an outage.

use std::time::Duration;

use anyhow::Context;
use bench::call::call;
use bench::figures::Figures;
use bench::peer::Peer;
use serde_json::Value;
use tests::udp_relay::{Shape, UdpRelay};
use tests::unix_ms;

use crate::Bench;
use crate::delay::{Played, SETTLE, sounds};
use crate::heard::{self, Burst, Heard, delays, quantile};
use crate::speaker_file::SpeakerFile;

/// Each way: a robot in another town.
const DELAY: Duration = Duration::from_millis(10);

/// What an uneven path adds to the way of a packet, at most.
const JITTER: Duration = Duration::from_millis(40);

/// Percent that are lost, each way.
const LOSSY: [u32; 3] = [3, 8, 20];

/// How long a lossy path is listened to, each way.
const LISTENED: Duration = Duration::from_secs(20);

/// How long a path that is good again is, and which part of it at the end counts as afterwards.
const AFTER: Duration = Duration::from_secs(8);
const AFTERWARDS_MS: f64 = 3000.0;

const OUTAGE: Duration = Duration::from_millis(1500);

/// From here on a delay is back where it was.
const BACK_MS: f64 = 40.0;

/// Which way sound goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Ear,
    Robot,
}

impl To {
    const BOTH: [Self; 2] = [Self::Ear, Self::Robot];

    fn name(self) -> &'static str {
        match self {
            Self::Ear => "ear",
            Self::Robot => "mouth",
        }
    }
}

impl Bench {
    pub(crate) async fn loss(
        &self,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        for percent in LOSSY {
            let mut worst: f64 = 0.0;
            for to in To::BOTH {
                worst = worst.max(self.lossy(percent, to, browser, figures).await?);
            }
            figures.put(&format!("loss{percent}_concealed_pct"), worst);
        }
        Ok(())
    }

    /// Gives how much was made up, in percent.
    async fn lossy(
        &self,
        percent: u32,
        to: To,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<f64> {
        let path = self.begin(to, browser).await?;
        path.set(Shape {
            loss: f64::from(percent) / 100.0,
            jitter: JITTER,
            overtakes: true,
            ..good()
        });
        tokio::time::sleep(SETTLE).await;
        let before: Played = browser.ask("played").await?;
        let from = unix_ms();
        let file = SpeakerFile::watch(&self.speaker());
        sounds(browser).await?;
        tokio::time::sleep(LISTENED).await;
        let good_from = unix_ms();
        let after: Played = browser.ask("played").await?;
        path.set(good());
        tokio::time::sleep(AFTER).await;
        let (took, heard) = self.end(to, file, browser).await?;
        let mut put = |figure: &str, value: f64| {
            figures.put(&format!("loss{percent}_{}_{figure}", to.name()), value);
        };
        let until = |from: f64, to: f64| {
            let inside = took.iter().filter(|(at, _)| (from..to).contains(at));
            inside.copied().collect::<Vec<_>>()
        };
        let lossy = until(from, good_from);
        put("p50_ms", quantile(&lossy, 0.5).context("nothing is heard")?);
        put(
            "p95_ms",
            quantile(&lossy, 0.95).context("nothing is heard")?,
        );
        let afterwards = until(
            good_from + AFTER.as_secs_f64() * 1000.0 - AFTERWARDS_MS,
            f64::MAX,
        );
        put(
            "after_p50_ms",
            quantile(&afterwards, 0.5).unwrap_or(f64::NAN),
        );
        put("longest_hole_ms", heard.longest_hole_ms(from, good_from));
        put("missing_pct", heard.missing_pct(from, good_from));
        let concealed = match to {
            To::Ear => {
                100.0 * (after.concealed_s - before.concealed_s)
                    / (after.played_s - before.played_s)
            }
            // At the robot, what is missing of the pilot.
            To::Robot => heard.missing_pct(from, good_from),
        };
        put("concealed_pct", concealed);
        self.alone_again(browser).await?;
        Ok(concealed)
    }

    pub(crate) async fn outage(
        &self,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        for to in To::BOTH {
            let path = self.begin(to, browser).await?;
            let file = SpeakerFile::watch(&self.speaker());
            sounds(browser).await?;
            tokio::time::sleep(SETTLE).await;
            let gone = unix_ms();
            path.set(Shape {
                gone: true,
                ..good()
            });
            tokio::time::sleep(OUTAGE).await;
            path.set(good());
            let over = unix_ms();
            tokio::time::sleep(AFTER).await;
            let (took, _) = self.end(to, file, browser).await?;
            let before: Vec<_> = took.iter().filter(|(at, _)| *at < gone).copied().collect();
            let normal = quantile(&before, 0.5).context("nothing is heard before an outage")?;
            let after = took.iter().filter(|(at, _)| *at > over);
            let late = after.clone().filter(|(_, took)| *took > normal + BACK_MS);
            let back = late.map(|(at, _)| at - over).fold(0.0, f64::max);
            let oldest = after.map(|(_, took)| *took).fold(f64::NAN, f64::max);
            let mut put = |figure: &str, value| {
                figures.put(&format!("outage_{}_{figure}", to.name()), value);
            };
            put("before_p50_ms", normal);
            put("last_late_ms", back);
            put("oldest_ms", oldest);
            self.alone_again(browser).await?;
        }
        Ok(())
    }

    /// A call by a good path, on which sound goes that way.
    async fn begin(&self, to: To, browser: &mut Peer) -> anyhow::Result<UdpRelay> {
        let (_, path) = call(&self.viewer, browser, true).await?;
        let path = path.context("the call went through a path")?;
        path.set(good());
        browser.ask::<Value>("drives").await?;
        let call = if to == To::Ear { "listen" } else { "talk" };
        browser.call::<Value>(call, true.into()).await?;
        tokio::time::sleep(SETTLE).await;
        Ok(path)
    }

    /// How long each burst took with when it was heard, and what else was noticed.
    async fn end(
        &self,
        to: To,
        file: SpeakerFile,
        browser: &mut Peer,
    ) -> anyhow::Result<(Vec<(f64, f64)>, Heard)> {
        let seen = sounds(browser).await?;
        let at_robot = file.heard().await?;
        let (said, heard): (Vec<Burst>, Heard) = match to {
            To::Ear => {
                let heard = seen.heard.context("nothing is heard")?;
                (heard::recording(&heard.bursts), heard)
            }
            To::Robot => (
                seen.said.context("the microphone is silent")?.bursts,
                at_robot,
            ),
        };
        if to == To::Robot {
            browser.call::<Value>("talk", false.into()).await?;
        }
        Ok((delays(&said, &heard.bursts), heard))
    }
}

fn good() -> Shape {
    Shape {
        delay: DELAY,
        ..Shape::default()
    }
}
