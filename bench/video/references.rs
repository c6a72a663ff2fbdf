//! The same picture by others, in the same run: what is possible with a browser at the far end, and
//! what another receiver makes of robot-agent's.
//!
//! - Chromium to Chromium: libwebrtc as the sender, of a canvas of the same size and rate.
//! - webrtcbin to Chromium: GStreamer as the sender, with robot-agent's encoder and its settings.
//! - robot-agent to webrtcbin: GStreamer as the receiver; what is decoded counts, nothing is painted.

use std::time::Duration;

use anyhow::Context;
use bench::figures::Figures;
use serde_json::{Value, json};
use tests::unix_ms;

use crate::frames::Frames;
use crate::watch::{WATCHED, watch};
use crate::{BITRATE_KBPS, Bench, FPS, Size};
use bench::peer::{Painted, Peer};

/// How long a sender has for its bitrate to settle: libwebrtc begins at 300 kbit/s.
const SETTLE: Duration = Duration::from_secs(5);

impl Bench {
    pub(crate) async fn references(
        &self,
        size: &Size,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let sender = Peer::chromium().await?;
        received_from(sender, "reference", size, browser, figures).await?;
        let sender = Peer::webrtcbin().await?;
        received_from(sender, "webrtcbin_sends", size, browser, figures).await?;
        browser.ask::<Value>("close").await?;
        // libnice takes now and then a path that carries nothing; the other figures are not to be lost for that.
        if let Err(error) = self.webrtcbin_receives(size, figures).await {
            eprintln!("robot-agent → webrtcbin is not measured: {error:#}");
        }
        Ok(())
    }

    async fn webrtcbin_receives(&self, size: &Size, figures: &mut Figures) -> anyhow::Result<()> {
        let mut receiver = Peer::webrtcbin().await?;
        let mut socket = self.viewer.connect(Some("webrtcbin")).await?;
        let offer = receiver.ask("offer").await?;
        let offered = unix_ms();
        let answer = socket.negotiate(offer).await?;
        receiver.call::<Value>("answer", answer.into()).await?;
        let first = unix_ms() - offered;
        size.put(figures, "webrtcbin_receives_first_frame_ms", first);
        let decoded = watch(&mut receiver, WATCHED).await?;
        put(&decoded, "webrtcbin_receives", size, figures)?;
        receiver.close().await
    }
}

/// What the page gets from another sender than the robot.
async fn received_from(
    mut sender: Peer,
    name: &str,
    size: &Size,
    browser: &mut Peer,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let offer: String = browser.ask("offer").await?;
    let picture = json!({
        "offer": offer,
        "width": size.width,
        "height": size.height,
        "fps": FPS,
        "kbps": BITRATE_KBPS,
    });
    let answer: Value = sender.call("publish", picture).await?;
    browser.call::<Value>("answer", answer).await?;
    browser
        .ask::<f64>("firstFrame")
        .await
        .with_context(|| format!("{name}: no picture"))?;
    tokio::time::sleep(SETTLE).await;
    let painted = watch(browser, WATCHED).await?;
    put(&painted, name, size, figures)?;
    sender.close().await
}

fn put(painted: &[Painted], name: &str, size: &Size, figures: &mut Figures) -> anyhow::Result<()> {
    let frames = Frames::between(painted, 0.0, f64::INFINITY);
    let fps = frames.len() as f64 / WATCHED.as_secs_f64();
    size.put(figures, &format!("{name}_fps"), fps);
    for (of, q) in [("p50", 0.5), ("p95", 0.95)] {
        let age = frames.age_ms(q);
        let age =
            age.with_context(|| format!("{name}: {} frames, none with a clock", frames.len()))?;
        size.put(figures, &format!("{name}_glass_{of}_ms"), age);
    }
    Ok(())
}
