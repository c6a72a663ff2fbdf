//! The task under test, and a robot that records what it is told to do.

use std::sync::Mutex;

use tokio::sync::oneshot;
use wire::Motion;

use super::super::camera::{CameraConfig, Format, VideoSource};
use super::super::messages::{Message, Permitted};
use super::viewer::{TIMEOUT, Viewer};
use super::*;
use crate::audio::{self, Audio, AudioConfig, AudioThreads};

pub(super) fn config() -> VideoConfig {
    VideoConfig {
        camera: CameraConfig {
            source: VideoSource::Test,
            device: None,
            format: Format {
                width: 640,
                height: 480,
                fps: 30,
            },
            bitrate_kbps: 1000,
            encoder: None,
            painter: None,
            timestamp: true,
            warm: true,
        },
        world_screen: None,
        bitrate_kbps_min: 150,
        viewers_max: 3,
        connect_limit: CONNECT_LIMIT,
    }
}

/// Records what it is told; the first who moves it drives, until they release it.
#[derive(Default)]
pub(super) struct Recorder {
    driver: Mutex<Option<String>>,
    pub acts: Mutex<Vec<(Action, String)>>,
    pub rejected: Mutex<u32>,
}

impl Robot for Recorder {
    fn act(&self, action: &Action, viewer: &Arc<str>) {
        let act = (action.clone(), viewer.to_string());
        self.acts.lock().unwrap().push(act);
        let mut driver = self.driver.lock().unwrap();
        driver.get_or_insert_with(|| viewer.to_string());
    }

    fn release(&self, viewer: &str) -> bool {
        let stop = (Action::new(Motion::Stop), viewer.to_owned());
        self.acts.lock().unwrap().push(stop);
        let mut driver = self.driver.lock().unwrap();
        driver.take_if(|driver| driver == viewer).is_some()
    }

    fn talk(&self, viewer: &str, _: Option<&str>) -> bool {
        let mut driver = self.driver.lock().unwrap();
        driver.get_or_insert_with(|| viewer.to_owned()) == viewer
    }

    fn release_unless(&self, _: &dyn Fn(&str) -> bool) {}

    fn driver(&self) -> Option<String> {
        self.driver.lock().unwrap().clone()
    }

    fn count_rejected(&self) {
        *self.rejected.lock().unwrap() += 1;
    }
}

pub(super) struct VideoTask {
    pub robot: Arc<Recorder>,
    pub to: mpsc::Sender<Incoming>,
    permit: mpsc::Sender<Permitted>,
    from: mpsc::Receiver<Outgoing>,
    pub status: watch::Receiver<Option<Video>>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    pub audio: Audio,
    _threads: AudioThreads,
    pub ice_servers: watch::Sender<Vec<IceServer>>,
    _telemetry: watch::Sender<Arc<str>>,
}

impl VideoTask {
    pub(super) fn start(config: VideoConfig) -> Self {
        Self::with_sound(config, AudioConfig::OFF)
    }

    pub(super) fn with_sound(config: VideoConfig, audio: AudioConfig) -> Self {
        let (audio, threads) = audio::start(audio);
        let robot = Arc::new(Recorder::default());
        let (to, incoming) = mpsc::channel(64);
        let (permit, permitted) = mpsc::channel(1);
        let (outgoing, from) = mpsc::channel(64);
        let (ice, ice_servers) = watch::channel(Vec::new());
        let (telemetry_to, telemetry) = watch::channel(Arc::from("{\"online\":true}"));
        let (status_to, status) = watch::channel(None);
        let roots = rustls::RootCertStore::empty();
        let relay_tls = crate::certificates::tls_builder(roots).with_no_client_auth();
        let io = VideoIo {
            incoming,
            permitted,
            outgoing,
            ice_servers,
            relay_tls: Arc::new(relay_tls),
            telemetry,
            status: status_to,
            audio: audio.clone(),
        };
        let shutdown = CancellationToken::new();
        let video = run(config, Arc::clone(&robot) as _, io, shutdown.clone());
        #[expect(clippy::disallowed_methods, reason = "awaited in `stop`")]
        let task = tokio::spawn(video);
        Self {
            robot,
            to,
            permit,
            from,
            status,
            shutdown,
            task,
            audio,
            _threads: threads,
            ice_servers: ice,
            _telemetry: telemetry_to,
        }
    }

    pub(super) async fn next(&mut self) -> Outgoing {
        tokio::time::timeout(TIMEOUT, self.from.recv())
            .await
            .expect("an answer in time")
            .expect("an answer")
    }

    /// Says who may watch, and waits until it is acted by.
    pub(super) async fn permit(&self, principals: &[&str]) {
        let (acted, done) = oneshot::channel();
        let principals = principals.iter().map(|name| (*name).to_owned()).collect();
        let list = Permitted { principals, acted };
        self.permit.send(list).await.unwrap();
        let done = tokio::time::timeout(TIMEOUT, done).await;
        done.expect("in time").expect("it is acted by");
    }

    /// Connects a viewer as far as the answer.
    pub(super) async fn connect(&mut self, viewer: &Viewer) {
        self.connect_as(viewer, None).await;
    }

    /// The same of a viewer whose principal is known.
    pub(super) async fn connect_as(&mut self, viewer: &Viewer, principal: Option<&str>) {
        let offer = viewer.offer_as(principal).await;
        self.negotiate(viewer, offer).await;
    }

    /// Sends an offer of the viewer, and gives the viewer what comes, up to the answer; which is
    /// returned.
    pub(super) async fn negotiate(&mut self, viewer: &Viewer, offer: Incoming) -> String {
        self.to.send(offer).await.unwrap();
        loop {
            let sent = self.next().await;
            if sent.viewer == viewer.name {
                viewer.receive(sent.message.clone()).await;
                if let Message::Answer { sdp, .. } = sent.message {
                    return sdp;
                }
            }
        }
    }

    pub(super) async fn until(&mut self, what: &str, wanted: impl Fn(&Video) -> bool) -> Video {
        let mut status = self.status.clone();
        let found = status.wait_for(|status| status.as_ref().is_some_and(&wanted));
        match tokio::time::timeout(TIMEOUT, found).await {
            Ok(found) => found.unwrap().clone().unwrap(),
            Err(_) => panic!("never {what}: {:?}", *self.status.borrow()),
        }
    }

    pub(super) async fn acted(&self, wanted: impl Fn(&(Action, String)) -> bool) {
        let waiting = async {
            while !self.robot.acts.lock().unwrap().iter().any(&wanted) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(TIMEOUT, waiting).await.is_err() {
            panic!("only {:?}", self.robot.acts.lock().unwrap());
        }
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(TIMEOUT, self.task)
            .await
            .expect("video ends")
            .expect("without a panic");
    }
}
