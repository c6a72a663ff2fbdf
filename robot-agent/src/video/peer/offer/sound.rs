//! The section of sound that is served: the first that has Opus (RFC 7587). Pure.

use std::fmt::Write;

use webrtc::sdp::MediaDescription;
use webrtc::sdp::description::session::SessionDescription;

use super::section::{is_open, receives, sends};
use super::{SOUND, shortened};

/// What the robot wants of Opus: what was lost is repeated in the next packet. Whatever else a viewer says of
/// it, such as stereo, is about what they can do.
pub(in crate::video::peer) const OPUS: &str = "minptime=10;useinbandfec=1";

/// Whether the robot has a microphone and a speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::video::peer) struct RobotSound {
    pub hears: bool,
    pub speaks: bool,
}

/// A section of sound, as far as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::video::peer) struct Sound {
    pub index: usize,
    /// Of Opus.
    pub payload_type: u8,
    /// Whether the viewer wants to hear.
    pub receives: bool,
    /// Whether the viewer may say something.
    pub sends: bool,
    /// The streams that the viewer sends, as the library wants to know them.
    ssrcs: Vec<String>,
}

/// Most streams of one section: one is sent.
const MAX_SSRCS: usize = 4;

impl Sound {
    pub(super) fn choose(
        offer: &SessionDescription,
        is_bundled: impl Fn(&MediaDescription) -> bool,
    ) -> Option<Self> {
        let media = offer.media_descriptions.iter().enumerate();
        let mut sounds = media.filter(|(_, media)| {
            media.media_name.media == "audio" && is_open(media) && is_bundled(media)
        });
        sounds.find_map(|(index, media)| {
            Some(Self {
                index,
                payload_type: opus(media)?,
                receives: receives(offer, media),
                sends: sends(offer, media),
                ssrcs: ssrcs(media),
            })
        })
    }

    /// As the library is shown it: that the viewer receives, always, as it would stop a sender for good.
    pub(super) fn for_library(&self, transport: &str, robot: RobotSound) -> String {
        let sends = self.sends && robot.speaks;
        let number = self.payload_type;
        let direction = if sends { "sendrecv" } else { "recvonly" };
        let mut sdp = format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF {number}\r\nc=IN IP4 0.0.0.0\r\na=mid:{SOUND}\r\n\
             {transport}a={direction}\r\na=rtcp-mux\r\n\
             a=rtpmap:{number} opus/48000/2\r\na=fmtp:{number} {OPUS}\r\n"
        );
        for ssrc in self.ssrcs.iter().filter(|_| sends) {
            let _ = write!(sdp, "a=ssrc:{ssrc} cname:viewer\r\n");
        }
        sdp
    }

    /// How the answer words its direction.
    pub(in crate::video::peer) fn direction(&self, robot: RobotSound) -> &'static str {
        match (robot.hears && self.receives, robot.speaks && self.sends) {
            (true, true) => "a=sendrecv",
            (true, false) => "a=sendonly",
            (false, true) => "a=recvonly",
            (false, false) => "a=inactive",
        }
    }
}

/// The payload type of Opus, which always says two channels (RFC 7587, section 7).
fn opus(media: &MediaDescription) -> Option<u8> {
    let mut rtpmaps = media.attributes.iter().filter_map(|attribute| {
        let value = attribute.value.as_deref();
        value.filter(|_| attribute.key == "rtpmap")?.split_once(' ')
    });
    rtpmaps.find_map(|(number, codec)| {
        let is_opus = codec.trim().eq_ignore_ascii_case("opus/48000/2");
        let is_offered = media
            .media_name
            .formats
            .iter()
            .any(|format| format == number);
        (is_opus && is_offered).then(|| number.parse().ok().filter(|number| *number < 128))?
    })
}

fn ssrcs(media: &MediaDescription) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for attribute in media.attributes.iter().filter(|it| it.key == "ssrc") {
        let ssrc = attribute.value.as_deref().unwrap_or_default();
        let ssrc = shortened(ssrc.split(' ').next().unwrap_or_default());
        let is_number = ssrc.parse::<u32>().is_ok();
        if is_number && !found.contains(&ssrc) && found.len() < MAX_SSRCS {
            found.push(ssrc);
        }
    }
    found
}
