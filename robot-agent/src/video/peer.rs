//! One viewer: a peer connection from its offer to its end. All that is held for a viewer
//! hangs on the task of [`fn@watch`], and goes when it ends.
//!
//! - [`offer`]: can it be answered at all?
//! - [`connection`]: the peer connection, built and answered.
//! - [`candidates`]: where the robot can be reached, told one by one.
//! - [`packetizer`], [`track`], [`sender`], [`retransmit`]: pictures on their way out.
//! - [`rtcp`]: what the receiver says about them.
//! - [`data_channels`]: actions in, telemetry out.

mod candidates;
mod connection;
mod data_channels;
mod offer;
mod packetizer;
mod retransmit;
mod rtcp;
mod sender;
mod track;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;
use wire::signaling::Candidate;

use super::Robot;
use super::bandwidth::Limits;
use super::camera::Camera;
use super::driver_lock::Wheel;
use super::messages::{IceServer, Message, Outgoing};
use connection::Connection;
pub(super) use connection::Engine;
use data_channels::Channels;
pub(super) use data_channels::Report;
pub(super) use offer::{check, refusal};
pub(super) use packetizer::Feed;
use sender::Stream;

/// What all viewers share.
pub(super) struct Host {
    pub engine: Engine,
    pub feed: Arc<Feed>,
    pub camera: Camera,
    pub robot: Arc<dyn Robot>,
    pub wheel: Mutex<Wheel>,
    pub limits: Limits,
    pub connect_limit: Duration,
    pub reports: watch::Receiver<Arc<Report>>,
    /// Rung when a viewer comes or goes.
    pub changed: Notify,
}

impl Host {
    pub(super) fn wheel(&self) -> MutexGuard<'_, Wheel> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One viewer's place, seen from the room and from the viewer.
pub(super) struct Seat {
    pub id: Arc<str>,
    /// Ends the viewer.
    pub leave: CancellationToken,
    /// The offer it came with, and what it was answered.
    pub offer: String,
    pub answer: OnceLock<String>,
    connected: AtomicBool,
    kbps: AtomicU32,
}

impl Seat {
    pub(super) fn new(
        id: Arc<str>,
        offer: String,
        leave: CancellationToken,
        limits: Limits,
    ) -> Self {
        Self {
            id,
            leave,
            offer,
            answer: OnceLock::new(),
            connected: AtomicBool::new(false),
            kbps: AtomicU32::new(limits.ceiling_kbps),
        }
    }

    /// Whether pictures go there.
    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// What its path can take.
    pub(super) fn kbps(&self) -> u32 {
        self.kbps.load(Ordering::Relaxed)
    }

    /// Says something to the viewer, without waiting for a channel that is full: whoever
    /// gets no answer asks again.
    fn say(&self, out: &mpsc::Sender<Outgoing>, message: Message) {
        let viewer = self.id.to_string();
        if out.try_send(Outgoing { viewer, message }).is_err() {
            tracing::debug!(viewer = %self.id, "the channel is full, a message is lost");
        }
    }

    fn set_kbps(&self, kbps: u32) {
        self.kbps.store(kbps, Ordering::Relaxed);
    }
}

/// What a viewer needs from the room.
pub(super) struct Visit {
    pub host: Arc<Host>,
    pub seat: Arc<Seat>,
    /// Its candidates; those that came before the offer are in here already.
    pub candidates: mpsc::Receiver<Candidate>,
    pub ice_servers: Vec<IceServer>,
    pub out: mpsc::Sender<Outgoing>,
}

/// How a visit ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// Its offer could not be answered.
    #[error("could not be answered: {0}")]
    Failed(#[from] webrtc::Error),
    /// No connection in the time it may take.
    #[error("never connected")]
    NeverConnected,
    /// Nothing was heard of it for too long.
    #[error("fell silent")]
    Silent,
    /// It said goodbye.
    #[error("left")]
    Left,
    /// The room wanted it gone.
    #[error("was asked to leave")]
    Asked,
    /// A fault in this program.
    #[error("failed by a fault of this program")]
    Panicked,
}

/// How long the goodbye may take before the connection is dropped without it.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Feedback waiting to be heard; a receiver sends some ten a second.
const FEEDBACK_WAITING: usize = 64;

/// Most candidates taken from one viewer. A browser has some ten; each is tried against
/// every one of ours.
pub(super) const MAX_CANDIDATES: usize = 64;

/// The whole visit. A panic in it ends this viewer and nothing else.
pub(super) async fn watch(visit: Visit) -> Ended {
    let (host, seat) = (Arc::clone(&visit.host), Arc::clone(&visit.seat));
    let mut connection = match Connection::new(&visit).await {
        Ok(connection) => connection,
        Err(error) => return error,
    };
    let mut tasks = JoinSet::new();
    let stay = AssertUnwindSafe(stay(visit, &mut connection, &mut tasks));
    let ended = stay.catch_unwind().await.unwrap_or(Ended::Panicked);
    seat.connected.store(false, Ordering::Relaxed);
    host.changed.notify_one();
    connection.channels.let_go();
    if tokio::time::timeout(CLOSE_LIMIT, connection.peer.close())
        .await
        .is_err()
    {
        tracing::warn!(viewer = %seat.id, "its connection does not close");
    }
    tasks.shutdown().await;
    ended
}

async fn stay(mut visit: Visit, connection: &mut Connection, tasks: &mut JoinSet<()>) -> Ended {
    let seat = visit.seat;
    let mut state = connection.state.clone();
    let deadline = tokio::time::sleep(visit.host.connect_limit);
    tokio::pin!(deadline);
    let mut taken = 0;
    loop {
        tokio::select! {
            () = seat.leave.cancelled() => return Ended::Asked,
            () = connection.channels.hung_up.cancelled() => return Ended::Left,
            () = &mut deadline, if !seat.is_connected() => return Ended::NeverConnected,
            changed = state.changed() => {
                let now = *state.borrow_and_update();
                match now {
                    RTCPeerConnectionState::Connected => connection.begin(tasks),
                    RTCPeerConnectionState::Failed => return Ended::Silent,
                    RTCPeerConnectionState::Closed => return Ended::Left,
                    _ if changed.is_err() => return Ended::Left,
                    _ => {}
                }
            }
            Some(candidate) = visit.candidates.recv(), if taken < MAX_CANDIDATES => {
                taken += 1;
                connection.add(candidate).await;
            }
            Some(address) = connection.addresses.next() => {
                seat.say(&visit.out, Message::Candidate(address));
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a viewer's tasks own its clock")]
fn now() -> Instant {
    Instant::now()
}
