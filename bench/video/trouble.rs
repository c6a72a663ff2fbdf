//! What becomes of the picture on a bad path: loss, an outage, a bottleneck.

use crate::frames::{Frames, bits, busiest_second_bits};
use ::tests::udp_relay::{Narrow, Shape, UdpRelay};
use ::tests::unix_ms;
use bench::peer::{Painted, Peer};

use crate::parts::{Arguments, Part};
use crate::watch::watch;
use crate::{Bench, Size};
use anyhow::Context;
use bench::figures::Figures;
use serde_json::Value;
use std::time::Duration;

/// Each way: a robot in another town.
const DELAY: Duration = Duration::from_millis(10);

/// A connection on a good path before the trouble, so that its bitrate has settled.
const BEFORE: Duration = Duration::from_secs(4);

/// How long a path that loses this many percent is looked at: freezes at 8 % come minutes apart.
const LOSSY: [(u32, Duration); 2] = [(3, Duration::from_secs(20)), (8, Duration::from_secs(60))];

/// What an uneven path adds to the way of a packet, at most.
const JITTER: Duration = Duration::from_millis(30);
/// How long such a path is looked at.
const UNEVEN: Duration = Duration::from_secs(12);

const OUTAGE: Duration = Duration::from_millis(1500);
/// How long the picture is looked at from the beginning of an outage.
const AROUND_OUTAGE: Duration = Duration::from_secs(6);

const NARROW_BITS_PER_S: f64 = 800_000.0;
const THROTTLED: Duration = Duration::from_secs(15);
/// The queue of the bottleneck, in time.
const QUEUE: Duration = Duration::from_millis(200);
/// The bucket of a bottleneck without a queue: eight packets at once, as policers have it.
const BUCKET: Duration = Duration::from_millis(100);
/// How long a sender has to notice: what happens before counts as the first adaptation.
const NOTICED_MS: f64 = 2000.0;

/// What a recovered stream sends.
const RECOVERED_BITS_PER_S: f64 = 2_000_000.0;
/// How long recovery is waited for.
const RECOVERY: Duration = Duration::from_secs(25);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The worst of several bottlenecks.
#[derive(Default)]
struct Worst {
    frame_ms: f64,
    freeze_ms: f64,
    wire_ratio: f64,
    recovered_s: f64,
}

impl Worst {
    fn or(self, other: &Self) -> Self {
        // What was not measured, of either, stays so.
        let worse = |a: f64, b: f64| {
            if a.is_nan() || b.is_nan() {
                f64::NAN
            } else {
                a.max(b)
            }
        };
        Self {
            frame_ms: worse(self.frame_ms, other.frame_ms),
            freeze_ms: worse(self.freeze_ms, other.freeze_ms),
            wire_ratio: worse(self.wire_ratio, other.wire_ratio),
            recovered_s: worse(self.recovered_s, other.recovered_s),
        }
    }
}

impl Bench {
    pub(crate) async fn trouble(
        &self,
        size: &Size,
        arguments: &Arguments,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        if arguments.wants(Part::Loss) {
            for (percent, time) in LOSSY {
                self.loss(percent, time, size, browser, figures).await?;
            }
        }
        if arguments.wants(Part::Jitter) {
            self.jitter(size, browser, figures).await?;
        }
        if arguments.wants(Part::Outage) {
            self.outage(size, browser, figures).await?;
        }
        if arguments.wants(Part::Throttle) {
            self.throttles(size, browser, figures).await?;
        }
        Ok(())
    }

    async fn throttles(
        &self,
        size: &Size,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let mut worst = Worst::default();
        for (name, depth, queues) in [("queue", QUEUE, true), ("drop", BUCKET, false)] {
            let narrow = Narrow {
                bits_per_s: NARROW_BITS_PER_S,
                depth,
                queues,
            };
            let path = self.throttle(narrow, name, size, browser, figures).await?;
            worst = worst.or(&path);
        }
        size.put(figures, "throttled_worst_frame_ms", worst.frame_ms);
        size.put(figures, "throttled_oldest_frame_ms", worst.frame_ms);
        size.put(figures, "throttled_longest_freeze_ms", worst.freeze_ms);
        size.put(figures, "recover_2mbit_s", worst.recovered_s);
        size.put(figures, "throttled_wire_ratio", worst.wire_ratio);
        Ok(())
    }

    /// A new connection through a path that is good so far.
    async fn settled(&self, browser: &mut Peer) -> anyhow::Result<UdpRelay> {
        let (_, path) = self.call(browser, true).await?;
        let path = path.context("the call went through a path")?;
        path.set(good());
        tokio::time::sleep(BEFORE).await;
        Ok(path)
    }

    async fn loss(
        &self,
        percent: u32,
        time: Duration,
        size: &Size,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let path = self.settled(browser).await?;
        path.set(Shape {
            loss: f64::from(percent) / 100.0,
            ..good()
        });
        let keys = key_frames(browser).await?;
        let painted = watch(browser, time).await?;
        let keys = key_frames(browser).await? - keys;
        let frames = Frames::between(&painted, 0.0, f64::INFINITY);
        let mut put =
            |name: &str, value| size.put(figures, &format!("loss{percent}_{name}"), value);
        put("frozen_ms", frames.frozen_ms());
        put("longest_freeze_ms", frames.longest_freeze_ms());
        put(
            "worst_frame_ms",
            frames.oldest_ms().context("nothing is painted")?,
        );
        put("torn", frames.torn() as f64);
        put("fps", frames.len() as f64 / time.as_secs_f64());
        put("key_frames", keys);
        Ok(())
    }

    async fn jitter(
        &self,
        size: &Size,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let path = self.settled(browser).await?;
        path.set(Shape {
            jitter: JITTER,
            ..good()
        });
        let painted = watch(browser, UNEVEN).await?;
        let frames = Frames::between(&painted, 0.0, f64::INFINITY);
        for (name, q) in [("interval_p50_ms", 0.5), ("interval_p99_ms", 0.99)] {
            let interval = frames.interval_ms(q).context("nothing is painted")?;
            size.put(figures, &format!("jitter30_{name}"), interval);
        }
        Ok(())
    }

    async fn outage(
        &self,
        size: &Size,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let path = self.settled(browser).await?;
        let keys = key_frames(browser).await?;
        browser.ask::<Value>("painted").await?;
        path.set(Shape {
            gone: true,
            ..good()
        });
        tokio::time::sleep(OUTAGE).await;
        path.set(good());
        let over = unix_ms();
        tokio::time::sleep(AROUND_OUTAGE - OUTAGE).await;
        let painted: Vec<Painted> = browser.ask("painted").await?;
        let keys = key_frames(browser).await? - keys;
        let after = Frames::between(&painted, over, f64::INFINITY);
        let oldest = after
            .oldest_ms()
            .context("nothing is painted after an outage")?;
        let back = after
            .first_at_ms()
            .context("nothing is painted after an outage")?;
        size.put(figures, "outage_back_ms", back - over);
        size.put(figures, "outage_worst_frame_ms", oldest);
        size.put(figures, "outage_torn", after.torn() as f64);
        let all = Frames::between(&painted, 0.0, f64::INFINITY);
        size.put(figures, "outage_frozen_ms", all.frozen_ms());
        size.put(figures, "outage_key_frames", keys);
        Ok(())
    }

    async fn throttle(
        &self,
        narrow: Narrow,
        name: &str,
        size: &Size,
        browser: &mut Peer,
        figures: &mut Figures,
    ) -> anyhow::Result<Worst> {
        let path = self.settled(browser).await?;
        let from = unix_ms();
        let free = bits(&path.sent(from - 2000.0, from)) / 2.0;
        let keys = key_frames(browser).await?;
        browser.ask::<Value>("painted").await?;
        path.set(Shape {
            narrow: Some(narrow),
            ..good()
        });
        tokio::time::sleep(THROTTLED).await;
        path.set(good());
        let to = unix_ms();
        let keys = key_frames(browser).await? - keys;
        let recovered = if free >= RECOVERED_BITS_PER_S {
            recovery(&path, to).await
        } else {
            None
        };
        let painted: Vec<Painted> = browser.ask("painted").await?;
        let frames = Frames::between(&painted, from, to);
        let adapted = Frames::between(&painted, from + NOTICED_MS, to);
        let capacity = narrow.bits_per_s * THROTTLED.as_secs_f64();
        let busiest = busiest_second_bits(&path.sent(from + NOTICED_MS, to));
        let worst = Worst {
            frame_ms: frames.oldest_ms().context("nothing is painted")?,
            freeze_ms: frames.longest_freeze_ms(),
            recovered_s: recovered.unwrap_or(f64::NAN),
            wire_ratio: bits(&path.sent(from, to)) / capacity,
        };
        let mut put = |figure: &str, value| size.put(figures, &format!("{name}_{figure}"), value);
        put("before_kbps", free / 1e3);
        put("freeze_ms", frames.longest_gap_ms());
        put("adapted_freeze_ms", adapted.longest_gap_ms());
        put("worst_frame_ms", worst.frame_ms);
        put("torn", frames.torn() as f64);
        put("wire_ratio", worst.wire_ratio);
        put("busiest_ratio", busiest / narrow.bits_per_s);
        put("key_frames", keys);
        if let Some(seconds) = recovered {
            put("recovered_s", seconds);
        }
        Ok(worst)
    }
}

fn good() -> Shape {
    Shape {
        delay: DELAY,
        ..Shape::default()
    }
}

/// Seconds until a whole second had the bits of a recovered stream.
async fn recovery(path: &UdpRelay, released_ms: f64) -> Option<f64> {
    while unix_ms() < released_ms + RECOVERY.as_secs_f64() * 1e3 {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = unix_ms();
        let from = released_ms.max(now - 1000.0);
        if bits(&path.sent(from, now)) >= RECOVERED_BITS_PER_S {
            return Some((now - released_ms) / 1e3);
        }
    }
    None
}

/// Key frames that the robot has made since it started, by its own word.
async fn key_frames(browser: &mut Peer) -> anyhow::Result<f64> {
    let report: Value = browser.ask("report").await?;
    report["video"]["key_frames"]
        .as_f64()
        .context("the robot reports its key frames")
}
