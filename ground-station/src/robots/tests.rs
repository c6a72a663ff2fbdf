//! Reports and what becomes of them.

use super::*;
use crate::store::Kind;

fn robots() -> (tempfile::TempDir, RobotStates) {
    let (dir, robots, _) = logged_robots();
    (dir, robots)
}

fn logged_robots() -> (tempfile::TempDir, RobotStates, mpsc::Receiver<NamedEntry>) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("station.db")).unwrap();
    store.add_name("rover", Kind::Robot, 0).unwrap();
    let (sender, log) = mpsc::channel(2);
    (dir, RobotStates::new(Arc::new(store), sender), log)
}

fn at(unix_ms: u64) -> Received {
    Received {
        instant: clock::instant(),
        unix_ms,
    }
}

fn accept(robots: &RobotStates, payload: &str, now_ms: u64) -> Result<(), RejectedTelemetry> {
    robots.accept(
        "rover/telemetry",
        &Bytes::from(payload.to_owned()),
        at(now_ms),
    )
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
    robots.mark_silent(5 + SILENT_AFTER_MS - 1);
    assert_eq!(robots.online(), 1);
    robots.mark_silent(5 + SILENT_AFTER_MS);
    robots.mark_silent(6 + SILENT_AFTER_MS);
    assert_eq!(robots.online(), 0);
    assert!(!subscriber.try_recv().unwrap().online);
    assert!(subscriber.try_recv().is_err());
}

#[test]
fn what_is_no_report_changes_nothing() {
    let (_dir, robots) = robots();
    let accept_on =
        |topic: &str, payload: &str| robots.accept(topic, &Bytes::from(payload.to_owned()), at(1));
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

#[test]
fn its_own_clock_is_known_from_its_reports() {
    let (_dir, robots) = robots();
    let now = clock::instant();
    assert_eq!(robots.clock_ms("rover", now), None);
    accept(&robots, r#"{"online":true}"#, 5).unwrap();
    assert_eq!(robots.clock_ms("rover", now), None, "it tells none");
    let report = Bytes::from(r#"{"online":true,"clock_ms":7000}"#);
    let received = Received {
        instant: now,
        unix_ms: 6,
    };
    robots.accept("rover/telemetry", &report, received).unwrap();
    let later = now + std::time::Duration::from_millis(30);
    assert_eq!(robots.clock_ms("rover", later), Some(7030));
    accept(&robots, wire::telemetry::OFFLINE, 7).unwrap();
    assert_eq!(robots.clock_ms("rover", later), Some(7030));
}

#[test]
fn who_drives_goes_to_the_log_and_a_full_one_holds_no_report_up() {
    let (_dir, robots, mut log) = logged_robots();
    let driven = r#"{"online":true,"driver":{"id":"a","via":"mqtt","age_ms":1}}"#;
    for now_ms in 0..10 {
        accept(&robots, driven, now_ms).unwrap();
    }
    robots.mark_silent(9 + SILENT_AFTER_MS);
    for now_ms in [20_000, 20_001] {
        accept(&robots, driven, now_ms).unwrap();
    }
    assert_eq!(robots.newest("rover").unwrap().received_ms, 20_001);
    let mut logged = std::iter::from_fn(|| log.try_recv().ok());
    let (robot, began) = logged.next().unwrap();
    assert_eq!((robot.as_str(), began.at_ms), ("rover", 0));
    assert!(matches!(began.event, DriveEvent::Began { .. }));
    let (_, lost) = logged.next().unwrap();
    assert_eq!(lost.at_ms, 9 + SILENT_AFTER_MS);
    assert!(matches!(lost.event, DriveEvent::Lost { .. }));
    assert!(logged.next().is_none());
}

fn connected(robots: &RobotStates, clients: &[&str], now_ms: u64) {
    let clients = clients.iter().map(|name| (*name).to_owned()).collect();
    robots.connected(&clients, at(now_ms));
}

#[test]
fn a_robot_that_is_connected_and_never_reports_is_online_without_telemetry() {
    let (_dir, robots) = robots();
    let mut subscriber = robots.subscribe();
    connected(&robots, &["ground.station", "rover", "stranger"], 1000);
    assert!(robots.newest("stranger").is_none());
    robots.mark_silent(1000 + REPORTS_WITHIN_MS - 1);
    assert!(subscriber.try_recv().is_err(), "it may yet report");
    for now_ms in [6000, 7000, 60_000] {
        robots.mark_silent(now_ms);
        let newest = robots.newest("rover").unwrap();
        assert_eq!((newest.online, newest.received_ms), (true, now_ms));
        assert_eq!(newest.telemetry, None);
    }
    assert!(subscriber.try_recv().is_ok_and(|state| state.online));
    assert!(subscriber.try_recv().is_err(), "it is told once");
    connected(&robots, &["ground.station"], 61_000);
    let newest = robots.newest("rover").unwrap();
    assert_eq!((newest.online, newest.received_ms), (false, 61_000));
    assert!(subscriber.try_recv().is_ok_and(|state| !state.online));
}

#[test]
fn a_robot_that_reports_is_judged_by_its_reports_alone() {
    let (_dir, robots) = robots();
    connected(&robots, &["rover"], 0);
    accept(&robots, r#"{"online":true,"uptime_s":1}"#, 100).unwrap();
    robots.mark_silent(100 + SILENT_AFTER_MS);
    assert!(
        !robots.newest("rover").unwrap().online,
        "though it is connected"
    );
    // Another program under the same name that never reports.
    connected(&robots, &[], 20_000);
    connected(&robots, &["rover"], 21_000);
    robots.mark_silent(21_000 + REPORTS_WITHIN_MS);
    let newest = robots.newest("rover").unwrap();
    assert_eq!((newest.online, newest.telemetry), (true, None));
}
