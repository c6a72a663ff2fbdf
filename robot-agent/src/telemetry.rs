//! What the robot says about itself: once an interval, and soon after the wheels change.
//!
//! Gathers from the motors, the session's counters, the camera's report and the computer, and
//! publishes the text to whoever watches: the session sends it to the broker, `video` to
//! its viewers. It knows neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use wire::Telemetry;
use wire::telemetry::{Counters, LastAction, Pose, Video, Wheels};

use crate::audio::Audio;
use crate::clock::now;
use crate::motors::{self, Motors};

mod machine;

use machine::Machine;

/// Wheels that change all the time are reported ten times a second, which a person sees
/// as at once.
const SHORTEST: Duration = Duration::from_millis(100);

/// Longest text of a fault: a viewer's line holds about so much.
const MAX_FAULT_CHARS: usize = 300;

/// How often the robot reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// From report to report while the wheels do not change.
    pub interval: Duration,
}

/// Where a report's facts come from.
pub(crate) struct TelemetryInputs {
    /// The wheels and what became of actions.
    pub(crate) motors: Motors,
    /// Payloads that were no action, from whomever.
    pub(crate) rejected: Arc<AtomicU64>,
    /// Connections to the broker after the first.
    pub(crate) reconnects: Arc<AtomicU64>,
    /// The camera's own report; none where video is off.
    pub(crate) video: watch::Receiver<Option<Video>>,
    /// Where a simulated robot stands.
    pub(crate) pose: watch::Receiver<Option<Pose>>,
    /// The devices of sound.
    pub(crate) audio: Audio,
}

/// Reports for ever; each report replaces the one before.
pub(crate) async fn run(
    config: TelemetryConfig,
    inputs: TelemetryInputs,
    reports: watch::Sender<Arc<str>>,
) {
    let start = now();
    let mut changed = inputs.motors.changed();
    let mut machine = Machine::new("/");
    let mut schedule = ReportSchedule::new(config.interval);
    loop {
        if let Some(due) = schedule.due() {
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                Ok(()) = changed.changed(), if !schedule.changed => {
                    schedule.changed = true;
                    continue;
                }
            }
        }
        let now = now();
        schedule.reported(now);
        changed.mark_unchanged();
        let report = Telemetry {
            uptime_s: now.saturating_duration_since(start).as_secs(),
            system: machine.read(now),
            ..inputs.report(now)
        };
        match serde_json::to_string(&report) {
            Ok(text) => _ = reports.send_replace(text.into()),
            Err(error) => tracing::error!(%error, "a report cannot be written"),
        }
    }
}

impl TelemetryInputs {
    fn report(&self, now: Instant) -> Telemetry {
        let state = self.motors.state();
        Telemetry {
            online: true,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            wheels: Wheels {
                left: state.wheels.left.get(),
                right: state.wheels.right.get(),
            },
            clock_ms: self.motors.clock_ms(),
            driver: self.motors.driver(),
            stopped_by: self.motors.stopped_by(),
            speed_limit: self.motors.speed_limit(),
            board_fault: state.fault.as_deref().map(shortened),
            last_action: state
                .last_action
                .as_ref()
                .map(|last| last_action(last, now)),
            counters: Counters {
                accepted: state.accepted,
                rejected: self.rejected.load(Ordering::Relaxed),
                stale: state.stale,
                out_of_order: state.out_of_order,
                not_driver: state.not_driver,
                bus_errors: state.bus_errors,
                reconnects: self.reconnects.load(Ordering::Relaxed),
            },
            video: self.video.borrow().clone(),
            pose: *self.pose.borrow(),
            audio: self.audio.status(now),
            ..Telemetry::default()
        }
    }
}

fn last_action(last: &motors::LastAction, now: Instant) -> LastAction {
    let age = now.saturating_duration_since(last.at);
    LastAction {
        id: last.id.clone(),
        action: last.action.to_owned(),
        source: last.source.to_string(),
        age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_FAULT_CHARS).collect()
}

/// When the next report is due. Pure.
#[derive(Debug)]
struct ReportSchedule {
    interval: Duration,
    last: Option<Instant>,
    /// Whether the wheels have changed since the last report.
    changed: bool,
}

impl ReportSchedule {
    fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: None,
            changed: false,
        }
    }

    /// None is at once.
    fn due(&self) -> Option<Instant> {
        let pause = if self.changed {
            SHORTEST.min(self.interval)
        } else {
            self.interval
        };
        self.last.map(|last| last + pause)
    }

    fn reported(&mut self, now: Instant) {
        self.last = Some(now);
        self.changed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_reported_soon_but_at_most_ten_times_a_second() {
        let mut schedule = ReportSchedule::new(Duration::from_secs(1));
        assert_eq!(schedule.due(), None);
        let now = now();
        schedule.reported(now);
        assert_eq!(schedule.due(), Some(now + Duration::from_secs(1)));
        schedule.changed = true;
        assert_eq!(schedule.due(), Some(now + SHORTEST));
        schedule.reported(now + SHORTEST);
        assert_eq!(
            schedule.due(),
            Some(now + SHORTEST + Duration::from_secs(1))
        );
    }

    #[test]
    fn a_fault_of_any_length_fits_a_report() {
        assert_eq!(
            shortened(&"ü".repeat(1000)).chars().count(),
            MAX_FAULT_CHARS
        );
    }
}
