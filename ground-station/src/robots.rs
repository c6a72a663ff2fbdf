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
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// A robot that has said nothing for so long is taken to be offline: ten of its reports are
/// missing then. Its last will says so too, but only when the broker has noticed.
const SILENT_AFTER_MS: u64 = 10_000;

/// A robot that is connected to the broker reports within a second, if it reports at all: a robot
/// run by the AWS sample's program never does.
const REPORTS_WITHIN_MS: u64 = 5_000;

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
    connection: Connection,
    online: bool,
    received_ms: u64,
    telemetry: Option<Arc<Value>>,
    clock: ClockEstimate,
    driver: DriverWatch,
}

/// To the broker, as far as that tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Unknown,
    /// It stands since then, in Unix milliseconds, and no report has come by it.
    Unreported(u64),
    Reported,
}

/// When a report came, by both clocks.
#[derive(Clone, Copy, Debug)]
struct Received {
    instant: Instant,
    unix_ms: u64,
}

impl Received {
    fn now() -> Self {
        Self {
            instant: clock::instant(),
            unix_ms: clock::unix_ms(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RobotState {
    pub(crate) robot: String,
    pub(crate) online: bool,
    /// When its last report came, or when it was last known to be connected, in Unix milliseconds.
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
        mut clients: watch::Receiver<BTreeSet<String>>,
        metrics: Arc<Metrics>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        loop {
            let report = tokio::select! {
                report = inbox.recv() => report,
                Ok(()) = clients.changed() => {
                    self.connected(&clients.borrow_and_update(), Received::now());
                    continue;
                }
                () = shutdown.cancelled() => return Ok(()),
            };
            let (topic, payload) = report.context("the MQTT client is gone")?;
            let received = Received::now();
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
        if latest.connection != Connection::Unknown {
            latest.connection = Connection::Reported;
        }
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

    /// Takes up who is connected to the broker now.
    fn connected(&self, clients: &BTreeSet<String>, now: Received) {
        let known = self.store.directory();
        let mut all = self.latest();
        for robot in clients.iter().filter(|name| known.robots.contains(*name)) {
            let latest = all.entry(robot.clone()).or_insert_with(|| Latest {
                received_ms: now.unix_ms,
                ..Latest::new(now.instant)
            });
            if latest.connection == Connection::Unknown {
                latest.connection = Connection::Unreported(now.unix_ms);
            }
        }
        for (robot, latest) in all
            .iter_mut()
            .filter(|(robot, _)| !clients.contains(*robot))
        {
            let was = std::mem::replace(&mut latest.connection, Connection::Unknown);
            if matches!(was, Connection::Unreported(_)) && latest.online {
                (latest.online, latest.received_ms) = (false, now.unix_ms);
                self.notify(state(robot, latest));
            }
        }
    }

    /// Marks those who have fallen silent, and those who are there and never report; forgets robots
    /// that are no more.
    pub(crate) fn mark_silent(&self, now_ms: u64) {
        let known = self.store.directory();
        let mut latest = self.latest();
        latest.retain(|robot, _| known.robots.contains(robot));
        for (robot, latest) in latest.iter_mut() {
            if let Connection::Unreported(since_ms) = latest.connection
                && now_ms.saturating_sub(since_ms) >= REPORTS_WITHIN_MS
            {
                let is_news = !latest.online || latest.telemetry.is_some();
                (latest.online, latest.received_ms) = (true, now_ms);
                // Of another program, or another time.
                latest.telemetry = None;
                if is_news {
                    self.note(robot, latest.driver.lose(), now_ms);
                    self.notify(state(robot, latest));
                }
            } else if latest.online && now_ms.saturating_sub(latest.received_ms) >= SILENT_AFTER_MS
            {
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
            connection: Connection::Unknown,
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
