//! All viewers: which offers become a session, and what the sessions need of the camera
//! together.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use daemon::log_limit::LogLimiter;
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{self, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wire::signaling::Candidate;
use wire::signaling::permitted::label;
use wire::telemetry::Video;

use super::admission::{Admission, Decision, EarlyCandidates};
use super::bandwidth::Limits;
use super::camera::{self, CameraConfig};
use super::codec::Codec;
use super::messages::{IceServer, Incoming, Message, Outgoing, Permitted};
use super::peer::answer;
use super::peer::media_clock::MediaClock;
use super::peer::packetizer::Packetizer;
use super::peer::session::{Report, Robot, Session, Shared};
use super::peer::{self, Ended};
use super::permission::{Denied, Permission};
use crate::audio::Audio;
use crate::clock::{now, wall};

/// What the owner of the robot chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoConfig {
    /// The camera; its bitrate is the ceiling.
    pub camera: CameraConfig,
    /// A PNG file that the screen in the simulated world shows.
    pub world_screen: Option<PathBuf>,
    /// The encoder is never asked for less, in kbit/s.
    pub bitrate_kbps_min: u32,
    /// How many may watch.
    pub viewers_max: usize,
    /// How long a viewer's connection may take to come up.
    pub connect_limit: Duration,
}

/// What comes in from the rest of the robot and goes out to it.
pub(crate) struct VideoIo {
    /// Offers and candidates of viewers.
    pub incoming: mpsc::Receiver<Incoming>,
    /// Who of them may watch.
    pub permitted: mpsc::Receiver<Permitted>,
    /// Answers and candidates for them.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// The newest are used for whoever comes next.
    pub ice_servers: watch::Receiver<Vec<IceServer>>,
    /// For those of them that speak TURN over TLS.
    pub relay_tls: Arc<rustls::ClientConfig>,
    /// The robot's telemetry as JSON, for the viewers.
    pub telemetry: watch::Receiver<Arc<str>>,
    /// What telemetry tells of video.
    pub status: watch::Sender<Option<Video>>,
    /// The microphone and the speaker.
    pub audio: Audio,
}

/// How often viewers get a report, and the camera's demand is looked at.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// How often ignored offers are logged.
const IGNORED_LOG_EVERY: Duration = Duration::from_secs(60);

/// The viewers, while the camera's thread runs.
pub(super) struct Sessions<'a> {
    io: &'a mut VideoIo,
    shared: Arc<Shared>,
    admission: Admission,
    permission: Permission,
    early_candidates: EarlyCandidates,
    /// Until their task has ended.
    sessions: HashMap<task::Id, Arc<Session>>,
    tasks: JoinSet<Ended>,
    shutdown: CancellationToken,
    /// The bitrate that the encoder of the slowest viewer was last asked for.
    kbps: u32,
    ignored_log: LogLimiter,
}

impl<'a> Sessions<'a> {
    /// Starts the camera and serves viewers until `shutdown`.
    pub(super) async fn run(
        config: &VideoConfig,
        robot: Arc<dyn Robot>,
        io: &'a mut VideoIo,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let clock = MediaClock::new(now(), wall());
        let mut packetizer = Packetizer::new(config.camera.format, clock);
        let (frames, level) = (packetizer.frames(), packetizer.level());
        let (camera, thread) = camera::start(config.camera.clone(), move |frame| {
            packetizer.publish(&frame);
        })?;
        let admission = Admission::new(config.viewers_max, camera.encodes(Codec::Vp8), now());
        let shared = Shared {
            robot,
            camera,
            frames,
            level,
            clock,
            limits: Limits {
                floor_kbps: config.bitrate_kbps_min,
                ceiling_kbps: config.camera.bitrate_kbps,
            },
            connect_limit: config.connect_limit,
            ice_servers: io.ice_servers.clone(),
            relay_tls: Arc::clone(&io.relay_tls),
            outgoing: io.outgoing.clone(),
            reports: watch::Sender::default(),
            changed: Notify::new(),
            audio: io.audio.clone(),
            stopping: shutdown.clone(),
        };
        let mut sessions = Self {
            io,
            shared: Arc::new(shared),
            admission,
            permission: Permission::default(),
            early_candidates: EarlyCandidates::default(),
            sessions: HashMap::new(),
            tasks: JoinSet::new(),
            shutdown: shutdown.child_token(),
            kbps: config.camera.bitrate_kbps,
            ignored_log: LogLimiter::new(1, IGNORED_LOG_EVERY),
        };
        sessions.serve().await;
        sessions.shutdown.cancel();
        while sessions.tasks.join_next().await.is_some() {}
        thread.stop().await;
        Ok(())
    }

    async fn serve(&mut self) {
        let mut ticks = tokio::time::interval(REPORT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                message = self.io.incoming.recv() => match message {
                    Some(Incoming::Offer { viewer, principal, sdp }) => {
                        self.offer(&viewer, principal, sdp);
                    }
                    Some(Incoming::Candidate { viewer, candidate }) => {
                        self.candidate(viewer, candidate);
                    }
                    Some(Incoming::Left { viewer }) => {
                        self.of(&viewer).iter().for_each(|session| session.end());
                    }
                    // Signaling has ended, which it does only at the end.
                    None => return self.shutdown.cancelled().await,
                },
                Some(list) = self.io.permitted.recv() => {
                    self.permission.replace(list.principals, now());
                    self.end_denied();
                    let permitted = |user: &str| self.permission.has(user);
                    self.shared.robot.release_unless(&permitted);
                    let _ = list.acted.send(());
                }
                () = self.shared.changed.notified() => {
                    self.control_camera();
                    self.control_audio();
                }
                Some(ended) = self.tasks.join_next_with_id() => {
                    let (id, ended) = ended.unwrap_or_else(|error| (error.id(), Ended::Panicked));
                    self.ended(id, ended);
                }
                _ = ticks.tick() => {
                    self.end_denied();
                    self.control_camera();
                    self.control_audio();
                    self.report();
                }
            }
        }
    }

    /// Those that are not about to end.
    fn active(&self) -> impl Iterator<Item = &Arc<Session>> {
        let sessions = self.sessions.values();
        sessions.filter(|session| !session.cancel.is_cancelled())
    }

    fn of(&self, viewer: &str) -> Option<Arc<Session>> {
        self.active()
            .find(|session| *session.viewer == *viewer)
            .cloned()
    }

    /// Ends the sessions of those who may no longer watch: wheels at once, the picture with the
    /// next frame, the connection as soon as it closes.
    fn end_denied(&self) {
        for session in self.active() {
            let viewer = &session.viewer;
            if let Err(denied) = self.permission.check(session.principal.as_deref(), now()) {
                let principal = session.principal.as_deref().map(label);
                tracing::warn!(principal, "viewer {viewer} {denied}: disconnected");
                session.end();
                self.shared.release(viewer);
            }
        }
    }

    fn offer(&mut self, viewer: &str, principal: Option<String>, sdp: String) {
        let previous = self.of(viewer);
        if let Some(session) = previous.as_ref().filter(|session| session.offer() == sdp) {
            if let Some(sdp) = session.answer() {
                tracing::debug!(viewer, "the same offer again gets the same answer");
                self.shared
                    .send(viewer, Message::Answer { sdp, refused: None });
            }
            return;
        }
        let others = self.active().count() - usize::from(previous.is_some());
        let taken = previous.as_ref().is_some_and(|s| s.principal != principal);
        let denied = self.permission.check(principal.as_deref(), now()).err();
        let denied = denied.or(taken.then_some(Denied::Taken));
        let current = previous
            .as_ref()
            .map(|session| (&session.connection, session.codec));
        let offer = match self.admission.decide(&sdp, current, others, denied, now()) {
            Decision::Admitted(offer) => offer,
            Decision::Renegotiates(offer) => {
                tracing::info!(viewer, "offers again");
                return previous
                    .iter()
                    .for_each(|s| s.renegotiate(sdp.clone(), offer.clone()));
            }
            Decision::Refused(reason) => {
                tracing::warn!(viewer, "offer refused: {reason}");
                return self.refuse(viewer, &sdp, reason);
            }
            Decision::Ignored => {
                if let Some(suppressed) = self.ignored_log.allow(now()) {
                    tracing::warn!(viewer, suppressed, "offer ignored: too many a second");
                }
                return;
            }
        };
        // A viewer's old connection ends with their next, but not with an offer that is refused.
        if let Some(session) = previous {
            tracing::info!(viewer, "reconnects");
            session.cancel.cancel();
        }
        let (session, inbox) = Session::new(
            viewer,
            principal,
            sdp,
            &offer,
            self.shared.limits,
            self.shutdown.child_token(),
        );
        let early = self.early_candidates.remove(viewer, now());
        early
            .into_iter()
            .for_each(|candidate| session.receive(candidate));
        // Boxed, as the future of a whole session is large.
        let (shared, of) = (Arc::clone(&self.shared), Arc::clone(&session));
        let task = peer::run(shared, of, offer, inbox);
        let task = self.tasks.spawn(Box::pin(task));
        self.sessions.insert(task.id(), session);
    }

    fn refuse(&self, viewer: &str, offer: &str, reason: String) {
        let sdp = answer::refusal(offer);
        if !sdp.is_empty() {
            let refused = Some(reason);
            self.shared.send(viewer, Message::Answer { sdp, refused });
        }
    }

    fn candidate(&mut self, viewer: String, candidate: Candidate) {
        match self.of(&viewer) {
            Some(session) => session.receive(candidate),
            None => self.early_candidates.store(viewer, candidate, now()),
        }
    }

    fn ended(&mut self, task: task::Id, ended: Ended) {
        let Some(session) = self.sessions.remove(&task) else {
            return;
        };
        tracing::info!(viewer = %session.viewer, "viewer {ended}");
        if let Ended::NotAnswered(error) = ended {
            self.refuse(&session.viewer, &session.offer(), error.to_string());
        }
        self.control_camera();
        self.control_audio();
    }

    fn connected(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.active().filter(|session| session.is_connected())
    }

    /// Each encoder runs for whoever watches in its codec, at the rate that the slowest of their paths
    /// can take.
    fn control_camera(&mut self) {
        let ceiling = self.shared.limits.ceiling_kbps;
        let asked = Codec::ALL.map(|codec| {
            let wants =
                |session: &&Arc<Session>| session.codec == codec && session.expects_frames();
            let viewers = self.active().filter(wants);
            let slowest = viewers.map(|session| session.kbps()).min();
            self.shared.camera.set_watched(codec, slowest.is_some());
            let kbps = slowest.unwrap_or(ceiling);
            self.shared.camera.set_bitrate(codec, kbps);
            kbps
        });
        self.kbps = asked.into_iter().fold(ceiling, u32::min);
    }

    /// The microphone is open for who listens.
    fn control_audio(&self) {
        let viewers = self.connected().count();
        let listeners = self.connected().filter(|session| session.listens()).count();
        self.shared.audio.set_audience(viewers, listeners);
    }

    fn report(&self) {
        let driver = self.shared.robot.driver();
        let camera = self.shared.camera.status().borrow().clone();
        let viewers = self.connected().count();
        let video = Video {
            viewers: u32::try_from(viewers).unwrap_or(u32::MAX),
            fps: camera.fps,
            bitrate_kbps: self.kbps,
            key_frames: camera.key_frames,
            encoders: camera.encoders.into_iter().map(str::to_owned).collect(),
            camera_fault: camera.error,
        };
        self.io.status.send_if_modified(|status| {
            let changed = status.as_ref() != Some(&video);
            *status = Some(video);
            changed
        });
        let telemetry = self.io.telemetry.borrow().to_string();
        if viewers > 0
            && let Ok(telemetry) = RawValue::from_string(telemetry)
        {
            let report = Report { telemetry, driver };
            self.shared.reports.send_replace(Arc::new(Some(report)));
        }
    }
}
