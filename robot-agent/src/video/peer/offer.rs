//! Reads an offer before anything is built for it: which of its sections are served, over which
//! transport, and what the library is shown of it. Pure.
//!
//! One video section that receives is served, and with it, if they are in one BUNDLE group (RFC
//! 8843), a section of data channels and one of sound. The group's other media are accepted, but nothing
//! is sent or received there; all else is rejected. The library is shown only those three, always in the
//! same order and under the same names: so whatever else a viewer offers, now or later, is none of its
//! business.

mod refused;
mod section;
mod sound;
mod transport;

use std::fmt::Write;
use std::io::Cursor;

use webrtc::sdp::MediaDescription;
use webrtc::sdp::description::session::SessionDescription;

use super::payload_type::PayloadType;
use crate::video::codec::Codec;
use refused::{MAX_BYTES, shortened};
use section::{bundle_group, choose_video, is_open, mid, receives, shown_attributes};
use transport::Transport;

pub(super) use refused::MAX_SECTIONS;
pub(crate) use refused::Refused;
pub(super) use section::Section;
pub(super) use sound::{OPUS, RobotSound, Sound};

/// How the library knows the sections that it is shown, and the only H.264 that it is told of.
pub(super) const VIDEO: &str = "video";
pub(super) const DATA: &str = "data";
pub(super) const SOUND: &str = "sound";
pub(super) const H264: &str =
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

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
    pub(super) sound: Option<Sound>,
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
            sound: Sound::choose(&offer, |media| is_bundled(&media)),
            accepted,
            candidates: transport.candidates(media),
            attributes: shown_attributes(&media[video], &payload_type),
            group,
            payload_type,
            transport,
        })
    }

    /// In which the picture is sent.
    pub(in crate::video) fn codec(&self) -> Codec {
        self.payload_type.codec()
    }

    /// The section of sound, if the `robot` has anything to do with sound.
    pub(super) fn served_sound(&self, robot: RobotSound) -> Option<&Sound> {
        (self.sound.as_ref()).filter(|_| robot.hears || robot.speaks)
    }

    /// What the library is shown: no more than what is served.
    pub(super) fn for_library(&self, robot: RobotSound) -> String {
        let Transport {
            ufrag,
            pwd,
            fingerprint,
            setup,
            lite,
            ..
        } = &self.transport;
        let sound = self.served_sound(robot);
        let mut group = VIDEO.to_owned();
        let others = [(DATA, self.data.is_some()), (SOUND, sound.is_some())];
        for (name, _) in others.iter().filter(|(_, is_there)| *is_there) {
            let _ = write!(group, " {name}");
        }
        let lite = if *lite { "a=ice-lite\r\n" } else { "" };
        let transport = format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=setup:{setup}\r\n");
        let payload_type = self.payload_type.number;
        let codec = self.codec();
        let mut sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {group}\r\n\
             a=fingerprint:{fingerprint}\r\n{lite}\
             m=video 9 UDP/TLS/RTP/SAVPF {payload_type}\r\nc=IN IP4 0.0.0.0\r\na=mid:{VIDEO}\r\n\
             {transport}a=recvonly\r\n\
             a=rtpmap:{payload_type} {}/90000\r\n",
            codec.name()
        );
        if codec == Codec::H264 {
            let _ = write!(sdp, "a=fmtp:{payload_type} {H264}\r\n");
        }
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
        if let Some(sound) = sound {
            sdp.push_str(&sound.for_library(&transport, robot));
        }
        sdp
    }
}

#[cfg(test)]
mod tests;
