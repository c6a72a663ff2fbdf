//! The library as it is used here: its codecs, its timeouts, and which addresses it tells.

use std::net::IpAddr;
use std::time::Duration;

use webrtc::api::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use webrtc::api::setting_engine::SettingEngine;
use webrtc::api::{API, APIBuilder};
use webrtc::dtls_transport::dtls_role::DTLSRole;
use webrtc::ice::mdns::MulticastDnsMode;
use webrtc::rtp_transceiver::RTCPFeedback;
use webrtc::rtp_transceiver::rtp_codec::{
    RTCRtpCodecCapability, RTCRtpCodecParameters, RTPCodecType,
};

use super::remote_candidate::is_alone;
use super::{header_extensions, offer};
use crate::audio;
use crate::video::codec::Codec;

/// Without a packet for this long ICE is disconnected.
const DISCONNECTED_AFTER: Duration = Duration::from_secs(4);

/// And after this long again it has failed. Walking out of one network into another takes ten
/// seconds; a viewer who comes back later connects anew.
const FAILED_AFTER: Duration = Duration::from_secs(8);

/// How often ICE sends a keepalive, which the viewer's end answers.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(1);

/// The library as it is used here. Made for each connection, as networks come and go.
pub(super) fn api(role: DTLSRole, codec: Codec) -> Result<API, webrtc::Error> {
    let mut media = MediaEngine::default();
    let feedback = [
        ("nack", ""),
        ("nack", "pli"),
        ("ccm", "fir"),
        ("goog-remb", ""),
        ("rrtr", ""),
        ("transport-cc", ""),
    ];
    media.register_codec(
        RTCRtpCodecParameters {
            capability: RTCRtpCodecCapability {
                mime_type: format!("video/{}", codec.name()),
                clock_rate: 90_000,
                sdp_fmtp_line: match codec {
                    Codec::H264 => offer::H264.to_owned(),
                    Codec::Vp8 => String::new(),
                },
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
    media.register_codec(
        RTCRtpCodecParameters {
            capability: RTCRtpCodecCapability {
                mime_type: MIME_TYPE_OPUS.to_owned(),
                clock_rate: audio::RATE,
                channels: 2,
                sdp_fmtp_line: offer::OPUS.to_owned(),
                rtcp_feedback: Vec::new(),
            },
            payload_type: 111,
            ..RTCRtpCodecParameters::default()
        },
        RTPCodecType::Audio,
    )?;
    header_extensions::register(&mut media)?;
    let mut settings = SettingEngine::default();
    settings.set_answering_dtls_role(role)?;
    settings.set_ice_timeouts(
        Some(DISCONNECTED_AFTER),
        Some(FAILED_AFTER),
        Some(KEEPALIVE_EVERY),
    );
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
