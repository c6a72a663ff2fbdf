//! Who watches and drives over a peer connection is out when the command has answered that ends
//! their right to, though they do nothing for it.

use serde_json::json;
use tests::kvs::{Access, Client};
use tests::robot::{Folder, Write};
use tests::station::run_command;
use tests::tcp_relay::{Flow, TcpRelay};
use tests::{Robot, Station, Viewer, eventually, unix_ns};

/// A station and the folder of a robot with a camera.
async fn station() -> (Station, Folder) {
    let station = Station::start().await;
    let folder = station.new_robot("rover").await;
    folder.configure(&json!({ "video": { "source": "test", "fps": 30 } }));
    (station, folder)
}

async fn join(station: &Station, name: &str, access: Access<'_>) -> Viewer {
    let client = Client::viewer(&station.ready.http, "rover", access).await;
    Viewer::join(&client, name).await.unwrap()
}

/// Waits until a viewer has got some more video, over the connection it has.
async fn shown(viewer: &Viewer) {
    let bytes = viewer.bytes();
    eventually("video goes on", async || {
        (viewer.bytes() > bytes + 10_000).then_some(())
    })
    .await;
}

/// Waits until a viewer drives that sends moves ten times a second.
async fn drives(robot: &Robot) {
    let seen = robot.folder.writes().len();
    robot.wheels(seen, "the viewer drives", |w| w.moves()).await;
}

/// That the wheels turn, and not by an order of before: an order lasts 200 ms.
async fn still_drives(robot: &Robot) {
    eventually("the wheels turn", async || {
        robot.folder.last_write().filter(Write::moves)
    })
    .await;
}

/// That the wheels are at rest and none was set to turn after `since`, though moves kept coming.
async fn is_out(robot: &Robot, viewer: &Viewer, since: u64) {
    viewer.ended().await;
    let bytes = viewer.bytes();
    eventually("twenty more moves were sent", async || {
        (unix_ns() > since + 2_000_000_000).then_some(())
    })
    .await;
    let last = robot.folder.last_write();
    assert!(last.is_some_and(|write| !write.moves()), "{last:?}");
    let moved = |write: &Write| write.t_ns > since && write.moves();
    let late: Vec<_> = robot.folder.writes().into_iter().filter(moved).collect();
    assert!(late.is_empty(), "{late:?} after {since}");
    assert_eq!(viewer.bytes(), bytes, "it is shown nothing");
}

async fn accepted(station: &Station, key: &str, after_s: u64) -> (u64, u64) {
    eventually("a later report", async || {
        let telemetry = station.telemetry("rover", key).await;
        let uptime_s = telemetry["uptime_s"].as_u64()?;
        let accepted = telemetry["counters"]["accepted"].as_u64()?;
        (uptime_s > after_s).then_some((accepted, uptime_s))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_removed_is_out_when_the_command_has_answered_and_others_go_on() {
    let (station, folder) = station().await;
    let (key, token) = (station.new_key("rover").await, station.new_token(&[]).await);
    let mut robot = Robot::start_video(folder).await;
    let ann = join(&station, "ann", Access::Token(&token)).await;
    let bert = join(&station, "bert", Access::Key(&key)).await;
    let _insisting = ann.insist();
    drives(&robot).await;
    station.command(&["revoke", "--user", "ann"]).await;
    let answered = unix_ns();
    is_out(&robot, &ann, answered).await;
    let (counted, at_s) = accepted(&station, &key, 0).await;
    let (later, _) = accepted(&station, &key, at_s + 1).await;
    assert_eq!(counted, later, "nothing more is accepted");
    shown(&bert).await;
    bert.forward().await;
    drives(&robot).await;
    let log = robot.process().log();
    assert!(log.contains("viewer ann may no longer watch"), "{log}");
    assert!(!log.contains("viewer bert may no longer watch"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_has_ordered_by_http_is_over_when_the_command_has_answered_that_removes_it() {
    let (station, folder) = station().await;
    let key = station.new_key("rover").await;
    let robot = Robot::start_video(folder).await;
    let order = r#"{"action":"forward","duration_ms":2000}"#;
    station.drive_until_it_moves(&robot, &key).await;
    eventually("the wheels rest", async || {
        robot.folder.last_write().filter(|write| !write.moves())
    })
    .await;
    station.publish("rover", &key, order).await;
    still_drives(&robot).await;
    station.command(&["revoke", "--key", "1"]).await;
    let answered = unix_ns();
    let last = robot.folder.last_write().unwrap();
    assert!(!last.moves() && last.t_ns < answered, "{last:?}");
    let turned = robot.folder.writes().into_iter().rev().find(Write::moves);
    let turned = last.t_ns - turned.unwrap().t_ns;
    assert!(turned < 2_000_000_000, "not by its own end: {turned}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_loses_only_this_robot_or_their_key_is_out_as_well() {
    let (station, folder) = station().await;
    station.new_robot("other").await;
    let key = station.new_key("rover").await;
    let token = station.new_token(&[]).await;
    let robot = Robot::start_video(folder).await;
    let ann = join(&station, "ann", Access::Token(&token)).await;
    let insisting = ann.insist();
    drives(&robot).await;
    let elsewhere = ["new-user", "ann", "--replace", "--robot", "other"];
    station.command(&elsewhere).await;
    is_out(&robot, &ann, unix_ns()).await;
    drop(insisting);

    let bert = join(&station, "bert", Access::Key(&key)).await;
    let _insisting = bert.insist();
    drives(&robot).await;
    station.command(&["revoke", "--key", "1"]).await;
    is_out(&robot, &bert, unix_ns()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_is_revoked_shows_and_obeys_nobody_when_the_command_has_answered() {
    let (station, folder) = station().await;
    let key = station.new_key("rover").await;
    let mut robot = Robot::start_video(folder).await;
    let viewer = join(&station, "bert", Access::Key(&key)).await;
    let _insisting = viewer.insist();
    drives(&robot).await;
    let (status, _, stderr) = run_command(station.state(), &["revoke", "rover"]).await;
    let answered = unix_ns();
    assert!(status.success() && stderr.is_empty(), "{stderr}");
    is_out(&robot, &viewer, answered).await;
    let log = robot.process().log();
    assert!(log.contains("viewer bert may no longer watch"), "{log}");
    assert!(
        log.contains("was this robot's certificate revoked?"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_cannot_be_told_is_named_and_told_when_it_is_back() {
    let (station, folder) = station().await;
    let (key, token) = (station.new_key("rover").await, station.new_token(&[]).await);
    let relay = TcpRelay::to(station.ready.https.clone()).await;
    let port = relay.address.port();
    folder.configure(&json!({ "KVS_ENDPOINT": format!("https://localhost:{port}") }));
    let robot = Robot::start_video(folder).await;
    let ann = join(&station, "ann", Access::Token(&token)).await;
    let bert = join(&station, "bert", Access::Key(&key)).await;
    let insisting = ann.insist();
    drives(&robot).await;
    let revoke = async |arguments: &[&str]| {
        let (status, _, stderr) = run_command(station.state(), arguments).await;
        assert!(status.success(), "{stderr}");
        assert!(stderr.contains("rover was not reached"), "{stderr}");
        assert!(stderr.contains(" UTC at the latest"), "{stderr}");
    };
    // First nobody says that the way is dead, then it is closed.
    relay.set(Flow::Silent);
    revoke(&["revoke", "--user", "ann"]).await;
    still_drives(&robot).await;
    relay.set(Flow::Cut);
    revoke(&["revoke", "--key", "1"]).await;
    still_drives(&robot).await;
    relay.set(Flow::Open);
    ann.ended().await;
    is_out(&robot, &ann, unix_ns()).await;
    drop(insisting);
    bert.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_station_ends_no_session_of_whoever_may_watch() {
    let (mut station, folder) = station().await;
    let key = station.new_key("rover").await;
    let mut robot = Robot::start_video(folder).await;
    let bert = join(&station, "bert", Access::Key(&key)).await;
    let told = |robot: &mut Robot| {
        robot
            .process()
            .log()
            .matches("signaling is connected")
            .count()
    };
    let before = told(&mut robot);
    station.restart().await;
    eventually("the robot is back on its channel", async || {
        (told(&mut robot) > before).then_some(())
    })
    .await;
    shown(&bert).await;
    let log = robot.process().log();
    assert!(!log.contains("may no longer watch"), "{log}");
}
