//! What waited on its way, wherever, moves nothing; and one drives, by whatever road.

use std::time::Duration;

use rumqttc::QoS;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::mqtt::{self, Client};
use tests::{Robot, Station, eventually, process};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Longer than an order is worth anything.
const TOO_LONG: Duration = Duration::from_secs(2);

const LONG_DRIVE: &str = r#"{"action":"forward","duration_ms":2000}"#;

struct Scene {
    station: Station,
    robot: Robot,
    key: String,
    operator: Client,
}

impl Scene {
    async fn new() -> Self {
        let station = Station::start().await;
        let folder = station.new_robot("rover").await;
        let key = station.new_key("rover").await;
        let operator = station.new_operator("desk").await;
        let operator = mqtt::Client::connect(&station, &operator).await;
        let robot = Robot::start(folder);
        station.telemetry("rover", &key).await;
        Self {
            station,
            robot,
            key,
            operator,
        }
    }

    async fn counter(&self, name: &str) -> u64 {
        let telemetry = self.station.telemetry("rover", &self.key).await;
        telemetry["counters"][name].as_u64().unwrap_or_default()
    }

    async fn counts(&self, name: &str) {
        eventually(name, async || (self.counter(name).await > 0).then_some(())).await;
    }

    /// An operator's own client, which says nothing of when it sends.
    async fn order(&self, action: &Value) {
        let text = action.to_string();
        self.operator
            .send("rover/action", QoS::AtLeastOnce, &text)
            .await;
    }

    /// The broker that the station has started.
    fn broker(&mut self) -> Pid {
        process::children(self.station.process().id())[0]
    }

    /// Something was dropped as stale; and what is given now is obeyed.
    async fn nothing_moved_and_it_drives_again(&self) {
        self.counts("stale").await;
        // The last of what waited is here once this stop is.
        let stop = r#"{"action":"stop","id":"after"}"#;
        eventually("a stop arrives", async || {
            self.station.publish("rover", &self.key, stop).await;
            let telemetry = self.station.telemetry("rover", &self.key).await;
            (telemetry["last_action"]["id"] == "after").then_some(())
        })
        .await;
        assert!(!self.robot.folder.writes().iter().any(|write| write.moves()));
        self.station
            .drive_until_it_moves(&self.robot, &self.key)
            .await;
    }
}

/// Stops `process`. The signal stops it some moments after it was sent, and not all threads at once.
async fn freeze(process: i32) {
    let pid = Pid::from_raw(process).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let threads = format!("/proc/{process}/task");
    eventually("no thread runs", async || {
        let stopped = std::fs::read_dir(&threads).unwrap().all(|thread| {
            let stat = std::fs::read_to_string(thread.unwrap().path().join("stat"));
            // The state stands behind the name, which is in brackets.
            let stat = stat.unwrap_or_default();
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.starts_with(" T"))
        });
        stopped.then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_that_waited_at_a_frozen_broker_moves_nothing() {
    let mut scene = Scene::new().await;
    let broker = scene.broker();
    freeze(broker.as_raw_nonzero().get()).await;
    scene
        .order(&json!({"action": "forward", "duration_ms": 2000}))
        .await;
    let (status, _) = scene.station.publish("rover", &scene.key, LONG_DRIVE).await;
    // The refusal takes longer than an order is worth anything. A broker that stands still for
    // some seconds more is replaced, with all that waits in it.
    assert_eq!(status, 503, "what the broker does not take is refused");
    kill_process(broker, Signal::CONT).unwrap();
    scene.nothing_moved_and_it_drives_again().await;
}

#[tokio::test]
async fn an_order_that_waited_for_a_frozen_robot_moves_nothing() {
    let mut scene = Scene::new().await;
    freeze(scene.robot.process().id().cast_signed()).await;
    scene
        .order(&json!({"action": "forward", "duration_ms": 2000}))
        .await;
    scene.station.publish("rover", &scene.key, LONG_DRIVE).await;
    tokio::time::sleep(TOO_LONG).await;
    scene.robot.process().signal(Signal::CONT);
    scene.nothing_moved_and_it_drives_again().await;
}

#[tokio::test]
async fn an_order_that_stood_in_a_stalled_connection_turns_no_wheel() {
    let Scene {
        station,
        robot,
        key,
        ..
    } = Scene::new().await;
    let mut stalled = TcpStream::connect(&station.ready.http).await.unwrap();
    // As long as the link is dead, nothing of the request arrives.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let action = r#"{"action":"forward","duration_ms":2000}"#;
    let request = format!(
        "POST /robots/rover/publish HTTP/1.1\r\nhost: station\r\nx-api-key: {key}\r\ncontent-length: {}\r\n\r\n{action}",
        action.len()
    );
    stalled.write_all(request.as_bytes()).await.unwrap();
    eventually("the station has looked at it", async || {
        let late = r#"route="/robots/{name}/publish",status="408""#;
        station.metrics().await.contains(late).then_some(())
    })
    .await;
    let (status, _) = station
        .publish("rover", &key, r#"{"action":"stop","id":"after"}"#)
        .await;
    assert_eq!(status, 200);
    eventually("the stop is the last action", async || {
        let telemetry = station.telemetry("rover", &key).await;
        (telemetry["last_action"]["id"] == "after").then_some(())
    })
    .await;
    assert!(!robot.folder.writes().iter().any(|write| write.moves()));
}

#[tokio::test]
async fn anothers_stop_holds_who_goes_on_pressing() {
    let scene = Scene::new().await;
    let forward = json!({"action": "forward", "sender": "anna"});
    let pressing = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            scene.order(&forward).await;
        }
    };
    let others = async {
        let robot = &scene.robot;
        let moving = robot.wheels(0, "anna drives", |write| write.moves()).await;
        let (status, _) = scene.station.publish("rover", &scene.key, LONG_DRIVE).await;
        assert_eq!(status, 200);
        scene.counts("not_driver").await;
        scene
            .station
            .publish("rover", &scene.key, r#"{"action":"stop"}"#)
            .await;
        eventually("the wheels rest", async || {
            robot.folder.last_write().filter(|write| !write.moves())
        })
        .await;
        let refused = scene.counter("not_driver").await;
        eventually("a second of refused motions", async || {
            (scene.counter("not_driver").await >= refused + 10).then_some(())
        })
        .await;
        assert!(
            robot
                .folder
                .last_write()
                .is_some_and(|write| !write.moves())
        );
        let telemetry = scene.station.telemetry("rover", &scene.key).await;
        assert!(telemetry["stopped_by"].is_object(), "{telemetry}");
        moving
    };
    tokio::select! {
        () = pressing => unreachable!("it presses for ever"),
        moving = others => assert!(moving.moves()),
    }
    // Once anna has let go, her next press drives.
    eventually("anna drives again", async || {
        tokio::time::sleep(Duration::from_millis(3100)).await;
        let seen = scene.robot.folder.writes().len();
        scene.order(&forward).await;
        let moved = scene
            .robot
            .wheels(seen, "anna drives again", |write| write.moves());
        tokio::time::timeout(Duration::from_secs(1), moved)
            .await
            .ok()
    })
    .await;
}
