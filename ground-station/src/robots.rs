//! The newest telemetry of every robot, and a subscription to every change of it. Knows
//! nothing of MQTT but topics.

use crate::clock;
use crate::metrics::Metrics;
use crate::store::Store;
use anyhow::Context;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
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
}

#[derive(Clone)]
struct Latest {
    online: bool,
    received_ms: u64,
    telemetry: Option<Arc<Value>>,
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
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            latest: Mutex::default(),
            changes: broadcast::Sender::new(BACKLOG),
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
            match self.accept(&topic, &payload, clock::unix_ms()) {
                Ok(()) => metrics.telemetry.inc(),
                Err(rejected) => {
                    debug!(topic, %rejected, "telemetry dropped");
                    metrics.telemetry_rejected.inc()
                }
            };
        }
    }

    /// Takes up what came in on `topic`; nothing changes where it is rejected.
    fn accept(&self, topic: &str, payload: &Bytes, now_ms: u64) -> Result<(), RejectedTelemetry> {
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
        let mut latest = self.latest();
        let before = latest.get(robot).and_then(|l| l.telemetry.clone());
        let now = Latest {
            online,
            received_ms: now_ms,
            // A last will says only that it is gone; what it said before stays readable.
            telemetry: if online {
                Some(Arc::new(report))
            } else {
                before
            },
        };
        self.notify(state(robot, &now));
        latest.insert(robot.to_owned(), now);
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
                self.notify(state(robot, latest));
            }
        }
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

    fn notify(&self, state: RobotState) {
        // There may be no subscriber.
        let _ = self.changes.send(state);
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Latest>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
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
mod tests {
    use super::*;
    use crate::store::Kind;

    fn robots() -> (tempfile::TempDir, RobotStates) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("station.db")).unwrap();
        store.add_name("rover", Kind::Robot, 0).unwrap();
        (dir, RobotStates::new(Arc::new(store)))
    }

    fn accept(robots: &RobotStates, payload: &str, now_ms: u64) -> Result<(), RejectedTelemetry> {
        robots.accept("rover/telemetry", &Bytes::from(payload.to_owned()), now_ms)
    }

    #[test]
    fn the_newest_report_is_stored_and_sent_to_subscribers() {
        let (_dir, robots) = robots();
        let mut subscriber = robots.subscribe();
        accept(&robots, r#"{"online":true,"uptime_s":1}"#, 5).unwrap();
        accept(&robots, r#"{"online":true,"uptime_s":2}"#, 6).unwrap();
        let newest = robots.newest("rover").unwrap();
        assert_eq!(newest.telemetry.as_ref().unwrap()["uptime_s"], 2);
        assert_eq!((newest.online, newest.received_ms), (true, 6));
        assert_eq!(subscriber.try_recv().unwrap().received_ms, 5);
        assert_eq!(subscriber.try_recv().unwrap(), newest);
    }

    #[test]
    fn a_last_will_means_offline_and_keeps_the_last_report() {
        let (_dir, robots) = robots();
        accept(&robots, r#"{"online":true,"uptime_s":1}"#, 5).unwrap();
        accept(&robots, wire::telemetry::OFFLINE, 6).unwrap();
        let newest = robots.newest("rover").unwrap();
        assert!(!newest.online);
        assert_eq!(newest.telemetry.unwrap()["uptime_s"], 1);
    }

    #[test]
    fn silence_means_offline_and_is_sent_once() {
        let (_dir, robots) = robots();
        accept(&robots, r#"{"online":true}"#, 5).unwrap();
        let mut subscriber = robots.subscribe();
        robots.mark_silent_offline(5 + SILENT_AFTER_MS - 1);
        assert_eq!(robots.online(), 1);
        robots.mark_silent_offline(5 + SILENT_AFTER_MS);
        robots.mark_silent_offline(6 + SILENT_AFTER_MS);
        assert_eq!(robots.online(), 0);
        assert!(!subscriber.try_recv().unwrap().online);
        assert!(subscriber.try_recv().is_err());
    }

    #[test]
    fn what_is_no_report_changes_nothing() {
        let (_dir, robots) = robots();
        let accept_on =
            |topic: &str, payload: &str| robots.accept(topic, &Bytes::from(payload.to_owned()), 1);
        assert_eq!(
            accept_on("rover/action", "{}"),
            Err(RejectedTelemetry::Topic)
        );
        assert_eq!(
            accept_on("ghost/telemetry", "{}"),
            Err(RejectedTelemetry::Unknown)
        );
        let long = format!("{{\"online\":true,\"x\":\"{}\"}}", "x".repeat(MAX_BYTES));
        for payload in ["", "{}", "[]", "3", r#"{"online":1}"#, "\u{0}", &long] {
            assert!(
                accept_on("rover/telemetry", payload).is_err(),
                "{payload:.20}"
            );
        }
        assert_eq!(robots.newest("rover"), None);
    }
}
