//! H.264 as an offer names it (RFC 6184), and as the encoder writes it. Pure.

use webrtc::sdp::MediaDescription;

use super::rtpmap;
use crate::video::camera::Format;
use crate::video::codec::Codec;

/// `profile_idc` and the constraints, if the offer says them: the answer has to say the same (RFC 6184,
/// section 8.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Profile(Option<[u8; 2]>);

/// Constrained baseline, which is what is sent.
const CONSTRAINED_BASELINE: [u8; 2] = [0x42, 0xe0];

/// The payload type of `media` nearest to what is sent. Every decoder of baseline, extended, main or
/// high profile decodes constrained baseline (ISO/IEC 14496-10, annex A.2).
pub(super) fn choose(media: &MediaDescription) -> Option<(u8, Profile)> {
    let (_, chosen) = rtpmap::payload_types(media, Codec::H264.name())
        .filter_map(|number| read(media, number))
        // The first of those that are as near.
        .min_by_key(|(distance, _)| *distance)?;
    Some(chosen)
}

/// `number`, and how far it is from what is sent.
fn read(media: &MediaDescription, number: &str) -> Option<((u8, bool), (u8, Profile))> {
    let parameters = rtpmap::attribute(media, "fmtp", number).unwrap_or_default();
    let parameter = |name: &str| {
        let mut parameters = parameters
            .split(';')
            .filter_map(|p| p.trim().split_once('='));
        parameters
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    // Whoever says nothing reads fragments all the same; whoever says 0 does not.
    let mode = parameter("packetization-mode");
    if mode.is_some_and(|mode| mode != "1") {
        return None;
    }
    let profile = match parameter("profile-level-id") {
        Some(id) => Some(profile(id)?),
        None => None,
    };
    let number = number.parse().ok()?;
    let distance = (distance(profile)?, mode.is_none());
    Some((distance, (number, Profile(profile))))
}

impl Profile {
    /// The parameters of a stream of this `level`, for the answer.
    pub(super) fn fmtp(self, level: u8) -> String {
        let [idc, constraints] = self.0.unwrap_or(CONSTRAINED_BASELINE);
        format!(
            "level-asymmetry-allowed=1;packetization-mode=1;\
             profile-level-id={idc:02x}{constraints:02x}{level:02x}"
        )
    }
}

fn profile(profile_level_id: &str) -> Option<[u8; 2]> {
    let bits = u32::from_str_radix(profile_level_id, 16).ok()?;
    let [0, idc, constraints, _] = bits.to_be_bytes() else {
        return None;
    };
    (profile_level_id.len() == 6).then_some([idc, constraints])
}

/// None of a profile whose decoders need not decode what is sent.
fn distance(profile: Option<[u8; 2]>) -> Option<u8> {
    const CONSTRAINT_SET1: u8 = 0x40;
    match profile {
        Some([66, constraints]) if constraints & CONSTRAINT_SET1 != 0 => Some(0),
        Some([66 | 88, _]) | None => Some(1),
        Some([77, _]) => Some(2),
        Some([100 | 110 | 122 | 244, _]) => Some(3),
        Some(_) => None,
    }
}

/// The level that `frame`, an access unit with start codes, says of itself, if its sequence
/// parameter set is in it (ISO/IEC 14496-10, section 7.3.2.1.1).
pub(super) fn level_in(frame: &[u8]) -> Option<u8> {
    const SEQUENCE_PARAMETER_SET: u8 = 7;
    frame.windows(7).find_map(|bytes| match *bytes {
        [0, 0, 1, kind, _profile, _constraints, level] => {
            (kind & 0x1f == SEQUENCE_PARAMETER_SET).then_some(level)
        }
        _ => None,
    })
}

/// The level that an encoder writes for such pictures: the least that allows them
/// (ISO/IEC 14496-10, table A-1). Good until a frame has said it.
pub(super) fn level_of(format: Format) -> u8 {
    /// `level_idc`, most macroblocks of a picture, most macroblocks a second.
    const LEVELS: [(u8, u32, u32); 12] = [
        (10, 99, 1_485),
        (12, 396, 6_000),
        (13, 396, 11_880),
        (21, 792, 19_800),
        (22, 1_620, 20_250),
        (30, 1_620, 40_500),
        (31, 3_600, 108_000),
        (32, 5_120, 216_000),
        (40, 8_192, 245_760),
        (42, 8_704, 522_240),
        (50, 22_080, 589_824),
        (51, 36_864, 983_040),
    ];
    const HIGHEST: u8 = 52;
    let macroblocks = format
        .width
        .div_ceil(16)
        .saturating_mul(format.height.div_ceil(16));
    let a_second = macroblocks.saturating_mul(format.fps);
    let fits =
        |(_, picture, second): &&(u8, u32, u32)| macroblocks <= *picture && a_second <= *second;
    LEVELS
        .iter()
        .find(fits)
        .map_or(HIGHEST, |(level, ..)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use webrtc::sdp::SessionDescription;

    fn chosen(lines: &str) -> Option<(u8, String)> {
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\n{lines}"
        );
        let parsed = SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes())).unwrap();
        let (number, profile) = choose(&parsed.media_descriptions[0])?;
        let fmtp = profile.fmtp(30);
        Some((number, fmtp.split_once("-id=").unwrap().1.to_owned()))
    }

    fn h264(number: u8, parameters: &str) -> String {
        format!("a=rtpmap:{number} H264/90000\r\na=fmtp:{number} {parameters}\r\n")
    }

    #[test]
    fn every_profile_that_decodes_what_is_sent_is_answered_with_itself() {
        for (offered, answered) in [
            ("42e01f", "42e01e"),
            ("42E01F", "42e01e"),
            ("42c01f", "42c01e"),
            ("42c033", "42c01e"),
            ("42001f", "42001e"),
            ("4d001f", "4d001e"),
            ("4d401f", "4d401e"),
            ("58a01f", "58a01e"),
            ("64001f", "64001e"),
            ("640c34", "640c1e"),
        ] {
            let lines = h264(
                97,
                &format!("packetization-mode=1;profile-level-id={offered}"),
            );
            assert_eq!(chosen(&lines), Some((97, answered.to_owned())), "{offered}");
        }
    }

    #[test]
    fn an_offer_without_a_profile_is_answered_with_what_is_sent() {
        let ours = Some((97, "42e01e".to_owned()));
        assert_eq!(chosen(&h264(97, "packetization-mode=1")), ours);
        assert_eq!(chosen("a=rtpmap:97 H264/90000\r\n"), ours);
        assert_eq!(chosen("a=rtpmap:97 h264/90000/1\r\n"), ours);
    }

    #[test]
    fn the_nearest_is_taken_wherever_it_stands() {
        let lines = h264(96, "profile-level-id=64001f;packetization-mode=1")
            + &h264(97, "profile-level-id=42001f; packetization-mode=1")
            + &h264(98, "profile-level-id=42e01f; packetization-mode=0")
            + &h264(
                99,
                "level-asymmetry-allowed=1; packetization-mode=1; profile-level-id=42c01f",
            );
        assert_eq!(chosen(&lines), Some((99, "42c01e".to_owned())));
    }

    #[test]
    fn what_cannot_be_served_is_not_chosen() {
        for lines in [
            String::new(),
            "a=rtpmap:96 VP8/90000\r\n".to_owned(),
            "a=rtpmap:96 H265/90000\r\n".to_owned(),
            "a=rtpmap:95 H264/90000\r\n".to_owned(),
            h264(96, "packetization-mode=0;profile-level-id=42e01f"),
            h264(96, "packetization-mode=2;profile-level-id=42e01f"),
            // The high intra profile of CAVLC, and no profile at all.
            h264(96, "packetization-mode=1;profile-level-id=2c001f"),
            h264(96, "packetization-mode=1;profile-level-id=42e0"),
            h264(96, "packetization-mode=1;profile-level-id=+2e01f"),
            h264(96, "packetization-mode=1;profile-level-id=robot!"),
        ] {
            assert_eq!(chosen(&lines), None, "{lines}");
        }
    }

    #[test]
    fn a_frame_says_its_level() {
        let key = [
            0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x28, 0x95,
        ];
        assert_eq!(level_in(&key), Some(0x28));
        assert_eq!(level_in(&[0, 0, 0, 1, 0x41, 0x42, 0xc0, 0x28]), None);
        assert_eq!(level_in(&[0, 0, 1, 0x67, 0x42]), None);
    }

    #[test]
    fn the_least_level_that_allows_the_pictures() {
        for (width, height, fps, level) in [
            (160, 120, 15, 10),
            (320, 240, 30, 13),
            (640, 480, 15, 22),
            (640, 480, 30, 30),
            (1280, 720, 30, 31),
            (1280, 720, 60, 32),
            (1920, 1080, 30, 40),
            (u32::MAX, u32::MAX, u32::MAX, 52),
        ] {
            let format = Format { width, height, fps };
            assert_eq!(level_of(format), level, "{format:?}");
        }
    }
}
