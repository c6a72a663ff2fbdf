//! A light viewer: a whole peer connection that reads every packet and decodes none.

use crate::kvs::{self, Socket};
use crate::udp_relay::UdpRelay;
use crate::{eventually, sdp, unix_ms};
use anyhow::Context;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use webrtc::api::APIBuilder;
use webrtc::api::interceptor_registry::register_default_interceptors;
use webrtc::api::media_engine::MediaEngine;
use webrtc::api::setting_engine::SettingEngine;
use webrtc::data_channel::RTCDataChannel;
use webrtc::data_channel::data_channel_init::RTCDataChannelInit;
use webrtc::data_channel::data_channel_state::RTCDataChannelState;
use webrtc::ice::mdns::MulticastDnsMode;
use webrtc::interceptor::registry::Registry;
use webrtc::peer_connection::RTCPeerConnection;
use webrtc::peer_connection::configuration::RTCConfiguration;
use webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;
use webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
use webrtc::rtp::header::Header;
use webrtc::rtp_transceiver::RTCRtpTransceiverInit;
use webrtc::rtp_transceiver::rtp_codec::RTPCodecType;
use webrtc::rtp_transceiver::rtp_transceiver_direction::RTCRtpTransceiverDirection;

/// With more than this unsent, nothing more is sent: the page's own limit.
const MAX_UNSENT_BYTES: usize = 2048;

/// A viewer, and the socket by which it finds the robot.
pub struct Viewer {
    peer: RTCPeerConnection,
    drive: Arc<RTCDataChannel>,
    seen: Arc<Mutex<Seen>>,
    socket: Socket,
}

/// What came so far.
#[derive(Default)]
struct Seen {
    bytes: u64,
    /// The next packet, if none is missing.
    next: Option<u16>,
    /// Whether nothing is missing of the frame that is coming.
    whole: bool,
    /// When the last whole frame was complete.
    last: Option<Instant>,
    longest: Duration,
}

impl Seen {
    fn take(&mut self, header: &Header, bytes: usize, now: Instant) {
        self.bytes += bytes as u64;
        self.whole &= self.next.is_none_or(|next| next == header.sequence_number);
        self.next = Some(header.sequence_number.wrapping_add(1));
        if header.marker {
            if self.whole {
                self.longest = self.longest.max(self.still(now));
                self.last = Some(now);
            }
            self.whole = true;
        }
    }

    /// For how long no frame has come.
    fn still(&self, now: Instant) -> Duration {
        self.last
            .map_or(Duration::ZERO, |last| now.saturating_duration_since(last))
    }
}

impl Viewer {
    /// Joins as `name`, and waits until video comes.
    ///
    /// # Errors
    /// When it may not join.
    pub async fn join(client: &kvs::Client, name: &str) -> anyhow::Result<Self> {
        Self::prepare(client, name).await?.connected().await
    }

    /// The same of one who hears the robot, too.
    ///
    /// # Errors
    /// When it may not join.
    pub async fn join_listening(client: &kvs::Client, name: &str) -> anyhow::Result<Self> {
        let kinds = [RTPCodecType::Video, RTPCodecType::Audio];
        Self::offering(client, name, &kinds)
            .await?
            .connected()
            .await
    }

    async fn connected(self) -> anyhow::Result<Self> {
        let mut viewer = self;
        let offer = viewer.offer().await?;
        let answer = RTCSessionDescription::answer(viewer.socket.negotiate(offer).await?)?;
        viewer.peer.set_remote_description(answer).await?;
        eventually("a light viewer receives video", async || {
            (viewer.bytes() > 0).then_some(())
        })
        .await;
        Ok(viewer)
    }

    /// The same, by a relay that the caller can make bad.
    ///
    /// # Errors
    /// When it may not join, or no video comes.
    pub async fn join_by_relay(
        client: &kvs::Client,
        name: &str,
    ) -> anyhow::Result<(Self, UdpRelay)> {
        let mut viewer = Self::prepare(client, name).await?;
        let offer = sdp::without_addresses(&viewer.offer().await?);
        let answer = viewer.socket.negotiate(offer).await?;
        let robot = sdp::host(&answer).context("the robot tells an address")?;
        let relay = UdpRelay::to(robot).await?;
        let answer = sdp::through(&answer, relay.port).context("the robot tells an address")?;
        let answer = RTCSessionDescription::answer(answer)?;
        viewer.peer.set_remote_description(answer).await?;
        eventually("a light viewer receives video", async || {
            (viewer.bytes() > 0).then_some(())
        })
        .await;
        Ok((viewer, relay))
    }

    /// Opens a socket for `name` and is ready to offer.
    ///
    /// # Errors
    /// When the station refuses.
    pub async fn prepare(client: &kvs::Client, name: &str) -> anyhow::Result<Self> {
        Self::offering(client, name, &[RTPCodecType::Video]).await
    }

    /// To receive these.
    async fn offering(
        client: &kvs::Client,
        name: &str,
        kinds: &[RTPCodecType],
    ) -> anyhow::Result<Self> {
        let peer = peer(kinds).await?;
        let seen = watch(&peer);
        let unreliable = RTCDataChannelInit {
            ordered: Some(false),
            max_retransmits: Some(0),
            ..RTCDataChannelInit::default()
        };
        let drive = peer.create_data_channel("drive", Some(unreliable)).await?;
        let offer = peer.create_offer(None).await?;
        let mut gathered = peer.gathering_complete_promise().await;
        peer.set_local_description(offer).await?;
        let _ = gathered.recv().await;
        Ok(Self {
            peer,
            drive,
            seen,
            socket: (client.connect(Some(name)).await).context("the viewer's socket")?,
        })
    }

    /// What it offers, with all its addresses.
    ///
    /// # Errors
    /// Never, after [`Viewer::prepare`].
    pub async fn offer(&self) -> anyhow::Result<String> {
        let offer = self.peer.local_description().await;
        Ok(offer.context("it was set by `prepare`")?.sdp)
    }

    /// The way to the robot beside the connection.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Bytes of video received so far.
    pub fn bytes(&self) -> u64 {
        lock(&self.seen).bytes
    }

    /// The longest time without a whole frame since this was last asked, or since the first.
    pub fn longest_gap(&self) -> Duration {
        let mut seen = lock(&self.seen);
        let still = seen.still(now());
        std::mem::take(&mut seen.longest).max(still)
    }

    /// Sends `message` on the data channel `drive`, once it is open.
    ///
    /// # Panics
    /// When it does not open.
    pub async fn send(&self, message: &[u8]) {
        let message = bytes::Bytes::copy_from_slice(message);
        eventually("the data channel opens", async || {
            self.drive.send(&message).await.ok()
        })
        .await;
    }

    /// Drives forward for as long as an action lasts, once the data channel is open.
    pub async fn forward(&self) {
        self.send(forward().as_bytes()).await;
    }

    /// Sends `message` on `drive` if that is open and nothing waits in it, as the page does.
    pub async fn send_if_open(&self, message: String) -> bool {
        self.drive.ready_state() == RTCDataChannelState::Open
            && self.drive.buffered_amount().await <= MAX_UNSENT_BYTES
            && self.drive.send_text(message).await.is_ok()
    }

    /// Whether its connection stands.
    pub fn is_connected(&self) -> bool {
        self.peer.connection_state() == RTCPeerConnectionState::Connected
    }

    /// Drives forward as a held key does, ten actions a second, whatever becomes of them and until
    /// the value is dropped.
    #[must_use]
    pub fn insist(&self) -> JoinSet<()> {
        let drive = Arc::clone(&self.drive);
        let mut insisting = JoinSet::new();
        insisting.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            loop {
                ticks.tick().await;
                let _ = drive.send_text(forward()).await;
            }
        });
        insisting
    }

    /// Waits until its connection has ended, which it did nothing for.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&self) {
        eventually("the viewer's connection ends", async || {
            let connected = RTCPeerConnectionState::Connected;
            (self.peer.connection_state() != connected).then_some(())
        })
        .await;
    }

    /// Opens one more data channel.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn open_channel(&self, label: &str) -> anyhow::Result<()> {
        self.peer.create_data_channel(label, None).await?;
        Ok(())
    }

    /// Closes the connection.
    pub async fn leave(self) {
        let _ = self.peer.close().await;
    }
}

fn forward() -> String {
    let sent_at = unix_ms() as u64;
    format!(r#"{{"action":"forward","sent_at":{sent_at}}}"#)
}

async fn peer(kinds: &[RTPCodecType]) -> anyhow::Result<RTCPeerConnection> {
    let mut media = MediaEngine::default();
    media.register_default_codecs()?;
    let registry = register_default_interceptors(Registry::new(), &mut media)?;
    let mut settings = SettingEngine::default();
    settings.set_ice_multicast_dns_mode(MulticastDnsMode::Disabled);
    settings.set_include_loopback_candidate(true);
    let api = APIBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings)
        .build();
    let peer = api.new_peer_connection(RTCConfiguration::default()).await?;
    for kind in kinds {
        let receive = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            send_encodings: Vec::new(),
        };
        peer.add_transceiver_from_kind(*kind, Some(receive)).await?;
    }
    Ok(peer)
}

fn watch(peer: &RTCPeerConnection) -> Arc<Mutex<Seen>> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let see = Arc::clone(&seen);
    peer.on_track(Box::new(move |track, _, _| {
        if track.kind() != RTPCodecType::Video {
            return Box::pin(std::future::ready(()));
        }
        let see = Arc::clone(&see);
        #[expect(clippy::disallowed_methods, reason = "ends with its connection")]
        tokio::spawn(async move {
            while let Ok((packet, _)) = track.read_rtp().await {
                lock(&see).take(&packet.header, packet.payload.len(), now());
            }
        });
        Box::pin(std::future::ready(()))
    }));
    seen
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the viewer says when frames come"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_with_a_hole_is_none_and_standing_still_is_a_gap() {
        let start = now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut seen = Seen::default();
        let mut packet = |sequence_number, marker, ms| {
            let header = Header {
                sequence_number,
                marker,
                ..Header::default()
            };
            seen.take(&header, 100, at(ms));
        };
        // The first is joined in its middle, as far as anybody knows.
        packet(u16::MAX, true, 0);
        packet(0, false, 30);
        packet(1, true, 33);
        packet(2, false, 60);
        // 3 is missing.
        packet(4, true, 66);
        packet(5, true, 100);
        assert_eq!(seen.longest, Duration::from_millis(67));
        assert_eq!(seen.still(at(150)), Duration::from_millis(50));
        assert_eq!(seen.bytes, 600);
    }
}
