//! Who drives a robot, and what of it changes from one of its reports to the next. Pure.

use crate::store::{DriveEvent, Sender};
use daemon::rate_limit::{Rate, TokenBucket};
use serde_json::Value;
use std::time::Instant;
use wire::telemetry::{Driver, StoppedBy};

/// How often a robot's driver may change in the log: two who take the robot from each other at
/// every key press, for a while. Past that, what changes in between is left out.
const CHANGES: Rate = Rate {
    burst: 30.0,
    per_s: 0.5,
};

/// Longest id or name in the log; robots take no longer ones from anybody.
const MAX_NAME_CHARS: usize = 128;

/// What is known of who drives.
#[derive(Debug)]
pub(super) struct DriverWatch {
    last: State,
    /// Whom the stop that `last` tells of has stopped.
    stopped: Option<Sender>,
    changes: TokenBucket,
}

/// What a report tells.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    driver: Option<Sender>,
    stopped_by: Option<Sender>,
}

impl DriverWatch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last: State::default(),
            stopped: None,
            changes: TokenBucket::new(CHANGES, now),
        }
    }

    /// Takes up a report; what has changed with it, if anything.
    pub(super) fn observe(&mut self, report: &Value, now: Instant) -> Option<DriveEvent> {
        self.advance(State::of(report), now)
    }

    /// The robot is heard no more.
    pub(super) fn lose(&mut self) -> Option<DriveEvent> {
        let lost = std::mem::take(&mut self.last).driver;
        self.stopped = None;
        lost.map(|driver| DriveEvent::Lost { driver })
    }

    fn advance(&mut self, state: State, now: Instant) -> Option<DriveEvent> {
        let event = self.event(&state);
        if event.is_some() && !self.changes.take(now) {
            return None;
        }
        match (&event, &state.stopped_by) {
            (Some(DriveEvent::Stopped { driver, .. }), _) => self.stopped = Some(driver.clone()),
            (_, None) => self.stopped = None,
            _ => {}
        }
        self.last = state;
        event
    }

    fn event(&self, state: &State) -> Option<DriveEvent> {
        let stop = state.stopped_by.clone();
        let stop = stop.filter(|_| state.stopped_by != self.last.stopped_by);
        match (self.last.driver.clone(), state.driver.clone()) {
            (before, now) if before == now => None,
            (None, None) => None,
            (Some(driver), None) => Some(match stop {
                Some(by) => DriveEvent::Stopped { driver, by },
                None => DriveEvent::Ended { driver },
            }),
            (before, Some(driver)) => {
                let before = before.or_else(|| self.stopped.clone());
                Some(match before.filter(|before| before.id != driver.id) {
                    Some(from) => DriveEvent::TookOver { driver, from },
                    None => DriveEvent::Began { driver },
                })
            }
        }
    }
}

impl State {
    /// What makes no sense in a report is left out, as if it were not there.
    fn of(report: &Value) -> Self {
        let driver = report.get("driver").cloned();
        let driver = driver.and_then(|driver| serde_json::from_value::<Driver>(driver).ok());
        let stopped_by = report.get("stopped_by").cloned();
        let stopped_by = stopped_by.and_then(|by| serde_json::from_value::<StoppedBy>(by).ok());
        Self {
            driver: driver.map(|driver| Sender {
                id: shortened(driver.id),
                user: driver.user.map(shortened),
                via: driver.via,
            }),
            stopped_by: stopped_by.map(|by| Sender {
                id: shortened(by.id),
                user: by.user.map(shortened),
                via: by.via,
            }),
        }
    }
}

fn shortened(name: String) -> String {
    match name.char_indices().nth(MAX_NAME_CHARS) {
        Some((end, _)) => name[..end].to_owned(),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;
    use wire::telemetry::Via;

    fn sender(id: &str) -> Sender {
        Sender {
            id: id.to_owned(),
            user: Some(format!("user-{id}")),
            via: Via::Mqtt,
        }
    }

    /// A report; `-` is nobody.
    fn report(driver: &str, stopped_by: &str) -> Value {
        let mut report = json!({"online": true});
        let person =
            |id: &str| json!({"id": id, "user": format!("user-{id}"), "via": "mqtt", "age_ms": 7});
        for (field, id) in [("driver", driver), ("stopped_by", stopped_by)] {
            if id != "-" {
                report[field] = person(id);
            }
        }
        report
    }

    /// What a series of reports, a second apart, comes to.
    fn story(reports: &[(&str, &str)]) -> Vec<DriveEvent> {
        let mut now = crate::clock::instant();
        let mut watch = DriverWatch::new(now);
        let mut tell = |(driver, stopped_by): &(&str, &str)| {
            now += Duration::from_secs(1);
            watch.observe(&report(driver, stopped_by), now)
        };
        reports.iter().filter_map(&mut tell).collect()
    }

    #[test]
    fn every_change_of_driver_is_told_once() {
        let (a, b) = (|| sender("a"), || sender("b"));
        let began = DriveEvent::Began { driver: a() };
        let ended = |driver| DriveEvent::Ended { driver };
        let stopped = DriveEvent::Stopped {
            driver: a(),
            by: b(),
        };
        let took_over = DriveEvent::TookOver {
            driver: b(),
            from: a(),
        };
        for (reports, told) in [
            (&[("-", "-"), ("-", "-")][..], vec![]),
            (
                &[("a", "-"), ("a", "-"), ("-", "-")],
                vec![began.clone(), ended(a())],
            ),
            (
                &[("a", "-"), ("b", "-")],
                vec![began.clone(), took_over.clone()],
            ),
            (
                &[("a", "-"), ("-", "b"), ("-", "b"), ("b", "-"), ("-", "-")],
                vec![began.clone(), stopped.clone(), took_over, ended(b())],
            ),
            (
                &[("a", "-"), ("-", "b"), ("a", "-")],
                vec![began.clone(), stopped.clone(), began.clone()],
            ),
            // Once the stop is no news, whoever comes next does not take over.
            (
                &[("a", "-"), ("-", "b"), ("-", "-"), ("b", "-")],
                vec![began.clone(), stopped, DriveEvent::Began { driver: b() }],
            ),
            // A stop of somebody who was not driving is nothing.
            (&[("-", "b"), ("-", "-")], vec![]),
        ] {
            assert_eq!(story(reports), told, "{reports:?}");
        }
    }

    #[test]
    fn another_road_of_the_same_driver_is_told() {
        let now = crate::clock::instant();
        let mut watch = DriverWatch::new(now);
        watch.observe(&report("a", "-"), now);
        let mut later = report("a", "-");
        later["driver"]["via"] = "data-channel".into();
        let driver = Sender {
            via: Via::DataChannel,
            ..sender("a")
        };
        let told = watch.observe(&later, now);
        assert_eq!(told, Some(DriveEvent::Began { driver }));
    }

    #[test]
    fn with_a_robot_that_falls_silent_its_driver_is_lost() {
        let now = crate::clock::instant();
        let mut watch = DriverWatch::new(now);
        assert_eq!(watch.lose(), None);
        let began = watch.observe(&report("a", "-"), now);
        let driver = sender("a");
        assert_eq!(watch.lose(), Some(DriveEvent::Lost { driver }));
        assert_eq!(watch.observe(&report("a", "-"), now), began);
    }

    #[test]
    fn a_driver_that_makes_no_sense_is_nobody() {
        for driver in [
            json!(null),
            json!("a"),
            json!({"id": "a"}),
            json!({"id": 1, "via": "mqtt"}),
        ] {
            let report = json!({"online": true, "driver": driver});
            assert_eq!(State::of(&report), State::default(), "{report}");
        }
        let long = report(&"ü".repeat(999), "-");
        let name = State::of(&long).driver.unwrap().id;
        assert_eq!(name.chars().count(), MAX_NAME_CHARS);
    }

    #[test]
    fn a_driver_that_changes_with_every_report_does_not_fill_the_log() {
        let start = crate::clock::instant();
        let mut watch = DriverWatch::new(start);
        let told = (0..1000).filter_map(|n| {
            let driver = if n % 2 == 0 { "a" } else { "b" };
            let now = start + Duration::from_millis(100 * n);
            watch.observe(&report(driver, "-"), now)
        });
        assert!((30..=81).contains(&told.count()));
    }
}
