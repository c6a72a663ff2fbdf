//! A peer connection: built for an offer, answered, and set to work once it is up.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use webrtc::api::media_engine::{MIME_TYPE_H264, MediaEngine};
use webrtc::api::setting_engine::SettingEngine;
use webrtc::api::{API, APIBuilder};
use webrtc::ice::mdns::MulticastDnsMode;
use webrtc::ice_transport::ice_candidate::RTCIceCandidateInit;
use webrtc::ice_transport::ice_server::RTCIceServer;
use webrtc::peer_connection::RTCPeerConnection;
use webrtc::peer_connection::configuration::RTCConfiguration;
use webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;
use webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
use webrtc::rtp_transceiver::RTCPFeedback;
use webrtc::rtp_transceiver::rtp_codec::{
    RTCRtpCodecCapability, RTCRtpCodecParameters, RTPCodecType,
};
use webrtc::rtp_transceiver::rtp_sender::RTCRtpSender;
use webrtc::track::track_local::TrackLocal;

use super::candidates::Addresses;
use super::track::Track;
use super::{
    Candidate, Channels, Ended, FEEDBACK_WAITING, Host, IceServer, Message, Seat, Stream, Visit,
    offer, rtcp,
};

/// Without a sign of life for this long a viewer counts as troubled.
const TROUBLED_AFTER: Duration = Duration::from_secs(4);

/// And after this long again as gone. Walking out of one network into another takes ten
/// seconds; a viewer who comes back later comes anew.
const GONE_AFTER: Duration = Duration::from_secs(8);

/// How often a viewer is asked for a sign of life.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How long the answer waits for addresses to carry, at most, and after each that it got.
/// Those of our own interfaces come at once and together, and save a message each; those of
/// servers follow by themselves.
const GATHER: Duration = Duration::from_millis(20);
const GATHER_EACH: Duration = Duration::from_millis(3);

/// Makes peer connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Engine;

impl Engine {
    /// Made for each connection, as networks come and go.
    fn api(self) -> Result<API, webrtc::Error> {
        let mut media = MediaEngine::default();
        let feedback = [
            ("nack", ""),
            ("nack", "pli"),
            ("ccm", "fir"),
            ("goog-remb", ""),
        ];
        media.register_codec(
            RTCRtpCodecParameters {
                capability: RTCRtpCodecCapability {
                    mime_type: MIME_TYPE_H264.to_owned(),
                    clock_rate: 90_000,
                    sdp_fmtp_line: offer::H264.to_owned(),
                    rtcp_feedback: feedback
                        .map(|(typ, parameter)| RTCPFeedback {
                            typ: typ.to_owned(),
                            parameter: parameter.to_owned(),
                        })
                        .to_vec(),
                    ..RTCRtpCodecCapability::default()
                },
                payload_type: 102,
                ..RTCRtpCodecParameters::default()
            },
            RTPCodecType::Video,
        )?;
        let mut settings = SettingEngine::default();
        settings.set_ice_timeouts(Some(TROUBLED_AFTER), Some(GONE_AFTER), Some(ASK_EVERY));
        // Browsers hide their addresses behind names of mDNS; they find us by ours, and a
        // responder per viewer would cost a socket and a task each.
        settings.set_ice_multicast_dns_mode(MulticastDnsMode::Disabled);
        settings.set_include_loopback_candidate(is_alone());
        // Addresses of a link are of no use without its name, which candidates do not carry.
        settings.set_ip_filter(Box::new(
            |ip| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()),
        ));
        let builder = APIBuilder::new()
            .with_media_engine(media)
            .with_setting_engine(settings);
        Ok(builder.build())
    }
}

/// Whether this machine has no network but itself. Then only a viewer on it can come, and
/// only that way.
fn is_alone() -> bool {
    let routed = |from: &str, to: &str| {
        UdpSocket::bind(from)
            .and_then(|socket| socket.connect(to))
            .is_ok()
    };
    !routed("0.0.0.0:0", "192.0.2.1:9") && !routed("[::]:0", "[2001:db8::1]:9")
}

/// One viewer's connection.
pub(super) struct Connection {
    pub peer: RTCPeerConnection,
    pub state: watch::Receiver<RTCPeerConnectionState>,
    pub channels: Arc<Channels>,
    pub addresses: Addresses,
    sender: Arc<RTCRtpSender>,
    track: Arc<Track>,
    host: Arc<Host>,
    seat: Arc<Seat>,
}

impl Connection {
    /// Builds the connection and sends the answer.
    pub(super) async fn new(visit: &Visit) -> Result<Self, Ended> {
        let configuration = RTCConfiguration {
            ice_servers: usable(&visit.ice_servers),
            ..RTCConfiguration::default()
        };
        let peer = visit
            .host
            .engine
            .api()?
            .new_peer_connection(configuration)
            .await?;
        match Self::answered(peer, visit).await {
            Ok(connection) => Ok(connection),
            Err((peer, error)) => {
                let _ = peer.close().await;
                Err(error.into())
            }
        }
    }

    async fn answered(
        peer: RTCPeerConnection,
        visit: &Visit,
    ) -> Result<Self, (RTCPeerConnection, webrtc::Error)> {
        let (to, state) = watch::channel(RTCPeerConnectionState::New);
        peer.on_peer_connection_state_change(Box::new(move |state| {
            to.send_replace(state);
            Box::pin(std::future::ready(()))
        }));
        let (host, seat) = (Arc::clone(&visit.host), Arc::clone(&visit.seat));
        let channels = Channels::attach(&peer, Arc::clone(&host), Arc::clone(&seat));
        let track = Arc::new(Track::default());
        let local = Arc::clone(&track) as Arc<dyn TrackLocal + Send + Sync>;
        let sender = match peer.add_track(local).await {
            Ok(sender) => sender,
            Err(error) => return Err((peer, error)),
        };
        match answer(&peer, visit).await {
            Ok(addresses) => Ok(Self {
                peer,
                state,
                channels,
                addresses,
                sender,
                track,
                host,
                seat,
            }),
            Err(error) => Err((peer, error)),
        }
    }

    /// The connection is up: pictures and reports go out, a key frame first.
    pub(super) fn begin(&self, tasks: &mut JoinSet<()>) {
        if self.seat.is_connected() {
            // Back after trouble: whatever was lost meanwhile is past mending.
            self.host.camera.key_frame();
            return;
        }
        let (to, feedback) = mpsc::channel(FEEDBACK_WAITING);
        let stream = Stream::new(
            Arc::clone(&self.track),
            Arc::clone(&self.seat),
            Arc::clone(&self.host),
        );
        tasks.spawn(stream.run(feedback));
        tasks.spawn(rtcp::listen(Arc::clone(&self.sender), to));
        let reports = self.host.reports.clone();
        tasks.spawn(Arc::clone(&self.channels).tell(reports));
        self.host.camera.key_frame();
        self.seat.connected.store(true, Ordering::Relaxed);
        self.host.changed.notify_one();
        tracing::info!(viewer = %self.seat.id, "connected");
    }

    /// Tries one more address of the viewer's.
    pub(super) async fn add(&self, candidate: Candidate) {
        let viewer = &self.seat.id;
        if is_useless(&candidate.candidate) {
            tracing::trace!(%viewer, candidate.candidate, "of no use");
            return;
        }
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_m_line_index,
            username_fragment: candidate.username_fragment,
        };
        if let Err(error) = self.peer.add_ice_candidate(init).await {
            tracing::debug!(%viewer, "a candidate that is none: {error}");
        }
    }
}

/// Answers the offer, with the addresses that are known at once; the others follow.
async fn answer(peer: &RTCPeerConnection, visit: &Visit) -> Result<Addresses, webrtc::Error> {
    let mut addresses = Addresses::listen(peer, visit);
    let offer = RTCSessionDescription::offer(visit.seat.offer.clone())?;
    peer.set_remote_description(offer).await?;
    let answer = peer.create_answer(None).await?;
    peer.set_local_description(answer).await?;
    let _ = tokio::time::timeout(GATHER, addresses.gather(GATHER_EACH)).await;
    let sdp = peer
        .local_description()
        .await
        .ok_or(webrtc::Error::ErrPeerConnSDPTypeInvalidValueSetLocalDescription)?
        .sdp;
    addresses.are_in(&sdp);
    let _ = visit.seat.answer.set(sdp.clone());
    let message = Message::Answer { sdp, refused: None };
    visit.seat.say(&visit.out, message);
    Ok(addresses)
}

/// The end of candidates, names that only mDNS resolves, and TCP, which is not spoken.
fn is_useless(candidate: &str) -> bool {
    let mut words = candidate.split_whitespace().skip(2);
    let protocol = words.next().unwrap_or_default();
    let address = words.nth(1).unwrap_or_default();
    candidate.is_empty() || !protocol.eq_ignore_ascii_case("udp") || address.ends_with(".local")
}

/// The servers this library can use: those it speaks to by UDP.
fn usable(servers: &[IceServer]) -> Vec<RTCIceServer> {
    servers
        .iter()
        .map(|server| RTCIceServer {
            urls: server
                .urls
                .iter()
                .filter(|url| is_usable(url))
                .cloned()
                .collect(),
            username: server.username.clone(),
            credential: server.password.clone(),
        })
        .filter(|server| !server.urls.is_empty())
        .collect()
}

fn is_usable(url: &str) -> bool {
    match url.split_once(':') {
        Some(("stun", _)) => true,
        Some(("turn", rest)) => !rest.contains("transport=tcp"),
        _ => false,
    }
}
