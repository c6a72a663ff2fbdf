//! Media sections of an offer: which is served, what the answer repeats of each.

use webrtc::sdp::MediaDescription;
use webrtc::sdp::description::session::SessionDescription;

use super::refused::{Refused, shortened};
use crate::video::codec::Codec;
use crate::video::peer::payload_type::PayloadType;

/// A media section, as the answer has to repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::video::peer) struct Section {
    pub kind: String,
    /// Such as `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    pub formats: Vec<String>,
    /// What the offer says of the first format.
    pub first_format: Vec<String>,
    pub has_rtcp_mux: bool,
    pub mid: Option<String>,
    /// What stood for `a=sctp-port` in drafts of RFC 8841.
    pub sctpmap: Option<String>,
}

impl Section {
    pub(super) fn read(media: &MediaDescription) -> Self {
        Self {
            kind: media.media_name.media.clone(),
            protocol: media.media_name.protos.join("/"),
            first_format: first_format(media),
            has_rtcp_mux: media.has_attribute("rtcp-mux"),
            formats: media.media_name.formats.clone(),
            mid: mid(media).map(str::to_owned),
            sctpmap: media.attribute("sctpmap").flatten().map(str::to_owned),
        }
    }
}

/// The first video section that receives and has H.264, else the first that receives and has VP8; where
/// none receives, the first that has either.
pub(super) fn choose_video(offer: &SessionDescription) -> Result<(usize, PayloadType), Refused> {
    let open = |(_, media): &(usize, &MediaDescription)| {
        media.media_name.media == "video" && is_open(media)
    };
    let videos: Vec<_> = offer
        .media_descriptions
        .iter()
        .enumerate()
        .filter(open)
        .collect();
    if videos.is_empty() {
        return Err(Refused::NoVideo);
    }
    let receiving = videos.iter().filter(|(_, media)| receives(offer, media));
    let receiving: Vec<_> = receiving.copied().collect();
    let choose = |videos: &[(usize, &MediaDescription)], codec| {
        let mut found = videos.iter().filter_map(|(index, media)| {
            PayloadType::choose(media, codec).map(|payload_type| (*index, payload_type))
        });
        found.next()
    };
    let first = [&receiving, &videos].into_iter().find_map(|videos| {
        let mut by_codec = Codec::ALL.into_iter();
        by_codec.find_map(|codec| choose(videos, codec))
    });
    first.ok_or_else(|| Refused::NoCodec(codecs(&videos)))
}

/// What else there is, for whoever wonders why they see nothing.
fn codecs(videos: &[(usize, &MediaDescription)]) -> String {
    const SHOWN: usize = 8;
    let mut names = Vec::new();
    for attribute in videos.iter().flat_map(|(_, media)| &media.attributes) {
        let value = attribute
            .value
            .as_deref()
            .filter(|_| attribute.key == "rtpmap");
        if let Some((_, codec)) = value.and_then(|value| value.split_once(' ')) {
            let name = shortened(codec.split('/').next().unwrap_or_default());
            if !names.contains(&name) && names.len() < SHOWN {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        "no codec".to_owned()
    } else {
        names.join(", ")
    }
}

/// Not rejected by its own offer. The port of a section that exists only in a BUNDLE group is
/// zero too (RFC 8843, section 6).
pub(super) fn is_open(media: &MediaDescription) -> bool {
    media.media_name.port.value != 0 || media.has_attribute("bundle-only")
}

pub(super) fn receives(offer: &SessionDescription, media: &MediaDescription) -> bool {
    !matches!(direction(offer, media), "sendonly" | "inactive")
}

pub(super) fn sends(offer: &SessionDescription, media: &MediaDescription) -> bool {
    !matches!(direction(offer, media), "recvonly" | "inactive")
}

/// As the section says it, else the session, else both ways (RFC 8866, section 6.7).
fn direction(offer: &SessionDescription, media: &MediaDescription) -> &'static str {
    const DIRECTIONS: [&str; 4] = ["sendrecv", "recvonly", "sendonly", "inactive"];
    let own = DIRECTIONS
        .iter()
        .find(|direction| media.has_attribute(direction));
    let all = DIRECTIONS
        .iter()
        .find(|direction| offer.has_attribute(direction));
    own.or(all).copied().unwrap_or("sendrecv")
}

pub(super) fn mid(media: &MediaDescription) -> Option<&str> {
    media.attribute("mid").flatten().map(str::trim)
}

pub(super) fn bundle_group(
    offer: &SessionDescription,
    video: &MediaDescription,
) -> Option<Vec<String>> {
    let video = mid(video)?;
    (offer
        .attributes
        .iter()
        .filter(|attribute| attribute.key == "group"))
    .filter_map(|attribute| attribute.value.as_deref()?.strip_prefix("BUNDLE"))
    .map(|mids| {
        mids.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    })
    .find(|mids| mids.iter().any(|mid| mid == video))
}

/// Feedback, and header extensions: which of them it knows is the library's to say.
pub(super) fn shown_attributes(
    media: &MediaDescription,
    payload_type: &PayloadType,
) -> Vec<String> {
    let number = payload_type.number.to_string();
    let shown = media.attributes.iter().filter_map(|attribute| {
        let value = attribute.value.as_deref();
        match (attribute.key.as_str(), value) {
            ("rtcp-fb", Some(value)) => {
                let (of, feedback) = value.split_once(' ')?;
                (of == "*" || of == number).then(|| format!("rtcp-fb:{number} {feedback}"))
            }
            ("extmap", Some(value)) => Some(format!("extmap:{value}")),
            ("extmap-allow-mixed" | "rtcp-rsize", None) => Some(attribute.key.clone()),
            _ => None,
        }
    });
    shown.collect()
}

fn first_format(media: &MediaDescription) -> Vec<String> {
    let first = media.media_name.formats.first();
    let of_first = media.attributes.iter().filter_map(|attribute| {
        let (key, value) = (&attribute.key, attribute.value.as_ref()?);
        let is_first = value.split(' ').next() == first.map(String::as_str);
        (matches!(key.as_str(), "rtpmap" | "fmtp") && is_first).then(|| format!("{key}:{value}"))
    });
    of_first.collect()
}
