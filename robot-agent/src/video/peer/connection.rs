//! A peer connection: built for an offer, answered, and set to sending once it is up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use webrtc::dtls_transport::dtls_role::DTLSRole;
use webrtc::ice_transport::ice_candidate::RTCIceCandidateInit;
use webrtc::ice_transport::ice_connection_state::RTCIceConnectionState;
use webrtc::peer_connection::RTCPeerConnection;
use webrtc::peer_connection::configuration::RTCConfiguration;
use webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;
use webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
use webrtc::rtp_transceiver::rtp_codec::RTPCodecType;
use webrtc::rtp_transceiver::rtp_sender::RTCRtpSender;
use wire::signaling::Candidate;

use super::answer::Answer;
use super::api::api;
use super::candidates::LocalCandidates;
use super::data_channels::DataChannels;
use super::offer::{Offer, RobotSound};
use super::relays::Relays;
use super::remote_candidate::{is_alone, is_tried};
use super::rtcp;
use super::sender::RtpSender;
use super::session::{Session, Shared};
use super::sound_receiver::{self, IncomingTrack};
use super::sound_sender::SoundSender;
use super::track::Track;
use crate::video::messages::Message;

/// Feedback waiting for the sender; a receiver sends some ten a second.
const FEEDBACK_WAITING: usize = 64;

/// How long the answer waits for candidates to carry, at most, and after each that it got.
/// Those of our own interfaces come at once and together, and save a message each; those of
/// servers follow by themselves.
const GATHER: Duration = Duration::from_millis(20);
const GATHER_EACH: Duration = Duration::from_millis(3);

/// How long an ICE restart waits for the end of gathering, which the library cannot break off. A
/// server of STUN or TURN that is not there is asked for some five seconds.
const GATHERED_LIMIT: Duration = Duration::from_secs(8);

/// The viewer's addresses that are tried, each against every one of ours, by up to eight packets: a browser
/// on three networks has some ten. Nobody has the robot send packets to many others.
const MAX_TRIED: usize = 24;

/// How long closing may take before the connection is dropped without it.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

pub(super) struct Connection {
    pub peer: RTCPeerConnection,
    pub state: watch::Receiver<RTCPeerConnectionState>,
    /// Notified when ICE has found a path, over which DTLS begins.
    pub path_found: Arc<Notify>,
    pub data_channels: Arc<DataChannels>,
    pub local_candidates: LocalCandidates,
    pub shared: Arc<Shared>,
    /// What the viewer sends.
    pub incoming: mpsc::Receiver<IncomingTrack>,
    session: Arc<Session>,
    sender: Arc<RTCRtpSender>,
    track: Arc<Track>,
    /// Has subscribed, and waits for DTLS.
    rtp_sender: Option<RtpSender>,
    sound: Sound,
    /// What is asked for candidates.
    relays: Arc<Relays>,
    /// How many of the viewer's addresses.
    tried: usize,
    /// The viewer's end of ICE, by which a restart is known.
    credentials: Option<(String, String)>,
}

/// Both ways of sound.
struct Sound {
    sender: Arc<RTCRtpSender>,
    track: Arc<Track>,
}

impl Sound {
    async fn add(peer: &RTCPeerConnection) -> Result<Self, webrtc::Error> {
        let track = Arc::new(Track::of(RTPCodecType::Audio));
        let sender = peer.add_track(Arc::clone(&track) as _).await?;
        Ok(Self { sender, track })
    }
}

impl Connection {
    /// Builds the connection and sends the answer to its first offer.
    pub(super) async fn answer(
        shared: &Arc<Shared>,
        session: &Arc<Session>,
        offer: &Offer,
    ) -> Result<Self, webrtc::Error> {
        let offered = shared.ice_servers.borrow().clone();
        let (to, state) = watch::channel(RTCPeerConnectionState::New);
        let relays = Arc::new(Relays::open(&offered, &shared.relay_tls, &state).await);
        let configuration = RTCConfiguration {
            ice_servers: relays.servers(),
            ..RTCConfiguration::default()
        };
        let role = if offer.transport.is_dtls_client {
            DTLSRole::Server
        } else {
            DTLSRole::Client
        };
        let peer = api(role, session.codec)?
            .new_peer_connection(configuration)
            .await?;
        peer.on_peer_connection_state_change(Box::new(move |state| {
            to.send_replace(state);
            Box::pin(std::future::ready(()))
        }));
        let path_found = Arc::new(Notify::new());
        let found = Arc::clone(&path_found);
        peer.on_ice_connection_state_change(Box::new(move |state| {
            if state == RTCIceConnectionState::Connected {
                found.notify_one();
            }
            Box::pin(std::future::ready(()))
        }));
        let track = Arc::new(Track::of(RTPCodecType::Video));
        let incoming = sound_receiver::listen(&peer);
        let mut connection = Self {
            data_channels: DataChannels::attach(&peer, role, shared, session).await?,
            local_candidates: LocalCandidates::listen(&peer, &session.viewer, relays.clone()),
            sender: peer.add_track(Arc::clone(&track) as _).await?,
            sound: Sound::add(&peer).await?,
            incoming,
            shared: Arc::clone(shared),
            session: Arc::clone(session),
            credentials: None,
            tried: 0,
            peer,
            state,
            path_found,
            track,
            rtp_sender: None,
            relays,
        };
        match connection.negotiate(offer).await {
            Ok(()) => Ok(connection),
            Err(error) => {
                let _ = connection.peer.close().await;
                Err(error)
            }
        }
    }

    /// Answers an offer, the first or a later one, with the candidates that are known at once; the
    /// others follow. What flows goes on flowing: only new credentials, an ICE restart, look for
    /// another path.
    pub(super) async fn negotiate(&mut self, offer: &Offer) -> Result<(), webrtc::Error> {
        let transport = &offer.transport;
        let credentials = (transport.ufrag.clone(), transport.pwd.clone());
        let restarts = self
            .credentials
            .as_ref()
            .is_some_and(|old| *old != credentials);
        if restarts {
            self.prepare_restart().await;
        }
        self.credentials = Some(credentials);
        let sound = RobotSound {
            hears: self.shared.audio.hears(),
            speaks: self.shared.audio.speaks(),
        };
        let shown = RTCSessionDescription::offer(offer.for_library(sound))?;
        self.peer.set_remote_description(shown).await?;
        let answer = self.peer.create_answer(None).await?;
        self.peer.set_local_description(answer).await?;
        let gathering = self.local_candidates.gather(GATHER_EACH);
        let _ = tokio::time::timeout(GATHER, gathering).await;
        let answered = self.peer.local_description().await;
        let answered =
            answered.ok_or(webrtc::Error::ErrPeerConnSDPTypeInvalidValueSetLocalDescription)?;
        let answer = Answer::word(offer, &answered.sdp, self.shared.level.get(), sound);
        let receives_sound = offer.sound.as_ref().is_some_and(|sound| sound.receives);
        self.session
            .set_receives_sound(receives_sound && sound.hears);
        self.local_candidates.drop_sent(&answer);
        self.session.set_answer(answer.sdp.clone());
        let message = Message::Answer {
            sdp: answer.sdp,
            refused: None,
        };
        self.shared.send(&self.session.viewer, message);
        for candidate in &offer.candidates {
            self.add_candidate(candidate.clone()).await;
        }
        if self.session.set_paused(!offer.receives) && offer.receives {
            self.shared.camera.key_frame(self.session.codec);
        }
        Ok(())
    }

    /// The library restarts by itself when it sees new credentials, but not while it gathers, and
    /// then all its candidates are new.
    async fn prepare_restart(&mut self) {
        let mut gathered = self.peer.gathering_complete_promise().await;
        let _ = tokio::time::timeout(GATHERED_LIMIT, gathered.recv()).await;
        tracing::info!(viewer = %self.session.viewer, "ICE restart");
        self.tried = 0;
        let (viewer, relays) = (&self.session.viewer, self.relays.clone());
        self.local_candidates = LocalCandidates::listen(&self.peer, viewer, relays);
    }

    /// Has a key frame made while DTLS shakes hands.
    pub(super) fn prepare_sending(&mut self) {
        if self.session.is_connected() || self.rtp_sender.is_some() {
            return;
        }
        self.rtp_sender = Some(self.subscribe());
        self.session.expect_frames();
        self.shared.camera.key_frame(self.session.codec);
        self.shared.changed.notify_one();
    }

    fn subscribe(&self) -> RtpSender {
        RtpSender::new(&self.track, &self.sender, &self.session, &self.shared)
    }

    /// The connection is up: frames and reports are sent, a key frame first.
    pub(super) fn start_sending(&mut self, tasks: &mut JoinSet<()>) {
        if self.session.is_connected() {
            // Connected again: what was lost meanwhile is too old to be sent again.
            self.shared.camera.key_frame(self.session.codec);
            return;
        }
        let (to, feedback) = mpsc::channel(FEEDBACK_WAITING);
        self.prepare_sending();
        let sender = self.rtp_sender.take().unwrap_or_else(|| self.subscribe());
        tasks.spawn(sender.run(feedback));
        let ssrc = self.track.bound().map_or(0, |bound| bound.ssrc);
        tasks.spawn(rtcp::read_feedback(Arc::clone(&self.sender), ssrc, to));
        tasks.spawn(Arc::clone(&self.data_channels).send_reports());
        let Sound { sender, track } = &self.sound;
        tasks.spawn(SoundSender::new(track, sender, &self.session, &self.shared).run());
        self.session.set_connected(true);
        self.shared.changed.notify_one();
        tracing::info!(viewer = %self.session.viewer, "connected");
    }

    /// Takes what the viewer says, for as long as it comes.
    pub(super) fn receive(&self, track: IncomingTrack, tasks: &mut JoinSet<()>) {
        let (session, shared) = (Arc::clone(&self.session), Arc::clone(&self.shared));
        let own = Arc::clone(&self.sound.track);
        tasks.spawn(sound_receiver::receive(track, own, session, shared));
    }

    /// Tries one more address of the viewer's.
    pub(super) async fn add_candidate(&mut self, candidate: String) {
        let viewer = &self.session.viewer;
        if self.tried >= MAX_TRIED || !is_tried(&candidate, is_alone()) {
            tracing::trace!(%viewer, candidate, "candidate ignored");
            return;
        }
        self.tried += 1;
        let init = RTCIceCandidateInit {
            candidate,
            ..RTCIceCandidateInit::default()
        };
        if let Err(error) = self.peer.add_ice_candidate(init).await {
            tracing::debug!(%viewer, "invalid candidate: {error}");
        }
    }

    /// Ends it, once the library has gathered, or `stopping`: what it is still asking for when it is
    /// closed it opens sockets for that nobody closes.
    pub(super) async fn close(&self, stopping: &CancellationToken) {
        let mut gathered = self.peer.gathering_complete_promise().await;
        let gathered = tokio::time::timeout(GATHERED_LIMIT, gathered.recv());
        let _ = stopping.run_until_cancelled(gathered).await;
        let closed = tokio::time::timeout(CLOSE_LIMIT, self.peer.close());
        if closed.await.is_err() {
            tracing::warn!(viewer = %self.session.viewer, "the peer connection does not close");
        }
    }

    /// Whether a candidate of these credentials, where it names them, is for the path that is
    /// looked for now, and not for one before an ICE restart.
    pub(super) fn is_current(&self, candidate: &Candidate) -> bool {
        let current = self.credentials.as_ref().map(|(ufrag, _)| ufrag);
        let of = candidate
            .username_fragment
            .as_ref()
            .filter(|of| !of.is_empty());
        of.is_none_or(|of| Some(of) == current)
    }
}
