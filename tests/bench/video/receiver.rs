//! A light viewer: a whole peer connection that reads every packet and decodes none.

use crate::pass::{Pass, Socket};
use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tests::eventually;
use webrtc::api::APIBuilder;
use webrtc::api::interceptor_registry::register_default_interceptors;
use webrtc::api::media_engine::MediaEngine;
use webrtc::api::setting_engine::SettingEngine;
use webrtc::ice::mdns::MulticastDnsMode;
use webrtc::interceptor::registry::Registry;
use webrtc::peer_connection::RTCPeerConnection;
use webrtc::peer_connection::configuration::RTCConfiguration;
use webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
use webrtc::rtp_transceiver::RTCRtpTransceiverInit;
use webrtc::rtp_transceiver::rtp_codec::RTPCodecType;
use webrtc::rtp_transceiver::rtp_transceiver_direction::RTCRtpTransceiverDirection;

pub(crate) struct Receiver {
    peer: RTCPeerConnection,
    bytes: Arc<AtomicU64>,
    _socket: Socket,
}

impl Receiver {
    /// Joins, and waits until video comes.
    pub(crate) async fn join(pass: &Pass, name: &str) -> anyhow::Result<Self> {
        let peer = peer().await?;
        let bytes = count(&peer);
        peer.create_data_channel("drive", None).await?;
        let offer = peer.create_offer(None).await?;
        let mut gathered = peer.gathering_complete_promise().await;
        peer.set_local_description(offer).await?;
        let _ = gathered.recv().await;
        let offer = peer.local_description().await.context("it was just set")?;
        let mut socket = pass.socket(name).await?;
        let answer = RTCSessionDescription::answer(socket.meet(offer.sdp).await?)?;
        peer.set_remote_description(answer).await?;
        eventually("a light viewer receives video", async || {
            (bytes.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
        Ok(Self {
            peer,
            bytes,
            _socket: socket,
        })
    }

    /// Bytes of video received so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) async fn leave(self) {
        let _ = self.peer.close().await;
    }
}

async fn peer() -> anyhow::Result<RTCPeerConnection> {
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
    let receive = RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Recvonly,
        send_encodings: Vec::new(),
    };
    peer.add_transceiver_from_kind(RTPCodecType::Video, Some(receive))
        .await?;
    Ok(peer)
}

fn count(peer: &RTCPeerConnection) -> Arc<AtomicU64> {
    let bytes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&bytes);
    peer.on_track(Box::new(move |track, _, _| {
        let counted = Arc::clone(&counted);
        #[expect(clippy::disallowed_methods, reason = "ends with its connection")]
        tokio::spawn(async move {
            while let Ok((packet, _)) = track.read_rtp().await {
                counted.fetch_add(packet.payload.len() as u64, Ordering::Relaxed);
            }
        });
        Box::pin(std::future::ready(()))
    }));
    bytes
}
