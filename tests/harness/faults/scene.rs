//! The processes, the links between them, and the driver.

use crate::false_libc::FalseLibc;
use crate::faults::hands::Hands;
use crate::faults::kind::Link;
use crate::faults::launch::{Start, configure, disk, robot_recipe, station_recipe, stop_recipe};
use crate::faults::road::{HttpDriver, MqttDriver, Road};
use crate::faults::transcript::Transcript;
use crate::faults::verdict::Absence;
use crate::robot::{Folder, Write};
use crate::station::{Ready, port, run_command};
use crate::supervisor::{Supervisor, Unit};
use crate::tcp_relay::TcpRelay;
use crate::{Station, unix_ns};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// `WatchdogSec` of the units.
const ROBOT_WATCHDOG: Duration = Duration::from_secs(2);
const STATION_WATCHDOG: Duration = Duration::from_secs(30);

/// How often the transcript is read.
const READ_EVERY: Duration = Duration::from_millis(5);

/// How many keys are asked for after a round: that of this round, and some of before.
const KEYS_ASKED: usize = 3;

/// Something to tell in a timeline.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, in nanoseconds of Unix time.
    pub at_ns: u64,
    /// What.
    pub what: String,
}

/// An API key.
pub(super) struct Key {
    pub number: String,
    pub text: String,
}

/// A robot, a station and its broker, supervised, with every connection through a relay.
pub struct Scene {
    /// Its folder is everybody's; its process is ours.
    station: Station,
    pub(super) disk: PathBuf,
    mounted: bool,
    pub(super) ready: Ready,
    pub(super) robot: Supervisor,
    pub(super) daemon: Supervisor,
    to_broker: TcpRelay,
    to_signaling: TcpRelay,
    to_publish: TcpRelay,
    pub(super) folder: Folder,
    operator: PathBuf,
    pub(super) hands: Arc<Hands>,
    /// What robot and station are shown in rounds that are about it.
    pub(super) robots_libc: FalseLibc,
    pub(super) stations_libc: FalseLibc,
    /// Every key that was acknowledged; the driver has the first one.
    pub(super) keys: Vec<Key>,
    transcript: Arc<Mutex<Transcript>>,
    /// Since when the robot does not run, each time, and when it was let run again.
    pub(super) gone: Vec<(u64, Option<u64>)>,
    /// What only one kind of fault needs, from its beginning to its end.
    pub(super) held: JoinSet<()>,
    /// When orders are given by somebody whose right to has ended.
    pub(super) forbidden: Option<(u64, u64)>,
    /// What happened, oldest first.
    pub(super) events: Vec<Event>,
    _reading: JoinSet<()>,
}

impl Scene {
    /// Starts all, and waits until the robot drives.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start() -> Self {
        let mut station = Station::start().await;
        let folder = station.new_robot("rover").await;
        let operator = station.new_operator("operator").await;
        let key = station.new_key("rover").await;
        station.process().kill().await;
        let (disk, mounted) = disk(&station).await;
        let ready = station.ready.clone();
        let to_broker = TcpRelay::to(ready.mqtt.clone()).await;
        let to_signaling = TcpRelay::to(ready.https.clone()).await;
        let to_publish = TcpRelay::to(ready.http.clone()).await;
        configure(&folder, &to_broker, &to_signaling);
        let url = format!("http://{}/robots/rover/publish", to_publish.address);
        let http = HttpDriver::new(url, key.clone());
        let mqtt = MqttDriver::new("hand", port(&ready.mqtt), &operator);
        let transcript = Transcript::new(folder.path().join("wheels.jsonl"));
        let transcript = Arc::new(Mutex::new(transcript));
        let mut reading = JoinSet::new();
        reading.spawn(read(Arc::clone(&transcript)));
        let path = station.folder();
        let robots_libc = FalseLibc::new(folder.path());
        let daemon = Supervisor::start(
            Unit {
                start: Some(station_recipe(&disk, &ready, path, Start::default())),
                after: None,
                watchdog: STATION_WATCHDOG,
            },
            &path.join("station.notify"),
        );
        let robot = Supervisor::start(
            Unit {
                start: Some(robot_recipe(&folder, Start::default())),
                after: Some(stop_recipe(&folder)),
                watchdog: ROBOT_WATCHDOG,
            },
            &path.join("robot.notify"),
        );
        let mut scene = Self {
            disk,
            mounted,
            ready,
            robot,
            daemon,
            to_broker,
            to_signaling,
            to_publish,
            folder,
            operator,
            robots_libc,
            stations_libc: FalseLibc::new(path),
            hands: Arc::new(Hands::new(http, mqtt)),
            keys: vec![Key {
                number: "1".to_owned(),
                text: key,
            }],
            transcript,
            gone: Vec::new(),
            held: JoinSet::new(),
            forbidden: None,
            events: Vec::new(),
            _reading: reading,
            station,
        };
        for road in [Road::Http, Road::Mqtt, Road::DataChannel] {
            let began = scene.serves(road, Duration::from_secs(30)).await;
            began.unwrap_or_else(|error| panic!("{error}"));
        }
        scene
    }

    /// Writes down what happens.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.events.push(Event {
            at_ns: unix_ns(),
            what,
        });
    }

    /// The relay of a link.
    pub(super) fn link(&self, link: Link) -> &TcpRelay {
        match link {
            Link::Mqtt => &self.to_broker,
            Link::Signaling => &self.to_signaling,
            Link::Publish => &self.to_publish,
        }
    }

    /// A connection of an operator's, under another name in the broker.
    pub(super) fn operator(&self, id: &str) -> MqttDriver {
        MqttDriver::new(id, port(&self.ready.mqtt), &self.operator)
    }

    /// The station is elsewhere from now on.
    pub(super) fn moved(&mut self, ready: Ready) {
        self.to_broker.retarget(ready.mqtt.clone());
        self.to_signaling.retarget(ready.https.clone());
        self.to_publish.retarget(ready.http.clone());
        self.ready = ready;
        self.hands.set_mqtt(self.operator("hand"));
    }

    /// Ends the station, and starts it as `start` says.
    pub(super) fn restart_station(&self, start: Start) {
        let recipe = station_recipe(&self.disk, &self.ready, self.station.folder(), start);
        self.daemon.relaunch(|unit| unit.start = Some(recipe));
    }

    /// Ends the robot, and starts it as `start` says.
    pub(super) fn restart_robot(&self, start: Start) {
        let recipe = robot_recipe(&self.folder, start);
        self.robot.relaunch(|unit| unit.start = Some(recipe));
    }

    /// The folder of everything.
    pub(super) fn path(&self) -> PathBuf {
        self.station.folder().to_owned()
    }

    /// Runs a command of ground-station, and gives what it prints.
    pub(super) async fn command(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let (status, stdout, stderr) = run_command(&self.disk, arguments).await;
        anyhow::ensure!(status.success(), "{arguments:?}: {stderr}");
        Ok(stdout)
    }

    /// One more key that is good for everything the driver does.
    pub(super) async fn new_key(&mut self) -> anyhow::Result<()> {
        let command = [
            "new-key", "--robot", "rover", "--may", "publish", "--rate", "1000", "--burst",
            "10000", "--quota", "1000000",
        ];
        let (status, stdout, stderr) = run_command(&self.disk, &command).await;
        anyhow::ensure!(status.success(), "{command:?}: {stderr}");
        let number = stderr.split("--key ").nth(1).unwrap_or_default();
        let number: String = number.chars().take_while(char::is_ascii_digit).collect();
        let text = stdout.trim().to_owned();
        self.keys.push(Key { number, text });
        let Key { number, text } = &self.keys[0];
        self.hands.set_key(number, text);
        Ok(())
    }

    /// What has become of the last keys that were acknowledged, where the station knows them no more.
    pub(super) async fn lost_keys(&self) -> Vec<String> {
        let mut lost = Vec::new();
        for Key { number, text } in self.keys.iter().rev().take(KEYS_ASKED) {
            let url = format!("http://{}/robots", self.ready.http);
            let asked = self.station.client.get(url).header("x-api-key", text);
            let answer = asked.timeout(Duration::from_secs(5)).send().await;
            match answer.map(|answer| answer.status()) {
                Ok(status) if status.is_success() => {}
                Ok(status) => lost.push(format!("key {number} is answered with {status}")),
                Err(error) => lost.push(format!("key {number} is not answered: {error}")),
            }
        }
        lost
    }

    /// What the wheels did since `at_ns`, and the times at which the robot did not run.
    pub(super) fn since(&self, at_ns: u64) -> (Vec<Write>, Vec<Absence>) {
        let mut transcript = lock(&self.transcript);
        let writes = transcript.follow().iter().copied();
        let writes = writes.filter(|write| write.t_ns >= at_ns).collect();
        let ended = self.robot.ended();
        let absences = self.gone.iter().map(|&(from_ns, back_ns)| {
            let end = ended.iter().find(|end| end.stopped_ns >= from_ns);
            let end = end.map_or(u64::MAX, |end| end.stopped_ns);
            Absence {
                from_ns,
                until_ns: end.min(back_ns.unwrap_or(u64::MAX)),
            }
        });
        (writes, absences.collect())
    }

    /// Whether the robot's clock may be wrong from now on.
    pub(super) fn distrust_clock(&self, wrong: bool) {
        lock(&self.transcript).clock_is_wrong = wrong;
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if self.mounted {
            // Nobody may still have a file open there; lazily, it goes with the last.
            let _ = std::process::Command::new("umount")
                .arg("--lazy")
                .arg(&self.disk)
                .status();
        }
    }
}

async fn read(transcript: Arc<Mutex<Transcript>>) {
    loop {
        lock(&transcript).follow();
        sleep(READ_EVERY).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
