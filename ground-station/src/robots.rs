//! The newest telemetry of every robot, and a subscription to every change of it; what its own
//! clock shows, and who drives it. Knows nothing of MQTT but topics.

mod clock_estimate;
pub(crate) mod drive_log;
mod driver;

use crate::clock;
use crate::metrics::Metrics;
use crate::store::{DriveEntry, DriveEvent, Store};
use anyhow::Context;
use bytes::Bytes;
use clock_estimate::ClockEstimate;
use drive_log::NamedEntry;
use driver::DriverWatch;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// A robot that has said nothing for so long is taken to be offline: ten of its reports are
/// missing then. Its last will says so too, but only when the broker has noticed.
const SILENT_AFTER_MS: u64 = 10_000;

/// Changes waiting for one slow subscriber; one that falls behind is told the newest of every
/// robot instead.
const BACKLOG: usize = 256;

/// Longest report that is looked at; a full one has about 2 KiB.
const MAX_BYTES: usize = 8 * 1024;

pub(crate) struct RobotStates {
    store: Arc<Store>,
    latest: Mutex<BTreeMap<String, Latest>>,
    changes: broadcast::Sender<RobotState>,
    drive_log: mpsc::Sender<NamedEntry>,
}

struct Latest {
    online: bool,
    received_ms: u64,
    telemetry: Option<Arc<Value>>,
    clock: ClockEstimate,
    driver: DriverWatch,
}

/// When a report came, by both clocks.
#[derive(Clone, Copy, Debug)]
struct Received {
    instant: Instant,
    unix_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RobotState {
    pub(crate) robot: String,
    pub(crate) online: bool,
    /// When its last report came, in Unix milliseconds.
    pub(crate) received_ms: u64,
    /// Its last report, whole.
    pub(crate) telemetry: Option<Arc<Value>>,
}

/// Why a report is not taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RejectedTelemetry {
    #[error("no robot's telemetry travels on this topic")]
    Topic,
    #[error("no robot is so named")]
    Unknown,
    #[error("a report has at most {MAX_BYTES} bytes, this has {0}")]
    TooLong(usize),
    #[error("a report is a JSON object with \"online\": {0}")]
    Shape(String),
}

impl RobotStates {
    /// None yet; who drives them is to be written down from `drive_log`'s other end.
    pub(crate) fn new(store: Arc<Store>, drive_log: mpsc::Sender<NamedEntry>) -> Self {
        Self {
            store,
            latest: Mutex::default(),
            changes: broadcast::Sender::new(BACKLOG),
            drive_log,
        }
    }

    /// Accepts every report that comes in, until `shutdown`.
    pub(crate) async fn receive(
        self: Arc<Self>,
        mut inbox: mpsc::Receiver<(String, Bytes)>,
        metrics: Arc<Metrics>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        loop {
            let report = tokio::select! {
                report = inbox.recv() => report,
                () = shutdown.cancelled() => return Ok(()),
            };
            let (topic, payload) = report.context("the MQTT client is gone")?;
            let received = Received {
                instant: clock::instant(),
                unix_ms: clock::unix_ms(),
            };
            match self.accept(&topic, &payload, received) {
                Ok(()) => metrics.telemetry.inc(),
                Err(rejected) => {
                    debug!(topic, %rejected, "telemetry dropped");
                    metrics.telemetry_rejected.inc()
                }
            };
        }
    }

    /// Takes up what came in on `topic`; nothing changes where it is rejected.
    fn accept(&self, topic: &str, payload: &Bytes, now: Received) -> Result<(), RejectedTelemetry> {
        let robot = wire::topic::robot_of_telemetry(topic).ok_or(RejectedTelemetry::Topic)?;
        if !self.store.directory().robots.contains(robot) {
            return Err(RejectedTelemetry::Unknown);
        }
        if payload.len() > MAX_BYTES {
            return Err(RejectedTelemetry::TooLong(payload.len()));
        }
        let report: Value = serde_json::from_slice(payload)
            .map_err(|error| RejectedTelemetry::Shape(error.to_string()))?;
        let online = report
            .get("online")
            .and_then(Value::as_bool)
            .ok_or_else(|| RejectedTelemetry::Shape("there is none".to_owned()))?;
        let mut all = self.latest();
        let latest = all
            .entry(robot.to_owned())
            .or_insert_with(|| Latest::new(now.instant));
        (latest.online, latest.received_ms) = (online, now.unix_ms);
        let drive = if online {
            latest.take_up(report, now.instant)
        } else {
            // A last will says only that it is gone; what it said before stays readable.
            latest.driver.lose()
        };
        self.note(robot, drive, now.unix_ms);
        self.notify(state(robot, latest));
        Ok(())
    }

    /// Marks those who have fallen silent, and forgets robots that are no more.
    pub(crate) fn mark_silent_offline(&self, now_ms: u64) {
        let known = self.store.directory();
        let mut latest = self.latest();
        latest.retain(|robot, _| known.robots.contains(robot));
        for (robot, latest) in latest.iter_mut() {
            if latest.online && now_ms.saturating_sub(latest.received_ms) >= SILENT_AFTER_MS {
                latest.online = false;
                self.note(robot, latest.driver.lose(), now_ms);
                self.notify(state(robot, latest));
            }
        }
    }

    /// What the own clock of `robot` shows at `at`; none before its first report.
    pub(crate) fn clock_ms(&self, robot: &str, at: Instant) -> Option<u64> {
        self.latest().get(robot)?.clock.at(at)
    }

    /// The newest of `robot`, if it ever said anything.
    pub(crate) fn newest(&self, robot: &str) -> Option<RobotState> {
        self.latest().get(robot).map(|latest| state(robot, latest))
    }

    /// How many robots are online.
    pub(crate) fn online(&self) -> usize {
        self.latest()
            .values()
            .filter(|latest| latest.online)
            .count()
    }

    /// Every change from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<RobotState> {
        self.changes.subscribe()
    }

    fn note(&self, robot: &str, event: Option<DriveEvent>, at_ms: u64) {
        let entry = event.map(|event| (robot.to_owned(), DriveEntry { at_ms, event }));
        if entry.is_some_and(|entry| self.drive_log.try_send(entry).is_err()) {
            debug!(robot, "who drives is not written down: the disk is slow");
        }
    }

    fn notify(&self, state: RobotState) {
        // There may be no subscriber.
        let _ = self.changes.send(state);
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Latest>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latest {
    fn new(now: Instant) -> Self {
        Self {
            online: false,
            received_ms: 0,
            telemetry: None,
            clock: ClockEstimate::default(),
            driver: DriverWatch::new(now),
        }
    }

    fn take_up(&mut self, report: Value, received: Instant) -> Option<DriveEvent> {
        if let Some(clock_ms) = report.get("clock_ms").and_then(Value::as_u64) {
            self.clock.observe(clock_ms, received);
        }
        let event = self.driver.observe(&report, received);
        self.telemetry = Some(Arc::new(report));
        event
    }
}

fn state(robot: &str, latest: &Latest) -> RobotState {
    RobotState {
        robot: robot.to_owned(),
        online: latest.online,
        received_ms: latest.received_ms,
        telemetry: latest.telemetry.clone(),
    }
}

#[cfg(test)]
mod tests;
