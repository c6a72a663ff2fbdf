//! The newest telemetry of every robot, and who is told of it.
//!
//! Owns what robots said last. Knows nothing of MQTT but topics, and nothing of HTTP.

use crate::store::Store;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// A robot that has said nothing for so long is taken to be offline: ten of its reports are
/// missing then. Its last will says so too, but only when the broker has noticed.
pub const SILENT_AFTER_MS: u64 = 10_000;

/// Events waiting for one slow listener; one that falls behind is told the newest of every
/// robot instead.
const BACKLOG: usize = 256;

/// Longest report that is looked at; a full one has about 2 KiB.
const MAX_BYTES: usize = 8 * 1024;

/// What is known of the robots.
pub struct RobotStates {
    store: Arc<Store>,
    latest: Mutex<BTreeMap<String, Latest>>,
    news: broadcast::Sender<RobotState>,
}

#[derive(Clone)]
struct Latest {
    online: bool,
    received_ms: u64,
    telemetry: Option<Arc<Value>>,
}

/// One robot's newest state, as it is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RobotState {
    /// Its name.
    pub robot: String,
    /// Whether it is there.
    pub online: bool,
    /// When it last said something, in Unix milliseconds.
    pub received_ms: u64,
    /// Its last report, whole.
    pub telemetry: Option<Arc<Value>>,
}

/// Why a report is not taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectedTelemetry {
    /// Not a telemetry topic.
    #[error("no robot's telemetry travels on this topic")]
    Topic,
    /// No robot of that name.
    #[error("no robot is so named")]
    Unknown,
    /// Too long.
    #[error("a report has at most {MAX_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// Not a report.
    #[error("a report is a JSON object with \"online\": {0}")]
    Shape(String),
}

impl RobotStates {
    /// Nothing is known yet.
    pub fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            latest: Mutex::default(),
            news: broadcast::Sender::new(BACKLOG),
        }
    }

    /// Takes up what came in on `topic`.
    ///
    /// # Errors
    /// [`RejectedTelemetry`], and nothing has changed.
    pub fn hear(&self, topic: &str, payload: &Bytes, now_ms: u64) -> Result<(), RejectedTelemetry> {
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
        self.tell(news(robot, &now));
        latest.insert(robot.to_owned(), now);
        Ok(())
    }

    /// Takes note of who has fallen silent, and forgets robots that are no more.
    pub fn notice_silence(&self, now_ms: u64) {
        let known = self.store.directory();
        let mut latest = self.latest();
        latest.retain(|robot, _| known.robots.contains(robot));
        for (robot, latest) in latest.iter_mut() {
            if latest.online && now_ms.saturating_sub(latest.received_ms) >= SILENT_AFTER_MS {
                latest.online = false;
                self.tell(news(robot, latest));
            }
        }
    }

    /// The newest of `robot`, if it ever said anything.
    pub fn newest(&self, robot: &str) -> Option<RobotState> {
        self.latest().get(robot).map(|latest| news(robot, latest))
    }

    /// How many robots are online.
    pub fn online(&self) -> usize {
        self.latest()
            .values()
            .filter(|latest| latest.online)
            .count()
    }

    /// Everything that is told from now on.
    pub fn listen(&self) -> broadcast::Receiver<RobotState> {
        self.news.subscribe()
    }

    fn tell(&self, news: RobotState) {
        // Nobody may be listening.
        let _ = self.news.send(news);
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Latest>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn news(robot: &str, latest: &Latest) -> RobotState {
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

    fn hear(robots: &RobotStates, payload: &str, now_ms: u64) -> Result<(), RejectedTelemetry> {
        robots.hear("rover/telemetry", &Bytes::from(payload.to_owned()), now_ms)
    }

    #[test]
    fn the_newest_report_is_kept_and_told() {
        let (_dir, robots) = robots();
        let mut listener = robots.listen();
        hear(&robots, r#"{"online":true,"uptime_s":1}"#, 5).unwrap();
        hear(&robots, r#"{"online":true,"uptime_s":2}"#, 6).unwrap();
        let newest = robots.newest("rover").unwrap();
        assert_eq!(newest.telemetry.as_ref().unwrap()["uptime_s"], 2);
        assert_eq!((newest.online, newest.received_ms), (true, 6));
        assert_eq!(listener.try_recv().unwrap().received_ms, 5);
        assert_eq!(listener.try_recv().unwrap(), newest);
    }

    #[test]
    fn a_last_will_means_offline_and_keeps_the_last_report() {
        let (_dir, robots) = robots();
        hear(&robots, r#"{"online":true,"uptime_s":1}"#, 5).unwrap();
        hear(&robots, wire::telemetry::OFFLINE, 6).unwrap();
        let newest = robots.newest("rover").unwrap();
        assert!(!newest.online);
        assert_eq!(newest.telemetry.unwrap()["uptime_s"], 1);
    }

    #[test]
    fn silence_means_offline_and_is_told_once() {
        let (_dir, robots) = robots();
        hear(&robots, r#"{"online":true}"#, 5).unwrap();
        let mut listener = robots.listen();
        robots.notice_silence(5 + SILENT_AFTER_MS - 1);
        assert_eq!(robots.online(), 1);
        robots.notice_silence(5 + SILENT_AFTER_MS);
        robots.notice_silence(6 + SILENT_AFTER_MS);
        assert_eq!(robots.online(), 0);
        assert!(!listener.try_recv().unwrap().online);
        assert!(listener.try_recv().is_err());
    }

    #[test]
    fn what_is_no_report_changes_nothing() {
        let (_dir, robots) = robots();
        let hear_on =
            |topic: &str, payload: &str| robots.hear(topic, &Bytes::from(payload.to_owned()), 1);
        assert_eq!(hear_on("rover/action", "{}"), Err(RejectedTelemetry::Topic));
        assert_eq!(
            hear_on("ghost/telemetry", "{}"),
            Err(RejectedTelemetry::Unknown)
        );
        let long = format!("{{\"online\":true,\"x\":\"{}\"}}", "x".repeat(MAX_BYTES));
        for payload in ["", "{}", "[]", "3", r#"{"online":1}"#, "\u{0}", &long] {
            assert!(
                hear_on("rover/telemetry", payload).is_err(),
                "{payload:.20}"
            );
        }
        assert_eq!(robots.newest("rover"), None);
    }
}
