//! robot-agent: obeys actions, drives two motors, shows a camera.
//!
//! Reading order: [`config`] says what the owner wants; [`mqtt`] brings actions from the
//! broker; [`motors`] asks [`drive`] what the wheels should do and tells the board;
//! [`telemetry`] reports, [`watchdog`] tells systemd. [`signaling`] brings viewers, [`video`] shows
//! them the camera and takes their actions, [`audio`] lets them hear and speak; [`simulation`] is where a robot
//! without hardware drives. [`run`] starts and stops them all.
//! [`enroll`] and [`check`] are for before.

mod address;
pub mod arguments;
mod audio;
mod aws;
pub mod certificates;
pub mod check;
pub mod clock;
pub mod config;
mod connect_error;
pub mod drive;
pub mod endpoint;
pub mod enroll;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod happy_eyeballs;
mod lock;
pub mod motors;
pub mod mqtt;
pub mod shutdown;
mod signaling;
mod simulation;
pub mod telemetry;
mod video;
mod watchdog;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use audio::Audio;
use certificates::{Certificates, Severity};
use config::{Config, VideoSource};
use motors::{Ended, MotorThread, Motors, Source};
use mqtt::{MqttIo, MqttState};
use signaling::{ChannelConfig, SignalingIo};
use simulation::Simulation;
use telemetry::TelemetryInputs;
use video::VideoIo;
use video::camera::Painter;

/// How long everything but the wheels may take to end: disconnecting from the broker and from
/// the viewers. systemd waits for longer than this and the stop of the wheels together.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Messages between viewers and video on their way: those of all viewers who come at once.
const VIEWERS_WAITING: usize = 256;

/// Reads the certificates and logs what is wrong with them; none if that rules out any
/// connection.
pub fn certificates(config: &Config, now: OffsetDateTime) -> Option<Certificates> {
    let mqtt = &config.mqtt;
    let (certificates, findings) = certificates::read(&mqtt.certs, mqtt.endpoint.is_aws(), now);
    for finding in findings {
        match finding.severity {
            Severity::Note => info!("{finding}"),
            Severity::Warning => warn!("{finding}"),
            Severity::Error | Severity::Unusable => error!("{finding}"),
        }
    }
    certificates
}

/// Runs the robot until `shutdown`.
///
/// # Errors
/// When a part of it ends without being asked; the wheels are at rest then too.
pub async fn run(
    config: Config,
    certificates: Certificates,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let _lock = lock::acquire(&config.mqtt.certs)?;
    info!(
        robot = %config.robot,
        broker = %config.mqtt.endpoint,
        board = %config.motors.driver,
        "robot-agent {} starts",
        env!("CARGO_PKG_VERSION")
    );
    let (motors, thread) = motors::start(config.motors.clone(), config.limits)
        .context("cannot start the motor thread")?;
    let wheels = AtRest(Some(thread));
    let stop = CancellationToken::new();
    let mut tasks = start(config, certificates, motors, &stop);

    let why = tokio::select! {
        () = shutdown => Ok(()),
        () = wheels.thread_ended() => Err(anyhow!("the motor thread ended unasked")),
        Some(ended) = tasks.join_next() => Err(match ended {
            Ok(name) => anyhow!("{name} ended unasked"),
            Err(panic) => anyhow!("a task failed: {panic}"),
        }),
    };
    // The wheels first; nothing moves them once their thread is gone.
    let stopped = wheels.stop();
    stop.cancel();
    // Wheels that may still turn are stopped from outside once this process is gone.
    if !matches!(stopped, Err(Ended::Hangs)) {
        drain(tasks).await;
    }
    why.and(stopped.map_err(Into::into))
}

/// Starts every part but the motor thread; here stands who is connected to whom.
fn start(
    mut config: Config,
    certificates: Certificates,
    motors: Motors,
    stop: &CancellationToken,
) -> JoinSet<&'static str> {
    let rejected = Arc::<AtomicU64>::default();
    let reconnects = Arc::<AtomicU64>::default();
    let reports = watch::Sender::new(Arc::<str>::from(""));
    let mqtt_state = watch::Sender::new(MqttState::default());
    // None means that video is off.
    let video_status = watch::Sender::new(None);
    let mut tasks = JoinSet::new();

    let watchdog = watchdog::run(motors.clone(), mqtt_state.subscribe(), stop.clone());
    tasks.spawn(named("watchdog", watchdog));

    let simulation = Arc::new(Simulation::new());
    let pose = simulation.pose();
    if config.video.camera.source == VideoSource::World {
        let to_draw = Arc::clone(&simulation);
        config.video.camera.painter = Some(Painter::new(move |frame| to_draw.draw(frame)));
        let screen = config.video.world_screen.take();
        let simulated = simulation::run(simulation, motors.clone(), screen);
        let simulated = stop.clone().run_until_cancelled_owned(simulated);
        tasks.spawn(named("simulation", async { _ = simulated.await }));
    }

    let (audio, threads) = audio::start(config.audio);
    tasks.spawn(named("audio", threads.run(stop.clone())));

    let shows = config.video.camera.source != VideoSource::Off;
    if let Some(aws) = config.aws.filter(|_| shows) {
        let channel = ChannelConfig::new(config.robot, aws, &certificates);
        let robot = Arc::new(ByViewers {
            motors: motors.clone(),
            rejected: rejected.clone(),
        });
        let relay_tls = certificates.client_config(&[]);
        let (video_io, signaling_io) = connect(
            relay_tls,
            reports.subscribe(),
            video_status.clone(),
            audio.clone(),
        );
        let video = video::run(config.video, robot, video_io, stop.clone());
        tasks.spawn(named("video", video));
        let signaling = signaling::run(channel, signaling_io, stop.clone());
        tasks.spawn(named("signaling", signaling));
    }

    let mqtt_io = MqttIo {
        on_action: motors.actions_by_mqtt(),
        reports: reports.subscribe(),
        state: mqtt_state,
        rejected: rejected.clone(),
        reconnects: reconnects.clone(),
    };
    let mqtt = mqtt::run(config.mqtt, certificates, mqtt_io, stop.clone());
    tasks.spawn(named("mqtt", mqtt));

    let inputs = TelemetryInputs {
        motors,
        rejected,
        reconnects,
        video: video_status.subscribe(),
        pose,
        audio,
    };
    let telemetry = telemetry::run(config.telemetry, inputs, reports);
    let telemetry = stop.clone().run_until_cancelled_owned(telemetry);
    tasks.spawn(named("telemetry", async { _ = telemetry.await }));
    tasks
}

/// What video and signaling tell each other.
fn connect(
    relay_tls: Arc<rustls::ClientConfig>,
    telemetry: watch::Receiver<Arc<str>>,
    status: watch::Sender<Option<wire::telemetry::Video>>,
    audio: Audio,
) -> (VideoIo, SignalingIo) {
    let (to_video, from_viewers) = mpsc::channel(VIEWERS_WAITING);
    let (to_viewers, from_video) = mpsc::channel(VIEWERS_WAITING);
    let (refreshed, ice_servers) = watch::channel(Vec::new());
    // One at a time: signaling waits until it is acted by.
    let (to_permit, permitted) = mpsc::channel(1);
    let video = VideoIo {
        incoming: from_viewers,
        permitted,
        outgoing: to_viewers,
        ice_servers,
        relay_tls,
        telemetry,
        status,
        audio,
    };
    let signaling = SignalingIo {
        incoming: to_video,
        permitted: to_permit,
        outgoing: from_video,
        ice_servers: refreshed,
    };
    (video, signaling)
}

/// Lets everything but the wheels end by itself, within [`DRAIN_TIMEOUT`].
async fn drain(mut tasks: JoinSet<&'static str>) {
    let finished = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIMEOUT, finished).await.is_err() {
        warn!("some parts did not end in time");
    }
}

/// What viewers do to the robot.
struct ByViewers {
    motors: Motors,
    rejected: Arc<AtomicU64>,
}

impl video::Robot for ByViewers {
    fn act(&self, action: &wire::Action, viewer: &Arc<str>) {
        let _ = self.motors.act(action, &Source::Viewer(viewer.clone()));
    }

    fn talk(&self, viewer: &str, user: Option<&str>) -> bool {
        self.motors.talk(viewer, user)
    }

    fn release(&self, viewer: &str) -> bool {
        self.motors.release(viewer)
    }

    fn release_unless(&self, permitted: &dyn Fn(&str) -> bool) {
        let driver = self.motors.driver();
        let by_station = driver.filter(|driver| driver.via == wire::telemetry::Via::Mqtt);
        if let Some(driver) = by_station
            && driver.user.is_some_and(|user| !permitted(&user))
        {
            self.motors.release(&driver.id);
        }
    }

    fn driver(&self) -> Option<String> {
        self.motors.driver().map(|driver| driver.id)
    }

    fn count_rejected(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }
}

async fn named(name: &'static str, work: impl Future<Output = ()>) -> &'static str {
    work.await;
    name
}

/// Holds the motor thread; whatever drops this, the wheels stop before it goes on.
struct AtRest(Option<MotorThread>);

impl AtRest {
    async fn thread_ended(&self) {
        match &self.0 {
            Some(thread) => thread.ended().await,
            None => std::future::pending().await,
        }
    }

    fn stop(mut self) -> Result<(), Ended> {
        if let Some(thread) = self.0.take() {
            thread.stop_and_join()?;
        }
        info!("the wheels are at rest");
        Ok(())
    }
}

impl Drop for AtRest {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take()
            && let Err(error) = thread.stop_and_join()
        {
            error!(%error, "the wheels may not be at rest");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_waits_for_the_slowest_stop_and_drain() {
        let unit = include_str!("../../systemd/robot-agent.service");
        let seconds = unit
            .lines()
            .find_map(|line| line.strip_prefix("TimeoutStopSec="));
        let systemd = Duration::from_secs(seconds.unwrap().parse().unwrap());
        assert!(systemd > motors::STOP_LIMIT + DRAIN_TIMEOUT, "{systemd:?}");
    }
}
