//! A viewer for tests: the other end of a peer connection, with all codecs of the library,
//! that records what it receives.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;
use webrtc::api::APIBuilder;
use webrtc::api::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use webrtc::api::setting_engine::SettingEngine;
use webrtc::data_channel::RTCDataChannel;
use webrtc::data_channel::data_channel_init::RTCDataChannelInit;
use webrtc::ice::mdns::MulticastDnsMode;
use webrtc::ice_transport::ice_candidate::RTCIceCandidateInit;
use webrtc::peer_connection::RTCPeerConnection;
use webrtc::peer_connection::configuration::RTCConfiguration;
use webrtc::peer_connection::offer_answer_options::RTCOfferOptions;
use webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
use webrtc::rtcp;
use webrtc::rtp::codecs::h264::H264Packet;
use webrtc::rtp::codecs::vp8::Vp8Packet;
use webrtc::rtp::packet::Packet;
use webrtc::rtp::packetizer::Depacketizer;
use webrtc::rtp_transceiver::RTCRtpTransceiverInit;
use webrtc::rtp_transceiver::rtp_codec::{
    RTCRtpCodecCapability, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RTPCodecType,
};
use webrtc::rtp_transceiver::rtp_sender::RTCRtpSender;
use webrtc::rtp_transceiver::rtp_transceiver_direction::RTCRtpTransceiverDirection;
use webrtc::track::track_local::track_local_static_rtp::TrackLocalStaticRTP;

use super::super::messages::{Incoming, Message};
use wire::signaling::Candidate;

/// How long anything may take on a busy machine.
pub(super) const TIMEOUT: Duration = Duration::from_secs(40);

pub(super) type Compound = Vec<Box<dyn rtcp::packet::Packet + Send + Sync>>;

pub(super) struct Viewer {
    pub name: String,
    pub peer: Arc<RTCPeerConnection>,
    pub drive: Arc<RTCDataChannel>,
    pub telemetry: Arc<RTCDataChannel>,
    pub packets: mpsc::UnboundedReceiver<Packet>,
    /// What the robot hears.
    pub sound: mpsc::UnboundedReceiver<Packet>,
    /// Compound packets of RTCP about what is received.
    pub rtcp: mpsc::UnboundedReceiver<Compound>,
    pub reports: mpsc::UnboundedReceiver<Value>,
    own_candidates: Arc<Mutex<Vec<Candidate>>>,
}

impl Viewer {
    pub(super) async fn new(name: &str) -> Self {
        Self::receiving(name, &[RTPCodecType::Video]).await
    }

    /// One that offers to receive these, in this order.
    pub(super) async fn receiving(name: &str, kinds: &[RTPCodecType]) -> Self {
        let mut media = MediaEngine::default();
        media.register_default_codecs().unwrap();
        Self::with(name, media, kinds).await
    }

    /// One that has VP8 and nothing else.
    pub(super) async fn with_vp8(name: &str) -> Self {
        let mut media = MediaEngine::default();
        let vp8 = RTCRtpCodecParameters {
            capability: RTCRtpCodecCapability {
                mime_type: "video/VP8".to_owned(),
                clock_rate: 90_000,
                ..RTCRtpCodecCapability::default()
            },
            payload_type: 120,
            ..RTCRtpCodecParameters::default()
        };
        media.register_codec(vp8, RTPCodecType::Video).unwrap();
        Self::with(name, media, &[RTPCodecType::Video]).await
    }

    /// One that also offers sound, both ways, and by which it speaks.
    pub(super) async fn speaking(
        name: &str,
    ) -> (Self, Arc<TrackLocalStaticRTP>, Arc<RTCRtpSender>) {
        let viewer = Self::new(name).await;
        let opus = RTCRtpCodecCapability {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            ..RTCRtpCodecCapability::default()
        };
        let voice = TrackLocalStaticRTP::new(opus, "voice".to_owned(), name.to_owned());
        let voice = Arc::new(voice);
        let sender = viewer.peer.add_track(Arc::clone(&voice) as _).await;
        (viewer, voice, sender.unwrap())
    }

    /// One that also offers these header extensions of RTP, under ids from 1.
    pub(super) async fn with_extensions(name: &str, uris: &[&str]) -> Self {
        let mut media = MediaEngine::default();
        media.register_default_codecs().unwrap();
        for uri in uris {
            let uri = RTCRtpHeaderExtensionCapability {
                uri: (*uri).to_owned(),
            };
            media
                .register_header_extension(uri, RTPCodecType::Video, None)
                .unwrap();
        }
        Self::with(name, media, &[RTPCodecType::Video]).await
    }

    async fn with(name: &str, media: MediaEngine, kinds: &[RTPCodecType]) -> Self {
        let mut settings = SettingEngine::default();
        settings.set_include_loopback_candidate(true);
        // So that a packet that was not really lost can be seen to come again.
        settings.disable_srtp_replay_protection(true);
        settings.set_ice_multicast_dns_mode(MulticastDnsMode::Disabled);
        let api = APIBuilder::new()
            .with_media_engine(media)
            .with_setting_engine(settings)
            .build();
        let peer = api
            .new_peer_connection(RTCConfiguration::default())
            .await
            .unwrap();
        for kind in kinds {
            let receive = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                send_encodings: Vec::new(),
            };
            peer.add_transceiver_from_kind(*kind, Some(receive))
                .await
                .unwrap();
        }
        let unreliable = RTCDataChannelInit {
            ordered: Some(false),
            max_retransmits: Some(0),
            ..RTCDataChannelInit::default()
        };
        let drive = peer
            .create_data_channel("drive", Some(unreliable))
            .await
            .unwrap();
        let telemetry = peer.create_data_channel("telemetry", None).await.unwrap();
        let reports = record_messages(&telemetry);
        let (packets, sound, rtcp) = record_packets(&peer);
        Self {
            name: name.to_owned(),
            own_candidates: record_candidates(&peer),
            peer: Arc::new(peer),
            drive,
            telemetry,
            packets,
            sound,
            rtcp,
            reports,
        }
    }

    pub(super) async fn offer(&self) -> Incoming {
        self.offer_as(None).await
    }

    pub(super) async fn offer_as(&self, principal: Option<&str>) -> Incoming {
        self.offer_with(principal, None).await
    }

    /// An offer with new credentials of ICE.
    pub(super) async fn restart(&self) -> Incoming {
        let options = RTCOfferOptions {
            ice_restart: true,
            ..RTCOfferOptions::default()
        };
        self.offer_with(None, Some(options)).await
    }

    async fn offer_with(
        &self,
        principal: Option<&str>,
        options: Option<RTCOfferOptions>,
    ) -> Incoming {
        let offer = self.peer.create_offer(options).await.unwrap();
        let mut gathered = self.peer.gathering_complete_promise().await;
        self.peer.set_local_description(offer).await.unwrap();
        let _ = gathered.recv().await;
        Incoming::Offer {
            viewer: self.name.clone(),
            principal: principal.map(str::to_owned),
            sdp: self.peer.local_description().await.unwrap().sdp,
        }
    }

    pub(super) fn candidates(&self) -> Vec<Incoming> {
        let mut candidates = self
            .own_candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        candidates
            .drain(..)
            .map(|candidate| Incoming::Candidate {
                viewer: self.name.clone(),
                candidate,
            })
            .collect()
    }

    pub(super) async fn receive(&self, message: Message) {
        match message {
            Message::Answer { sdp, refused } => {
                assert_eq!(refused, None);
                let answer = RTCSessionDescription::answer(sdp).unwrap();
                self.peer.set_remote_description(answer).await.unwrap();
            }
            Message::Candidate(candidate) => self
                .peer
                .add_ice_candidate(RTCIceCandidateInit {
                    candidate: candidate.candidate,
                    sdp_mid: candidate.sdp_mid,
                    sdp_mline_index: candidate.sdp_m_line_index,
                    username_fragment: None,
                })
                .await
                .unwrap(),
        }
    }

    pub(super) async fn next_packet(&mut self) -> Packet {
        tokio::time::timeout(TIMEOUT, self.packets.recv())
            .await
            .expect("a packet in time")
            .expect("a packet")
    }

    /// What the next compound packet that has a `T` says there.
    pub(super) async fn next_rtcp<T: Clone + 'static>(&mut self) -> T {
        let find = async {
            loop {
                let compound = self.rtcp.recv().await.expect("RTCP");
                let found = compound
                    .iter()
                    .find_map(|packet| packet.as_any().downcast_ref());
                if let Some(found) = found {
                    return T::clone(found);
                }
            }
        };
        tokio::time::timeout(TIMEOUT, find).await.expect("in time")
    }

    /// The next whole picture as an access unit, assuming that nothing is lost.
    pub(super) async fn next_picture(&mut self) -> Bytes {
        self.next_picture_of(&mut H264Packet::default()).await
    }

    pub(super) async fn next_vp8_picture(&mut self) -> Bytes {
        self.next_picture_of(&mut Vp8Packet::default()).await
    }

    async fn next_picture_of(&mut self, depacketizer: &mut dyn Depacketizer) -> Bytes {
        let mut picture = Vec::new();
        loop {
            let packet = self.next_packet().await;
            picture.extend_from_slice(&depacketizer.depacketize(&packet.payload).unwrap());
            if packet.header.marker {
                return picture.into();
            }
        }
    }

    /// What `telemetry` brings next that `wanted` finds.
    pub(super) async fn report<T>(&mut self, wanted: impl Fn(&Value) -> Option<T>) -> T {
        tokio::time::timeout(TIMEOUT, async {
            loop {
                let message = self.reports.recv().await.expect("a message");
                if let Some(found) = wanted(&message) {
                    return found;
                }
            }
        })
        .await
        .expect("a report in time")
    }

    pub(super) async fn send(&self, channel: &RTCDataChannel, text: &str) {
        tokio::time::timeout(TIMEOUT, async {
            while channel.send_text(text.to_owned()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("sent in time");
    }
}

fn record_candidates(peer: &RTCPeerConnection) -> Arc<Mutex<Vec<Candidate>>> {
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&recorded);
    peer.on_ice_candidate(Box::new(move |candidate| {
        if let Some(init) = candidate.and_then(|candidate| candidate.to_json().ok()) {
            record
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Candidate {
                    candidate: init.candidate,
                    ..Candidate::default()
                });
        }
        Box::pin(std::future::ready(()))
    }));
    recorded
}

fn record_messages(channel: &RTCDataChannel) -> mpsc::UnboundedReceiver<Value> {
    let (to, messages) = mpsc::unbounded_channel();
    channel.on_message(Box::new(move |message| {
        let _ = to.send(serde_json::from_slice(&message.data).unwrap());
        Box::pin(std::future::ready(()))
    }));
    messages
}

fn record_packets(
    peer: &RTCPeerConnection,
) -> (
    mpsc::UnboundedReceiver<Packet>,
    mpsc::UnboundedReceiver<Packet>,
    mpsc::UnboundedReceiver<Compound>,
) {
    let (pictures_to, packets) = mpsc::unbounded_channel();
    let (sound_to, sound) = mpsc::unbounded_channel();
    let (rtcp_to, rtcp) = mpsc::unbounded_channel();
    peer.on_track(Box::new(move |track, receiver, _| {
        let to = match track.kind() {
            RTPCodecType::Audio => sound_to.clone(),
            _ => pictures_to.clone(),
        };
        let rtcp_to = rtcp_to.clone();
        Box::pin(async move {
            #[expect(clippy::disallowed_methods, reason = "ends with its connection")]
            tokio::spawn(async move {
                while let Ok((compound, _)) = receiver.read_rtcp().await {
                    if rtcp_to.send(compound).is_err() {
                        return;
                    }
                }
            });
            #[expect(clippy::disallowed_methods, reason = "ends with its connection")]
            tokio::spawn(async move {
                while let Ok((packet, _)) = track.read_rtp().await {
                    if to.send(packet).is_err() {
                        return;
                    }
                }
            });
        })
    }));
    (packets, sound, rtcp)
}
