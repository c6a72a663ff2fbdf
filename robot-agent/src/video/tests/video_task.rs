//! An open room, and a robot that keeps what it is told to do.

use std::sync::Mutex;

use wire::Motion;

use super::super::camera::{Choice, Source};
use super::super::messages::Message;
use super::viewer::{Guest, PATIENCE};
use super::*;

pub(super) fn settings() -> Settings {
    Settings {
        camera: camera::Settings {
            source: Source::Test,
            device: None,
            width: 640,
            height: 480,
            fps: 30,
            bitrate_kbps: 1000,
            encoder: Choice::Auto,
            warm: true,
        },
        bitrate_kbps_min: 150,
        viewers_max: 3,
        connect_limit: CONNECT_LIMIT,
    }
}

/// Keeps what it is told to do.
#[derive(Default)]
pub(super) struct Recorder {
    pub acts: Mutex<Vec<(Action, String)>>,
    pub rejected: Mutex<u32>,
}

impl Robot for Recorder {
    fn act(&self, action: &Action, viewer: &Arc<str>) {
        let act = (action.clone(), viewer.to_string());
        self.acts.lock().unwrap().push(act);
    }

    fn let_go(&self, viewer: &Arc<str>) {
        self.act(&Action::new(Motion::Stop), viewer);
    }

    fn rejected(&self) {
        *self.rejected.lock().unwrap() += 1;
    }
}

/// An open room.
pub(super) struct Stage {
    pub robot: Arc<Recorder>,
    pub to: mpsc::Sender<Incoming>,
    from: mpsc::Receiver<Outgoing>,
    pub status: watch::Receiver<Option<Video>>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _ice_servers: watch::Sender<Vec<IceServer>>,
    _reports: watch::Sender<Arc<str>>,
}

impl Stage {
    pub(super) fn open(settings: Settings) -> Self {
        let robot = Arc::new(Recorder::default());
        let (to, incoming) = mpsc::channel(64);
        let (outgoing, from) = mpsc::channel(64);
        let (ice, ice_servers) = watch::channel(Vec::new());
        let (reports_to, reports) = watch::channel(Arc::from("{\"online\":true}"));
        let (status_to, status) = watch::channel(None);
        let ways = Ways {
            incoming,
            outgoing,
            ice_servers,
            reports,
            status: status_to,
        };
        let shutdown = CancellationToken::new();
        let room = run(settings, Arc::clone(&robot) as _, ways, shutdown.clone());
        #[expect(clippy::disallowed_methods, reason = "awaited in `close`")]
        let task = tokio::spawn(room);
        Self {
            robot,
            to,
            from,
            status,
            shutdown,
            task,
            _ice_servers: ice,
            _reports: reports_to,
        }
    }

    pub(super) async fn next(&mut self) -> Outgoing {
        tokio::time::timeout(PATIENCE, self.from.recv())
            .await
            .expect("an answer in time")
            .expect("an answer")
    }

    /// Brings a guest in until it is answered.
    pub(super) async fn bring(&mut self, guest: &Guest) {
        self.to.send(guest.offer().await).await.unwrap();
        loop {
            let said = self.next().await;
            let answers = matches!(said.message, Message::Answer { .. });
            if said.viewer == guest.name {
                guest.hear(said.message).await;
                if answers {
                    return;
                }
            }
        }
    }

    pub(super) async fn until(&mut self, what: &str, wanted: impl Fn(&Video) -> bool) -> Video {
        let mut status = self.status.clone();
        let found = status.wait_for(|status| status.as_ref().is_some_and(&wanted));
        match tokio::time::timeout(PATIENCE, found).await {
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
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("only {:?}", self.robot.acts.lock().unwrap());
        }
    }

    pub(super) async fn close(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the room closes")
            .expect("without a panic");
    }
}
