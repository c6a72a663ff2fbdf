//! The program itself: how it starts, what it tells systemd, how it ends.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use robot_agent::certificates::KEY_FILE;
use robot_agent::endpoint::Endpoint;
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use tests::process::{Process, command, output};
use tests::robot::{Folder, Write};
use tests::{NotifySocket, Robot};

use crate::broker::Broker;
use crate::pki::{self, Ca};

/// The folder of a robot with simulated motors, and what keeps it.
pub(crate) fn robot(ca: &Ca, broker: &Endpoint) -> (TempDir, Folder) {
    let kept = tempfile::tempdir().unwrap();
    let folder = Folder::new(kept.path().to_owned());
    fs::create_dir(folder.certs()).unwrap();
    pki::fill(&folder.certs(), &ca.pem, &ca.sign("rover"));
    folder.write_config(&json!({
        "IOT_THINGNAME": "rover",
        "IOT_CORE_ENDPOINT": broker.to_string(),
    }));
    folder.simulate();
    (kept, folder)
}

fn wheels(write: &Write) -> (f64, f64) {
    (write.left, write.right)
}

fn last(robot: &Folder) -> Option<(f64, f64)> {
    robot.last_write().as_ref().map(wheels)
}

#[tokio::test]
async fn bad_arguments_end_with_64_and_help_and_version_with_0() {
    for (arguments, code) in [
        (&[][..], 64),
        (&["fly"], 64),
        (&["run", "--speed", "9"], 64),
        (&["enroll", "--url", "no url", "--key", "x"], 64),
        (&["--help"], 0),
        (&["--version"], 0),
    ] {
        let mut agent = command("robot-agent");
        agent.args(arguments);
        let (status, _, _) = output(agent).await;
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
    let mut agent = command("robot-agent");
    agent.arg("--version");
    let (_, version, _) = output(agent).await;
    assert_eq!(
        version,
        format!("robot-agent {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn a_bad_configuration_ends_with_78_whatever_is_asked() {
    let ca = Ca::new("Test CA");
    let (_folder, robot) = robot(&ca, &Broker::start(&ca).await.endpoint());
    robot.write_config(&json!({"IOT_THINGNAME": "a b", "moters": {}}));
    let enroll = ["enroll", "--url", "http://localhost", "--key", "x"];
    // Not `stop`: it needs the board alone, and what else is wrong must not keep wheels turning.
    for arguments in [&["run"][..], &enroll] {
        let (status, _, log) = robot.run_agent(arguments).await;
        assert_eq!(status.code(), Some(78), "{arguments:?}");
        assert!(log.contains("did you mean motors?"), "{log}");
        assert!(log.contains("IOT_THINGNAME"), "{log}");
    }
    fs::remove_file(robot.config_file()).unwrap();
    let (status, _, log) = robot.run_agent(&["run"]).await;
    assert_eq!(status.code(), Some(78));
    assert!(log.contains("does not exist"), "{log}");
}

#[tokio::test]
async fn certificates_that_cannot_be_used_end_with_78() {
    let ca = Ca::new("Test CA");
    let (_folder, robot) = robot(&ca, &Broker::start(&ca).await.endpoint());
    fs::write(robot.certs().join(KEY_FILE), ca.sign("rover").key).unwrap();
    let (status, _, log) = robot.run_agent(&["run"]).await;
    assert_eq!(status.code(), Some(78));
    assert!(
        log.contains("private.pem.key does not match certificate.pem"),
        "{log}"
    );
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

#[tokio::test]
async fn a_pulse_moves_the_wheels_and_ends_and_sigterm_ends_all() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let (_folder, robot) = robot(&ca, &broker.endpoint());
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let seen = robot.writes().len();
        let mut agent = Robot::start(robot.clone());
        let mut client = broker.online().await;
        // What was acknowledged shows that the broker is live.
        client.report().await;
        client.publish(r#"{"action":"forward"}"#).await;
        let is = |wanted| move |write: &Write| wheels(write) == wanted;
        let forward = agent.wheels(seen, "both wheels turn", is((0.5, 0.5))).await;
        let rests = |write: &Write| write.t_ns > forward.t_ns && !write.moves();
        agent.wheels(seen, "the pulse ends", rests).await;
        client
            .publish(r#"{"action":"left","duration_ms":2000}"#)
            .await;
        agent.wheels(seen, "the robot turns", is((-0.5, 0.5))).await;
        agent.process().signal(signal);
        assert_eq!(agent.process().ended().await.code(), Some(0));
        assert_eq!(last(&robot), Some((0.0, 0.0)));
    }
}

#[tokio::test]
async fn after_a_kill_a_stop_from_a_cold_process_leaves_the_board_off() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let (_folder, robot) = robot(&ca, &broker.endpoint());
    let mut agent = Robot::start(robot.clone());
    let mut client = broker.online().await;
    client.report().await;
    client
        .publish(r#"{"action":"forward","duration_ms":2000}"#)
        .await;
    agent.wheels(0, "the wheels turn", Write::moves).await;
    agent.process().signal(Signal::KILL);
    let killed = agent.process().ended().await.signal();
    assert_eq!(killed, Some(Signal::KILL.as_raw()));
    assert_eq!(last(&robot), Some((0.5, 0.5)));
    assert_eq!(robot.run_agent(&["stop"]).await.0.code(), Some(0));
    assert_eq!(last(&robot), Some((0.0, 0.0)));
}

#[tokio::test]
async fn one_identity_runs_once_on_a_computer() {
    let ca = Ca::new("Test CA");
    let broker = Broker::start(&ca).await;
    let (_folder, robot) = robot(&ca, &broker.endpoint());
    let _agent = Robot::start(robot.clone());
    broker.online().await;
    let (status, _, log) = robot.run_agent(&["run"]).await;
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("another robot-agent runs"), "{log}");
}

/// The scheduling policy of the thread of that name: field 41 of proc_pid_stat(5).
fn policy(process: &Process, thread: &str) -> Option<u32> {
    let threads = fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
    threads.flatten().find_map(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let policy = fields.split(' ').nth(41 - 3)?;
        (name == thread).then(|| policy.parse().unwrap())
    })
}

#[tokio::test]
async fn the_motor_thread_and_no_other_is_scheduled_in_real_time_where_that_is_allowed() {
    const FIFO: u32 = 1;
    let ca = Ca::new("Test CA");
    let nobody = Broker::start(&ca).await.endpoint();
    let (folder, robot) = robot(&ca, &nobody);
    let mut run = robot.agent();
    run.arg("run");
    let agent = Process::start(run, &folder.path().join("log"));
    agent.logged("the motor board is ready").await;
    let allowed = !agent.log().contains("is not scheduled in real time");
    assert_eq!(
        policy(&agent, "motors"),
        Some(if allowed { FIFO } else { 0 })
    );
    assert!(allowed || !rustix::process::geteuid().is_root());
    for other in ["log", "robot-agent", "tokio-runtime-w"] {
        assert!(
            policy(&agent, other).is_none_or(|policy| policy == 0),
            "{other}"
        );
    }
}

#[tokio::test]
async fn systemd_hears_ready_without_a_broker_then_the_watchdog_then_the_end() {
    let ca = Ca::new("Test CA");
    let nobody = Broker::start(&ca).await.endpoint();
    let (folder, robot) = robot(&ca, &nobody);
    let mut systemd = NotifySocket::new(folder.path());
    let mut run = robot.agent();
    run.arg("run");
    systemd.watch(&mut run, 600_000);
    let mut agent = Process::start(run, &folder.path().join("log"));
    let first = systemd.wait_for("READY=1", 1).await;
    assert!(!first.concat().contains("WATCHDOG=1"), "{first:?}");
    let offline = "STATUS=offline: nothing listens there";
    systemd.wait_for(offline, 1).await;
    systemd.wait_for("WATCHDOG=1", 3).await;
    agent.signal(Signal::TERM);
    systemd.wait_for("STOPPING=1", 1).await;
    assert_eq!(agent.ended().await.code(), Some(0));
}
