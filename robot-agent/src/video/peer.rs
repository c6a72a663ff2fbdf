//! One viewer's peer connection, from its offer to its end. All that is held for a viewer
//! hangs on the task of [`run`], and goes when it ends.
//!
//! - [`offer`], [`payload_type`], [`h264`], [`rtpmap`]: can it be answered, and what of it;
//!   [`answer`]: in which words.
//! - [`connection`]: the peer connection, built and answered; [`api`]: of what library.
//! - [`candidates`]: where the robot can be reached, sent one by one; [`remote_candidate`]: where it sends.
//! - [`relays`], [`relay_url`], [`relay_bridge`], [`retransmissions`]: STUN and TURN servers, by UDP
//!   and over TCP.
//! - [`packetizer`], [`vp8`], [`filler`], [`track`], [`sender`], [`retransmit`]: frames on their way out.
//! - [`header_extensions`]: what their packets say beside the picture.
//! - [`rtcp`], [`transport_feedback`]: what the receiver reports about them; [`sender_reports`],
//!   [`media_clock`]: what it is told.
//! - [`sound_sender`], [`sound_receiver`], [`receiver_reports`]: what the robot hears, what the viewer says.
//! - [`data_channels`]: actions in, telemetry out.
//! - [`session`]: what is known of a viewer outside of here.

pub(super) mod answer;
mod api;
mod candidates;
mod connection;
mod data_channels;
mod filler;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod h264;
pub(super) mod header_extensions;
pub(super) mod media_clock;
pub(super) mod offer;
pub(super) mod packetizer;
mod payload_type;
mod receiver_reports;
mod relay_bridge;
mod relay_url;
mod relays;
mod remote_candidate;
mod retransmissions;
mod retransmit;
mod rtcp;
mod rtpmap;
mod sender;
mod sender_reports;
pub(super) mod session;
mod sound_receiver;
mod sound_sender;
mod track;
mod transport_feedback;
mod vp8;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;

use super::messages::Message;
use connection::Connection;
use offer::Offer;
use session::{FromViewer, MAX_CANDIDATES, Session, Shared};

/// How a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("could not be answered: {0}")]
    NotAnswered(#[from] webrtc::Error),
    #[error("did not connect in time")]
    NeverConnected,
    /// Nothing was received from it for too long.
    #[error("timed out")]
    TimedOut,
    #[error("left")]
    Left,
    /// Replaced by its next connection, misbehaved, or the robot stops.
    #[error("was disconnected")]
    Cancelled,
    #[error("was disconnected by a bug in this program")]
    Panicked,
}

/// The whole session. A panic in it ends this viewer and nothing else.
pub(super) async fn run(
    shared: Arc<Shared>,
    session: Arc<Session>,
    offer: Offer,
    inbox: mpsc::Receiver<FromViewer>,
) -> Ended {
    let mut connection = match Connection::answer(&shared, &session, &offer).await {
        Ok(connection) => connection,
        Err(error) => return error.into(),
    };
    let mut tasks = JoinSet::new();
    let served = AssertUnwindSafe(serve(&session, inbox, &mut connection, &mut tasks));
    let ended = served.catch_unwind().await.unwrap_or(Ended::Panicked);
    // From now on it takes nobody's place and moves nothing, however long closing lasts.
    session.end();
    session.set_connected(false);
    shared.changed.notify_one();
    connection.data_channels.release();
    tasks.shutdown().await;
    connection.close(&shared.stopping).await;
    ended
}

async fn serve(
    session: &Session,
    mut inbox: mpsc::Receiver<FromViewer>,
    connection: &mut Connection,
    tasks: &mut JoinSet<()>,
) -> Ended {
    let shared = Arc::clone(&connection.shared);
    let mut state = connection.state.clone();
    let deadline = tokio::time::sleep(shared.connect_limit);
    tokio::pin!(deadline);
    let mut candidates = 0;
    loop {
        tokio::select! {
            () = session.cancel.cancelled() => return Ended::Cancelled,
            () = connection.data_channels.closed.cancelled() => return Ended::Left,
            () = &mut deadline, if !session.is_connected() => return Ended::NeverConnected,
            () = connection.path_found.notified() => connection.prepare_sending(),
            changed = state.changed() => {
                let now = *state.borrow_and_update();
                match now {
                    RTCPeerConnectionState::Connected => connection.start_sending(tasks),
                    RTCPeerConnectionState::Failed => return Ended::TimedOut,
                    RTCPeerConnectionState::Closed => return Ended::Left,
                    _ if changed.is_err() => return Ended::Left,
                    _ => {}
                }
            }
            Some(message) = inbox.recv() => match message {
                FromViewer::Candidate(candidate) => {
                    candidates += 1;
                    if candidates <= MAX_CANDIDATES && connection.is_current(&candidate) {
                        connection.add_candidate(candidate.candidate).await;
                    }
                }
                FromViewer::Offer(offer) => {
                    candidates = 0;
                    if let Err(error) = connection.negotiate(&offer).await {
                        return error.into();
                    }
                }
            },
            Some(track) = connection.incoming.recv() => connection.receive(track, tasks),
            Some(candidate) = connection.local_candidates.next() => {
                shared.send(&session.viewer, Message::Candidate(candidate));
            }
        }
    }
}
