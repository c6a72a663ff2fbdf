//! One viewer's session, as its peer connection and whoever counts the sessions see it, and
//! what all sessions share.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use wire::Action;
use wire::signaling::Candidate;

use super::media_clock::MediaClock;
use super::offer::{ConnectionId, Offer};
use super::packetizer::{Frames, StreamLevel};
use crate::audio::Audio;
use crate::video::bandwidth::Limits;
use crate::video::camera::Camera;
use crate::video::codec::Codec;
use crate::video::messages::{IceServer, Message, Outgoing};

/// What a viewer can do to the robot.
pub(crate) trait Robot: Send + Sync + 'static {
    /// Carries out an action of a viewer, at once, if they may drive.
    fn act(&self, action: &Action, viewer: &Arc<str>);
    /// A viewer talks, in the name of this user. True if they may, and then it is they who drive.
    fn talk(&self, viewer: &str, user: Option<&str>) -> bool;
    /// The viewer is gone, or drives no more: stops the wheels if it is they who move them.
    /// True if they drove.
    fn release(&self, viewer: &str) -> bool;
    /// Stops the wheels if it is an order by way of the station that moves them, of a user or key that
    /// is not among these.
    fn release_unless(&self, permitted: &dyn Fn(&str) -> bool);
    /// The id of who drives, by whatever road.
    fn driver(&self) -> Option<String>;
    /// Counts a message that was no action.
    fn count_rejected(&self);
}

/// What all sessions share.
pub(in crate::video) struct Shared {
    pub robot: Arc<dyn Robot>,
    pub camera: Camera,
    pub frames: Frames,
    pub level: Arc<StreamLevel>,
    /// That of the frames' timestamps.
    pub clock: MediaClock,
    pub limits: Limits,
    /// How long a connection may take to come up.
    pub connect_limit: Duration,
    /// The newest are used for whoever comes next.
    pub ice_servers: watch::Receiver<Vec<IceServer>>,
    /// For relays over TLS.
    pub relay_tls: Arc<rustls::ClientConfig>,
    pub outgoing: mpsc::Sender<Outgoing>,
    /// None before the first.
    pub reports: watch::Sender<Arc<Option<Report>>>,
    /// Notified when a viewer has connected, or listens, or is gone.
    pub changed: Notify,
    pub audio: Audio,
    /// Cancelled when all sessions end.
    pub stopping: CancellationToken,
}

impl Shared {
    /// `viewer` drives no more. Wheels it left turning are stopped, but not another's.
    pub(in crate::video) fn release(&self, viewer: &str) {
        if self.robot.release(viewer) {
            tracing::info!(%viewer, "no longer drives");
        }
    }

    /// Without waiting for a channel that is full: whoever gets no answer asks again.
    pub(in crate::video) fn send(&self, viewer: &str, message: Message) {
        let viewer = viewer.to_owned();
        if let Err(error) = self.outgoing.try_send(Outgoing { viewer, message }) {
            tracing::debug!("signaling: a message is lost: {error}");
        }
    }
}

/// What viewers are told, ten times a second.
pub(in crate::video) struct Report {
    /// A [`wire::Telemetry`] as JSON.
    pub telemetry: Box<RawValue>,
    pub driver: Option<String>,
}

/// Most candidates taken from one viewer. A browser has some ten; each is tried against
/// every one of ours.
pub(super) const MAX_CANDIDATES: usize = 64;

/// One viewer, from its offer to its end. A viewer who reconnects has two for a moment.
pub(in crate::video) struct Session {
    pub viewer: Arc<str>,
    /// Whose right to watch it came by.
    pub principal: Option<String>,
    /// Which of the viewer's peer connections it is.
    pub connection: ConnectionId,
    /// In which it watches, as long as it lives.
    pub codec: Codec,
    negotiation: Mutex<Negotiation>,
    inbox: mpsc::Sender<FromViewer>,
    pub cancel: CancellationToken,
    /// Held while one of its actions is carried out.
    acting: Mutex<()>,
    connected: AtomicBool,
    expects_frames: AtomicBool,
    /// Whether the viewer wants no picture for now.
    paused: AtomicBool,
    /// Whether sound is negotiated that the viewer receives.
    receives_sound: AtomicBool,
    /// Whether the viewer wants to hear; none as long as they have not said.
    listens: watch::Sender<Option<bool>>,
    kbps: AtomicU32,
}

/// The newest offer, and its answer, once there is one.
struct Negotiation {
    offer: String,
    answer: Option<String>,
}

/// In the order in which it came.
pub(in crate::video) enum FromViewer {
    Candidate(Candidate),
    /// A later offer of the same peer connection.
    Offer(Box<Offer>),
}

impl Session {
    /// A session for the peer connection of the offer, and where what its viewer sends later comes
    /// out.
    pub(in crate::video) fn new(
        viewer: &str,
        principal: Option<String>,
        offer: String,
        read: &Offer,
        limits: Limits,
        cancel: CancellationToken,
    ) -> (Arc<Self>, mpsc::Receiver<FromViewer>) {
        let (inbox, received) = mpsc::channel(MAX_CANDIDATES);
        let session = Self {
            viewer: viewer.into(),
            principal,
            connection: read.connection.clone(),
            codec: read.codec(),
            negotiation: Mutex::new(Negotiation {
                offer,
                answer: None,
            }),
            inbox,
            cancel,
            acting: Mutex::new(()),
            connected: AtomicBool::new(false),
            expects_frames: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            receives_sound: AtomicBool::new(false),
            listens: watch::Sender::new(None),
            kbps: AtomicU32::new(limits.ceiling_kbps),
        };
        (Arc::new(session), received)
    }

    /// One more candidate of the viewer's. What finds the inbox full is lost: it belongs to a
    /// viewer with more than are tried.
    pub(in crate::video) fn receive(&self, candidate: Candidate) {
        let _ = self.inbox.try_send(FromViewer::Candidate(candidate));
    }

    /// A later offer: the text, and what was read in it.
    pub(in crate::video) fn renegotiate(&self, text: String, offer: Offer) {
        *self.negotiation() = Negotiation {
            offer: text,
            answer: None,
        };
        let _ = self.inbox.try_send(FromViewer::Offer(Box::new(offer)));
    }

    /// The newest offer.
    pub(in crate::video) fn offer(&self) -> String {
        self.negotiation().offer.clone()
    }

    /// The answer to it.
    pub(in crate::video) fn answer(&self) -> Option<String> {
        self.negotiation().answer.clone()
    }

    pub(super) fn set_answer(&self, answer: String) {
        self.negotiation().answer = Some(answer);
    }

    fn negotiation(&self) -> MutexGuard<'_, Negotiation> {
        let negotiation = self.negotiation.lock();
        negotiation.unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it. When this returns no action of it is carried out any more.
    pub(in crate::video) fn end(&self) {
        let _acting = self.acting();
        self.cancel.cancel();
    }

    /// Lets an action be carried out while it is held; none once the session is about to end.
    pub(super) fn acts(&self) -> Option<MutexGuard<'_, ()>> {
        let acting = self.acting();
        (!self.cancel.is_cancelled()).then_some(acting)
    }

    fn acting(&self) -> MutexGuard<'_, ()> {
        self.acting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether frames are sent there.
    pub(in crate::video) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    pub(super) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
        self.expects_frames.store(connected, Ordering::Relaxed);
    }

    /// Whether frames are wanted: a moment before it is connected, and as long as it is.
    pub(in crate::video) fn expects_frames(&self) -> bool {
        self.expects_frames.load(Ordering::Relaxed)
    }

    pub(super) fn expect_frames(&self) {
        self.expects_frames.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Whether that is a change.
    pub(super) fn set_paused(&self, paused: bool) -> bool {
        self.paused.swap(paused, Ordering::Relaxed) != paused
    }

    /// Whether sound is sent there.
    pub(in crate::video) fn listens(&self) -> bool {
        self.receives_sound.load(Ordering::Relaxed) && *self.listens.borrow() == Some(true)
    }

    pub(super) fn set_receives_sound(&self, receives: bool) {
        self.receives_sound.store(receives, Ordering::Relaxed);
    }

    /// What the viewer says of listening.
    pub(super) fn set_listens(&self, listens: bool) {
        self.listens.send_replace(Some(listens));
    }

    /// Waits until the viewer has said whether they listen; after so long, they do.
    pub(super) async fn wait_for_listening(&self, limit: Duration) {
        let mut said = self.listens.subscribe();
        let said = tokio::time::timeout(limit, said.wait_for(Option::is_some)).await;
        if said.is_err() {
            self.listens.send_if_modified(|listens| {
                let unsaid = listens.is_none();
                *listens = listens.or(Some(true));
                unsaid
            });
        }
    }

    /// What its path can take, in kbit/s.
    pub(in crate::video) fn kbps(&self) -> u32 {
        self.kbps.load(Ordering::Relaxed)
    }

    pub(super) fn set_kbps(&self, kbps: u32) {
        self.kbps.store(kbps, Ordering::Relaxed);
    }
}
