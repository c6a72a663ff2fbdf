//! No clock has to be right: a robot whose own is wrong, or jumps, drives by every road, and an
//! order that is old does not move it.

use serde_json::{Value, json};
use std::time::Duration;
use tests::false_libc::FalseLibc;
use tests::kvs::{Access, Client};
use tests::mqtt;
use tests::robot::Write;
use tests::{Robot, Station, Viewer, eventually, unix_ms};

/// On all roads, so that they are one driver.
const SENDER: &str = "driver";

/// By then every certificate has expired.
const TWENTY_YEARS_S: i64 = 20 * 366 * 86_400;

/// An order whose sender's clock is right.
const OLD_MS: u64 = 3000;

struct Scene {
    station: Station,
    robot: Robot,
    libc: FalseLibc,
    key: String,
    operator: mqtt::Client,
    seq: u64,
}

impl Scene {
    /// A robot that is started at the time that `set` makes its clock show.
    async fn started_with(set: impl Fn(&FalseLibc)) -> Self {
        let station = Station::start().await;
        let folder = station.new_robot("rover").await;
        folder.configure(&json!({ "video": { "source": "test", "fps": 10 } }));
        let key = station.new_key("rover").await;
        let operator = station.new_operator("desk").await;
        let operator = mqtt::Client::connect(&station, &operator).await;
        let libc = FalseLibc::new(folder.path());
        set(&libc);
        let robot = Robot::start_with_env(folder, &libc.env());
        station.telemetry("rover", &key).await;
        Self {
            station,
            robot,
            libc,
            key,
            operator,
            seq: 0,
        }
    }

    /// What the operator's client sends that notes by its clock, which is right, when it does.
    async fn order(&mut self, age_ms: u64) {
        self.seq += 1;
        let sent_at = unix_ms() as u64 - age_ms;
        // The user of the key, as on the other roads.
        let action = json!({
            "action": "forward", "sender": SENDER, "user": "key-1", "seq": self.seq, "sent_at": sent_at,
        });
        self.operator
            .publish("rover/action", &action.to_string())
            .await;
    }

    async fn telemetry(&self) -> Value {
        self.station.telemetry("rover", &self.key).await
    }

    async fn drives_by_http(&self) {
        let action = json!({"action": "forward", "sender": SENDER}).to_string();
        self.moves("HTTP", async || {
            self.station.publish("rover", &self.key, &action).await;
        })
        .await;
    }

    /// Holds the key while the clock jumps, and the wheels turn on: an order lasts 200 ms.
    async fn drives_on_through(&mut self, jump: impl FnOnce(&FalseLibc)) {
        self.drives_by_mqtt().await;
        jump(&self.libc);
        for _ in 0..8 {
            self.order(0).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let last = self.robot.folder.last_write();
        assert!(last.is_some_and(|write| write.moves()), "{last:?}");
    }

    async fn rests(&self) {
        eventually("the last order is over", async || {
            let last = self.robot.folder.last_write();
            last.filter(|write| !write.moves())
        })
        .await;
    }

    async fn drives_by_mqtt(&mut self) {
        self.rests().await;
        let seen = self.robot.folder.writes().len();
        // Whose clock it is that differs is known after a second.
        for _ in 0..100 {
            self.order(0).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self
                .robot
                .folder
                .writes()
                .iter()
                .skip(seen)
                .any(Write::moves)
            {
                return;
            }
        }
        panic!(
            "no order by MQTT moves the wheels: {}",
            self.telemetry().await
        );
    }

    async fn drives_by_data_channel(&self) {
        let host = &self.station.ready.http;
        let client = Client::viewer(host, "rover", Access::Key(&self.key)).await;
        let viewer = Viewer::join(&client, SENDER).await.unwrap();
        self.moves("the data channel", async || {
            viewer.forward().await;
        })
        .await;
        viewer.leave().await;
    }

    async fn moves(&self, road: &str, mut order: impl AsyncFnMut()) {
        self.rests().await;
        let seen = self.robot.folder.writes().len();
        eventually(
            &format!("an order by {road} moves the wheels"),
            async || {
                order().await;
                let writes = self.robot.folder.writes();
                writes.iter().skip(seen).any(Write::moves).then_some(())
            },
        )
        .await;
    }

    async fn old_orders_do_not_move_it(&mut self) {
        self.rests().await;
        let seen = self.robot.folder.writes().len();
        let stale = self.telemetry().await["counters"]["stale"]
            .as_u64()
            .unwrap_or(0);
        for _ in 0..5 {
            self.order(OLD_MS).await;
        }
        eventually("five more orders are stale", async || {
            let now = self.telemetry().await["counters"]["stale"].as_u64()?;
            (now >= stale + 5).then_some(())
        })
        .await;
        let after = self.robot.folder.writes();
        assert!(!after.iter().skip(seen).any(Write::moves), "{after:?}");
    }

    async fn drives(&mut self) {
        self.drives_by_http().await;
        self.drives_by_data_channel().await;
        self.drives_by_mqtt().await;
        self.old_orders_do_not_move_it().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_starts_in_1970_drives_by_every_road_and_obeys_nothing_old() {
    Scene::started_with(FalseLibc::set_clock_1970)
        .await
        .drives()
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_whose_clock_is_wrong_drives_by_every_road_and_obeys_nothing_old() {
    for seconds in [2, -2, 3600] {
        let mut scene = Scene::started_with(|libc| libc.set_clock(seconds)).await;
        scene.drives().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_whose_clock_jumps_while_it_is_driven_drives_on_and_obeys_nothing_old() {
    let mut scene = Scene::started_with(|_| {}).await;
    for seconds in [2, -2, 3600, 0] {
        scene
            .drives_on_through(|libc| libc.set_clock(seconds))
            .await;
        scene.old_orders_do_not_move_it().await;
    }
    scene.drives_on_through(FalseLibc::set_clock_1970).await;
    scene.drives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_whose_clock_goes_far_ahead_and_back_is_found_again() {
    let mut station = Station::start().await;
    let folder = station.new_robot("rover").await;
    folder.configure(&json!({ "video": { "source": "test", "fps": 10 } }));
    let libc = FalseLibc::new(station.folder());
    station.restart_with_env(&libc.env()).await;
    libc.set_clock(TWENTY_YEARS_S);
    // What it tells the time by is remembered, and every certificate has expired.
    station.ask("GET", "/healthz", &[], "").await;
    station.process().logged("server certificate renewed").await;
    libc.tell_truth();
    let answer = station.request("GET", "/healthz").send().await.unwrap();
    let date = answer.headers()["date"].to_str().unwrap();
    assert!(!date.contains("204"), "{date}");
    // Its certificate, and the credentials that it gives, hold now.
    let robot = Robot::start_video(folder).await;
    let key = station.new_key("rover").await;
    station.telemetry("rover", &key).await;
    station.drive_until_it_moves(&robot, &key).await;
}
