//! The payload types of an offer's video section, and which of them is used. Pure.

use webrtc::sdp::MediaDescription;

use super::h264;
use super::rtpmap;
use crate::video::codec::Codec;

/// A payload type of an offer by which the picture can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PayloadType {
    pub number: u8,
    format: Format,
}

/// The codec with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Format {
    H264(h264::Profile),
    Vp8,
}

impl PayloadType {
    /// The one of `media` by which pictures in `codec` are sent, if there is one.
    pub(super) fn choose(media: &MediaDescription, codec: Codec) -> Option<Self> {
        match codec {
            Codec::H264 => h264::choose(media).map(|(number, profile)| Self {
                number,
                format: Format::H264(profile),
            }),
            // Its parameters say what a receiver would like at most; all can do without (RFC 7741, section 6.1).
            Codec::Vp8 => rtpmap::payload_types(media, codec.name()).find_map(|number| {
                let number = number.parse().ok()?;
                Some(Self {
                    number,
                    format: Format::Vp8,
                })
            }),
        }
    }

    pub(super) fn codec(&self) -> Codec {
        match self.format {
            Format::H264(_) => Codec::H264,
            Format::Vp8 => Codec::Vp8,
        }
    }

    /// The parameters of the stream, for the answer, where there are any; `level` is that of H.264.
    pub(super) fn fmtp(&self, level: u8) -> Option<String> {
        match &self.format {
            Format::H264(profile) => Some(profile.fmtp(level)),
            Format::Vp8 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use webrtc::sdp::SessionDescription;

    fn chosen(lines: &str, codec: Codec) -> Option<u8> {
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\n{lines}"
        );
        let parsed = SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes())).unwrap();
        let chosen = PayloadType::choose(&parsed.media_descriptions[0], codec)?;
        assert_eq!(chosen.codec(), codec);
        Some(chosen.number)
    }

    #[test]
    fn vp8_is_found_among_others_with_and_without_parameters() {
        for lines in [
            "a=rtpmap:97 VP8/90000\r\n",
            "a=rtpmap:96 VP9/90000\r\na=rtpmap:97 vp8/90000\r\na=rtpmap:98 VP8/90000\r\n",
            "a=rtpmap:96 rtx/90000\r\na=rtpmap:97 VP8/90000\r\na=fmtp:97 max-fs=12288;max-fr=60\r\n",
        ] {
            assert_eq!(chosen(lines, Codec::Vp8), Some(97), "{lines}");
            assert_eq!(chosen(lines, Codec::H264), None, "{lines}");
        }
    }

    #[test]
    fn what_is_not_vp8_is_not_chosen() {
        for lines in [
            "",
            "a=rtpmap:97\r\n",
            "a=rtpmap:97 VP8\r\n",
            "a=rtpmap:97 VP8/48000\r\n",
            "a=rtpmap:97 VP80/90000\r\n",
            "a=rtpmap:95 VP8/90000\r\n",
            "a=rtpmap:97 VP9/90000\r\n",
        ] {
            assert_eq!(chosen(lines, Codec::Vp8), None, "{lines}");
        }
    }
}
