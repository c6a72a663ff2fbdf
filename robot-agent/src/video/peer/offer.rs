//! Reads an offer before anything is built for it: which of its sections are served, over which
//! transport, and what the library is shown of it. Pure.
//!
//! One video section that receives is served, and with it, if both are in one BUNDLE group (RFC
//! 8843), a section of data channels. The group's other media are accepted, but nothing is sent or
//! received there; all else is rejected. The library is shown only those two, always in the same
//! order and under the same names: so whatever else a viewer offers, now or later, is none of its
//! business.

use std::fmt::Write;
use std::io::Cursor;

use webrtc::sdp::MediaDescription;
use webrtc::sdp::description::session::SessionDescription;

use super::h264::PayloadType;

/// Longest offer that is read. The service carries 10 kB; a browser's has 3 to 8.
const MAX_BYTES: usize = 16 * 1024;

/// Most media sections. A viewer needs two, video and data; one that also talks and shows itself
/// has four, and sections are never taken out of an offer again.
pub(super) const MAX_SECTIONS: usize = 16;

/// How the library knows the sections that it is shown, and the only H.264 it is told of.
pub(super) const VIDEO: &str = "video";
pub(super) const DATA: &str = "data";
pub(super) const H264: &str =
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// Why an offer is refused, in words for whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("an offer has at most {MAX_BYTES} bytes, this has {0}")]
    TooLong(usize),
    #[error("the offer is no session description: {0}")]
    NotSdp(String),
    #[error("the offer has no video section")]
    NoVideo,
    #[error("an offer has at most {MAX_SECTIONS} media sections, this has {0}")]
    TooManySections(usize),
    #[error("the offer's video section does not receive: it must be recvonly or sendrecv")]
    DoesNotReceive,
    #[error(
        "this viewer does not take H.264 video, which is all that the robot sends: its offer needs \
         H.264 with packetization-mode=1, of baseline, main or high profile (it has {0})"
    )]
    NoH264(String),
    #[error("the offer has no {0}")]
    Missing(&'static str),
}

/// An offer that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::video) struct Offer {
    /// Offers of one peer connection have the same.
    pub connection: ConnectionId,
    /// Whether its video receives. One that does not is answered only to a viewer who watches.
    pub receives: bool,
    pub(super) sections: Vec<Section>,
    /// Which of them are served.
    pub(super) video: usize,
    pub(super) data: Option<usize>,
    /// All that are not rejected, in the order of their group. The first has the transport.
    pub(super) accepted: Vec<usize>,
    /// The mids of the video's BUNDLE group, in the offer's order.
    pub(super) group: Option<Vec<String>>,
    pub(super) payload_type: PayloadType,
    pub(super) transport: Transport,
    /// The viewer's candidates that came with the offer.
    pub(super) candidates: Vec<String>,
    /// Attributes of the video section that are not for this program to judge.
    pub(super) attributes: Vec<String>,
}

/// One peer connection of a viewer: its session and its DTLS certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::video) struct ConnectionId {
    session: u64,
    fingerprint: String,
}

/// A media section, as the answer has to repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
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

/// The viewer's end of ICE and DTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transport {
    pub ufrag: String,
    pub pwd: String,
    fingerprint: String,
    /// Whether the viewer insists on being the client of DTLS.
    pub is_dtls_client: bool,
    setup: String,
    lite: bool,
}

impl Offer {
    /// # Errors
    /// Why it cannot be answered.
    pub(in crate::video) fn read(sdp: &str) -> Result<Self, Refused> {
        if sdp.len() > MAX_BYTES {
            return Err(Refused::TooLong(sdp.len()));
        }
        let offer = SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes()))
            .map_err(|error| Refused::NotSdp(shortened(&error.to_string())))?;
        let media = &offer.media_descriptions;
        if media.len() > MAX_SECTIONS {
            return Err(Refused::TooManySections(media.len()));
        }
        let (video, payload_type) = choose_video(&offer)?;
        let group = bundle_group(&offer, &media[video]);
        let is_bundled = |media: &&MediaDescription| {
            let mid = mid(media);
            mid.is_some_and(|mid| group.iter().flatten().any(|bundled| *bundled == mid))
        };
        let is_data = |media: &MediaDescription| media.media_name.media == "application";
        let data =
            (media.iter()).position(|media| is_data(media) && is_open(media) && is_bundled(&media));
        // Audio, and more video: accepted for the sake of viewers who do not know a rejection.
        let is_silent = |(_, media): &(usize, &MediaDescription)| {
            let kind = media.media_name.media.as_str();
            matches!(kind, "audio" | "video") && is_open(media) && is_bundled(media)
        };
        let silent = media.iter().enumerate().filter(is_silent);
        let mut accepted: Vec<_> = silent.map(|(index, _)| index).collect();
        accepted.extend(data);
        if group.is_none() {
            accepted.push(video);
        }
        accepted.sort_by_key(|index| {
            let mut mids = group.iter().flatten();
            mids.position(|bundled| mid(&media[*index]) == Some(bundled))
        });
        // Sections of one group have one transport: that of the first that is accepted (RFC 8843,
        // section 7.3.1), and of none that has nothing to say of it.
        let of_group = media.iter().filter(is_bundled);
        let order: Vec<_> = (accepted.iter().map(|index| &media[*index]))
            .chain(of_group)
            .collect();
        let transport = Transport::read(&offer, &order)?;
        Ok(Self {
            connection: ConnectionId {
                session: offer.origin.session_id,
                fingerprint: transport.fingerprint.clone(),
            },
            receives: receives(&offer, &media[video]),
            sections: media.iter().map(Section::read).collect(),
            video,
            data,
            accepted,
            candidates: transport.candidates(media),
            attributes: shown_attributes(&media[video], &payload_type),
            group,
            payload_type,
            transport,
        })
    }

    /// What the library is shown: no more than what is served.
    pub(super) fn for_library(&self) -> String {
        let Transport {
            ufrag,
            pwd,
            fingerprint,
            setup,
            lite,
            ..
        } = &self.transport;
        let group = if self.data.is_some() {
            format!("{VIDEO} {DATA}")
        } else {
            VIDEO.to_owned()
        };
        let lite = if *lite { "a=ice-lite\r\n" } else { "" };
        let transport = format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=setup:{setup}\r\n");
        let payload_type = self.payload_type.number;
        let mut sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {group}\r\n\
             a=fingerprint:{fingerprint}\r\n{lite}\
             m=video 9 UDP/TLS/RTP/SAVPF {payload_type}\r\nc=IN IP4 0.0.0.0\r\na=mid:{VIDEO}\r\n\
             {transport}a=recvonly\r\n\
             a=rtpmap:{payload_type} H264/90000\r\na=fmtp:{payload_type} {H264}\r\n"
        );
        for attribute in &self.attributes {
            let _ = write!(sdp, "a={attribute}\r\n");
        }
        if self.data.is_some() {
            let _ = write!(
                sdp,
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
                 a=mid:{DATA}\r\n{transport}a=sctp-port:5000\r\n"
            );
        }
        sdp
    }
}

/// The first video section that receives and has H.264, else the first that has it.
fn choose_video(offer: &SessionDescription) -> Result<(usize, PayloadType), Refused> {
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
    let first = receiving.chain(&videos).find_map(|(index, media)| {
        PayloadType::choose(media).map(|payload_type| (*index, payload_type))
    });
    first.ok_or_else(|| Refused::NoH264(codecs(&videos)))
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
fn is_open(media: &MediaDescription) -> bool {
    media.media_name.port.value != 0 || media.has_attribute("bundle-only")
}

fn receives(offer: &SessionDescription, media: &MediaDescription) -> bool {
    const DIRECTIONS: [&str; 4] = ["sendrecv", "recvonly", "sendonly", "inactive"];
    let own = DIRECTIONS
        .iter()
        .find(|direction| media.has_attribute(direction));
    let all = DIRECTIONS
        .iter()
        .find(|direction| offer.has_attribute(direction));
    !matches!(own.or(all), Some(&"sendonly" | &"inactive"))
}

fn mid(media: &MediaDescription) -> Option<&str> {
    media.attribute("mid").flatten().map(str::trim)
}

fn bundle_group(offer: &SessionDescription, video: &MediaDescription) -> Option<Vec<String>> {
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
fn shown_attributes(media: &MediaDescription, payload_type: &PayloadType) -> Vec<String> {
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

impl Section {
    fn read(media: &MediaDescription) -> Self {
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

impl Transport {
    /// Each thing from the first of `sections` that says it, else from the session's.
    fn read(offer: &SessionDescription, sections: &[&MediaDescription]) -> Result<Self, Refused> {
        let find = |key: &'static str| {
            let mut own = sections
                .iter()
                .filter_map(|media| media.attribute(key).flatten());
            let found = own.next().or(offer.attribute(key).map(String::as_str));
            found.map(|value| value.trim().to_owned())
        };
        let needed = |key| find(key).ok_or(Refused::Missing(key));
        let setup = find("setup").unwrap_or_else(|| "actpass".to_owned());
        Ok(Self {
            ufrag: needed("ice-ufrag")?,
            pwd: needed("ice-pwd")?,
            fingerprint: needed("fingerprint")?,
            is_dtls_client: setup == "active",
            setup,
            lite: offer.has_attribute("ice-lite"),
        })
    }

    /// The candidates of all sections with this transport.
    fn candidates(&self, sections: &[MediaDescription]) -> Vec<String> {
        let mut candidates = Vec::new();
        let of_this = sections.iter().filter(|media| {
            let ufrag = media.attribute("ice-ufrag").flatten();
            ufrag.is_none_or(|ufrag| ufrag.trim() == self.ufrag)
        });
        for attribute in of_this.flat_map(|media| &media.attributes) {
            let value = attribute
                .value
                .as_ref()
                .filter(|_| attribute.key == "candidate");
            if let Some(value) = value.filter(|value| !candidates.contains(*value)) {
                candidates.push(value.clone());
            }
        }
        candidates
    }
}

/// The library repeats what it cannot read.
fn shortened(text: &str) -> String {
    const SHOWN_CHARS: usize = 120;
    text.escape_debug().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests;
