//! Reads an offer before anything is built for it, and words the answer that refuses one.
//! Pure.

use std::fmt::Write;
use std::io::Cursor;

use webrtc::sdp::MediaDescription;
use webrtc::sdp::description::session::SessionDescription;

/// Longest offer that is read. The service carries 10 kB; a browser's has 3 to 8.
const MAX_BYTES: usize = 16 * 1024;

/// Most media sections. A viewer needs two: video and data.
const MAX_SECTIONS: usize = 8;

/// What is sent: constrained baseline, level 3.1, packets of mode 1. All browsers take it.
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
        "the offer has no H.264 of profile 42e01f with packetization-mode=1, which is all \
         that is sent"
    )]
    NoH264,
    #[error("the offer has no {0}")]
    Missing(&'static str),
}

/// Whether an answer can be given.
pub(in crate::video) fn check(sdp: &str) -> Result<(), Refused> {
    if sdp.len() > MAX_BYTES {
        return Err(Refused::TooLong(sdp.len()));
    }
    let offer = SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes()))
        .map_err(|error| Refused::NotSdp(shortened(&error.to_string())))?;
    if offer.media_descriptions.len() > MAX_SECTIONS {
        return Err(Refused::TooManySections(offer.media_descriptions.len()));
    }
    let media = offer.media_descriptions.iter();
    let videos: Vec<_> = media
        .filter(|media| media.media_name.media == "video")
        .collect();
    if videos.is_empty() {
        return Err(Refused::NoVideo);
    }
    if !videos.iter().any(|media| receives(media)) {
        return Err(Refused::DoesNotReceive);
    }
    if !videos
        .iter()
        .any(|media| receives(media) && has_our_h264(media))
    {
        return Err(Refused::NoH264);
    }
    for needed in ["ice-ufrag", "ice-pwd", "fingerprint"] {
        let in_session = offer.attribute(needed).is_some();
        let in_media = offer
            .media_descriptions
            .iter()
            .any(|media| media.attribute(needed).is_some());
        if !in_session && !in_media {
            return Err(Refused::Missing(needed));
        }
    }
    Ok(())
}

/// The library repeats what it cannot read.
fn shortened(text: &str) -> String {
    const SHOWN_CHARS: usize = 120;
    text.escape_debug().take(SHOWN_CHARS).collect()
}

fn receives(media: &MediaDescription) -> bool {
    let says = |direction| media.attribute(direction).is_some();
    !says("sendonly") && !says("inactive")
}

/// Baseline is all that is needed to decode constrained baseline, but the level aside both
/// ends must name the same profile.
fn has_our_h264(media: &MediaDescription) -> bool {
    let values = |key: &'static str| {
        media
            .attributes
            .iter()
            .filter(move |attribute| attribute.key == key)
            .filter_map(|attribute| attribute.value.as_deref())
            .filter_map(|value| value.split_once(' '))
    };
    let h264: Vec<&str> = values("rtpmap")
        .filter(|(_, codec)| codec.to_ascii_uppercase().starts_with("H264/90000"))
        .map(|(payload_type, _)| payload_type)
        .collect();
    values("fmtp").any(|(payload_type, parameters)| {
        let parameter = |name: &str| {
            parameters
                .split(';')
                .filter_map(|parameter| parameter.trim().split_once('='))
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_ascii_lowercase())
        };
        h264.contains(&payload_type)
            && parameter("packetization-mode").as_deref() == Some("1")
            && parameter("profile-level-id").is_some_and(|profile| profile.starts_with("42e0"))
    })
}

/// The answer that takes none of the offer's media, as RFC 3264 words a refusal: every port
/// is zero. Empty for what is no session description.
pub(in crate::video) fn refusal(sdp: &str) -> String {
    let mut answer = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    let mut sections = 0;
    for line in sdp.lines().take(MAX_BYTES) {
        if let Some(media) = line.strip_prefix("m=") {
            let mut words = media.split_whitespace();
            let (Some(kind), Some(_port), Some(protocol), Some(format)) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return String::new();
            };
            sections += 1;
            if sections > MAX_SECTIONS {
                return String::new();
            }
            let _ = write!(
                answer,
                "m={kind} 0 {protocol} {format}\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n"
            );
        } else if let (Some(mid), 1..) = (line.strip_prefix("a=mid:"), sections) {
            let _ = write!(answer, "a=mid:{}\r\n", mid.trim());
        }
    }
    if sections == 0 { String::new() } else { answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(codecs: &str, direction: &str) -> String {
        format!(
            "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             a=group:BUNDLE 0 1\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
             a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
             a=fingerprint:sha-256 00:11\r\na={direction}\r\n{codecs}\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n"
        )
    }

    const OURS: &str = "a=rtpmap:102 H264/90000\r\n\
        a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n";
    const MODE_0: &str = "a=rtpmap:103 H264/90000\r\n\
        a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\r\n";
    const VP8: &str = "a=rtpmap:102 VP8/90000\r\n";

    #[test]
    fn a_browsers_offer_is_taken() {
        assert_eq!(
            check(&offer(&format!("{MODE_0}{OURS}"), "recvonly")),
            Ok(())
        );
        assert_eq!(check(&offer(OURS, "sendrecv")), Ok(()));
    }

    #[test]
    fn an_offer_without_our_h264_is_refused() {
        for codecs in [VP8, MODE_0, ""] {
            assert_eq!(check(&offer(codecs, "recvonly")), Err(Refused::NoH264));
        }
    }

    #[test]
    fn an_offer_that_only_sends_is_refused() {
        for direction in ["sendonly", "inactive"] {
            assert_eq!(check(&offer(OURS, direction)), Err(Refused::DoesNotReceive));
        }
    }

    #[test]
    fn what_is_no_offer_is_refused() {
        for text in [
            "",
            "hello",
            "{\"type\":\"offer\"}",
            "v=0",
            "v=0\r\nm=",
            "\0\u{1F916}",
        ] {
            assert!(check(text).is_err(), "{text:?}");
        }
        let long = offer(OURS, "recvonly") + &"a=x\r\n".repeat(10_000);
        assert!(matches!(check(&long), Err(Refused::TooLong(_))));
        let wide = offer(OURS, "recvonly")
            + &"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n".repeat(20);
        assert_eq!(check(&wide), Err(Refused::TooManySections(22)));
        let audio = offer(OURS, "recvonly").replace("m=video", "m=audio");
        assert_eq!(check(&audio), Err(Refused::NoVideo));
        let plain = offer(OURS, "recvonly").replace("a=fingerprint", "a=finger");
        assert_eq!(check(&plain), Err(Refused::Missing("fingerprint")));
    }

    #[test]
    fn a_refusal_rejects_every_section_of_the_offer() {
        let answer = refusal(&offer(VP8, "recvonly"));
        assert!(
            answer.contains("m=video 0 UDP/TLS/RTP/SAVPF 102\r\n"),
            "{answer}"
        );
        assert!(answer.contains("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
        assert!(answer.contains("a=mid:0\r\n") && answer.contains("a=mid:1\r\n"));
        assert!(SessionDescription::unmarshal(&mut Cursor::new(answer.as_bytes())).is_ok());
        assert_eq!(refusal("nonsense"), "");
    }
}
