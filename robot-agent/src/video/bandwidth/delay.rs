//! Whether a queue grows on the path: from how much longer packets are on their way than others, by
//! the receiver's clock and ours, of which nobody knows how far they are apart.
//!
//! Two detectors. One goes by the gradient, as GCC's section 5 has it with the trendline of
//! libwebrtc in the place of its Kalman filter: it hears a queue that grows slowly. The other goes by
//! the delay itself: a picture leaves as one burst, so that a path that narrows to a third shows only a
//! group in every tenth of a second, and the gradient would need half a dozen of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets that leave within this time are one group (GCC, section 5.2).
const BURST: Duration = Duration::from_millis(5);

/// Groups in the trendline: 20 as in libwebrtc, two thirds of a second of pictures.
const WINDOW: usize = 20;
/// Share of the past in the smoothed delay, and the gain of the slope, as in libwebrtc.
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
/// Slopes count more the more groups there were, up to so many (libwebrtc).
const MOST_GROUPS: f64 = 60.0;

/// The adaptive threshold of GCC, section 5.4: its beginning, its bounds, and how fast it follows.
const THRESHOLD_MS: f64 = 12.5;
const THRESHOLD_RANGE_MS: std::ops::RangeInclusive<f64> = 6.0..=600.0;
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
/// What exceeds the threshold by more is no noise to adapt to.
const OUTLIER_MS: f64 = 15.0;
/// How long the gradient has to be above it.
const OVERUSE_MS: f64 = 10.0;

/// Time for which packets have to wait, in two groups in a row, until that is a queue of ours. Above the
/// stalls of a radio path; a bottleneck with a queue of 200 ms has room for twice that.
const QUEUE_MS: f64 = 60.0;
/// And beyond the unevenness of the path.
const QUEUE_UNEVENNESS: f64 = 2.0;
/// One that grows but is still as short as this, beyond the unevenness, need not be acted on.
const SHORT_MS: f64 = 25.0;
/// Weight of a new group in that.
const UNEVENNESS_WEIGHT: f64 = 0.05;

/// For how long the shortest delay is remembered, twice: a path that becomes longer for good is one
/// after this.
const BASE_MS: f64 = 5000.0;

/// After nothing for so long the old delays say nothing of the new.
const SILENCE_MS: f64 = 400.0;

/// What the path does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// A queue grows.
    Over,
    /// A queue drains.
    Under,
    Normal,
}

/// The first packet of a group: those after it wait for each other.
#[derive(Clone, Copy, Debug)]
struct Group {
    sent_ms: f64,
    received_ms: f64,
}

pub(super) struct DelayDetector {
    epoch: Instant,
    group: Option<Group>,
    groups: f64,
    delay_ms: f64,
    smoothed_ms: f64,
    trend: VecDeque<(f64, f64)>,
    last_slope: f64,
    threshold_ms: f64,
    over_ms: f64,
    base: Baseline,
    queue_ms: f64,
    unevenness_ms: f64,
    queued_groups: u32,
    usage: Usage,
}

/// The shortest delay of this period and of the one before.
#[derive(Clone, Copy, Debug)]
struct Baseline {
    began_ms: f64,
    this_ms: f64,
    last_ms: f64,
}

impl Baseline {
    fn update(&mut self, delay_ms: f64, at_ms: f64) -> f64 {
        if at_ms - self.began_ms > BASE_MS {
            *self = Self {
                began_ms: at_ms,
                this_ms: delay_ms,
                last_ms: self.this_ms,
            };
        }
        self.this_ms = self.this_ms.min(delay_ms);
        self.this_ms.min(self.last_ms)
    }
}

impl DelayDetector {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            group: None,
            groups: 0.0,
            delay_ms: 0.0,
            smoothed_ms: 0.0,
            trend: VecDeque::with_capacity(WINDOW + 1),
            last_slope: 0.0,
            threshold_ms: THRESHOLD_MS,
            over_ms: 0.0,
            base: Baseline {
                began_ms: 0.0,
                this_ms: f64::INFINITY,
                last_ms: f64::INFINITY,
            },
            queue_ms: 0.0,
            unevenness_ms: 0.0,
            queued_groups: 0,
            usage: Usage::Normal,
        }
    }

    pub(super) fn usage(&self) -> Usage {
        if self.queued_groups >= 2 {
            Usage::Over
        } else {
            self.usage
        }
    }

    /// How long the newest packets had to wait on the path, in ms.
    pub(super) fn queue_ms(&self) -> f64 {
        self.queue_ms
    }

    /// What is now the delay of the path is its own, no queue.
    pub(super) fn rebase(&mut self) {
        self.base.this_ms = f64::INFINITY;
        self.base.last_ms = f64::INFINITY;
        self.queued_groups = 0;
        self.forget_trend();
    }

    /// A packet, in the order in which they were sent.
    pub(super) fn packet(&mut self, sent: Instant, received_ms: f64) {
        let before = self.epoch.saturating_duration_since(sent).as_secs_f64();
        let after = sent.saturating_duration_since(self.epoch).as_secs_f64();
        let sent_ms = (after - before) * 1000.0;
        let group = Group {
            sent_ms,
            received_ms,
        };
        let Some(last) = self.group else {
            self.group = Some(group);
            return self.level(group);
        };
        let since_ms = sent_ms - last.sent_ms;
        if since_ms <= BURST.as_secs_f64() * 1000.0 {
            return;
        }
        self.group = Some(group);
        self.level(group);
        let elapsed_ms = received_ms - last.received_ms;
        if since_ms > SILENCE_MS || !(0.0..=SILENCE_MS).contains(&elapsed_ms) {
            return self.forget_trend();
        }
        self.gradient(elapsed_ms - since_ms, elapsed_ms, received_ms);
    }

    fn forget_trend(&mut self) {
        self.trend.clear();
        self.delay_ms = 0.0;
        self.smoothed_ms = 0.0;
        self.groups = 0.0;
        self.over_ms = 0.0;
        self.usage = Usage::Normal;
    }

    /// How long the queue is.
    fn level(&mut self, group: Group) {
        let delay_ms = group.received_ms - group.sent_ms;
        let queue_ms = delay_ms - self.base.update(delay_ms, group.received_ms);
        let step_ms = (queue_ms - self.queue_ms).abs();
        self.queue_ms = queue_ms;
        let bound_ms = QUEUE_MS + QUEUE_UNEVENNESS * self.unevenness_ms;
        self.unevenness_ms += UNEVENNESS_WEIGHT * (step_ms - self.unevenness_ms);
        self.queued_groups = if queue_ms > bound_ms {
            self.queued_groups + 1
        } else {
            0
        };
    }

    /// Which way it goes: GCC, sections 5.3 to 5.5.
    fn gradient(&mut self, variation_ms: f64, elapsed_ms: f64, at_ms: f64) {
        self.groups += 1.0;
        self.delay_ms += variation_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.delay_ms;
        self.trend.push_back((at_ms, self.smoothed_ms));
        if self.trend.len() > WINDOW {
            self.trend.pop_front();
        }
        let slope = slope(&self.trend).unwrap_or(0.0);
        let trend_ms = self.groups.min(MOST_GROUPS) * slope * GAIN;
        self.usage = if trend_ms > self.threshold_ms {
            self.over_ms += elapsed_ms;
            let is_short = self.queue_ms < SHORT_MS + self.unevenness_ms;
            if self.over_ms > OVERUSE_MS && slope >= self.last_slope && !is_short {
                Usage::Over
            } else {
                Usage::Normal
            }
        } else {
            self.over_ms = 0.0;
            if trend_ms < -self.threshold_ms {
                Usage::Under
            } else {
                Usage::Normal
            }
        };
        self.last_slope = slope;
        self.adapt(trend_ms.abs(), elapsed_ms);
    }

    fn adapt(&mut self, trend_ms: f64, elapsed_ms: f64) {
        if trend_ms > self.threshold_ms + OUTLIER_MS {
            return;
        }
        let rate = if trend_ms < self.threshold_ms {
            THRESHOLD_DOWN
        } else {
            THRESHOLD_UP
        };
        self.threshold_ms += rate * (trend_ms - self.threshold_ms) * elapsed_ms.min(100.0);
        let (least, most) = (THRESHOLD_RANGE_MS.start(), THRESHOLD_RANGE_MS.end());
        self.threshold_ms = self.threshold_ms.clamp(*least, *most);
    }
}

/// Of the line through the points with the least squares.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    if points.len() < WINDOW / 2 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "at most WINDOW")]
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let above: f64 = points
        .iter()
        .map(|(x, y)| (x - x_mean) * (y - y_mean))
        .sum();
    let below: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    (below > 0.0).then(|| above / below)
}
