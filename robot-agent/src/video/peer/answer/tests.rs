use std::io::Cursor;

use webrtc::sdp::description::session::SessionDescription;

use super::*;

/// A robot without sound.
const SILENT: RobotSound = RobotSound {
    hears: false,
    speaks: false,
};

const OFFERED: &str = "v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE v d\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00:11\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=sendrecv\r\n\
    a=rtpmap:111 opus/48000/2\r\n\
    m=video 9 RTP/SAVPF 96 102\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=recvonly\r\na=rtcp-mux\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtpmap:102 H264/90000\r\n\
    a=fmtp:102 packetization-mode=1;profile-level-id=4d001f\r\n\
    m=application 9 DTLS/SCTP 5000\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\n\
    a=sctpmap:5000 webrtc-datachannel 1024\r\n";

/// What the library says to [`Offer::for_library`].
const ANSWERED: &str = "v=0\r\no=- 99 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
    a=fingerprint:sha-256 22:33\r\na=group:BUNDLE video data\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=setup:active\r\na=mid:video\r\n\
    a=ice-ufrag:ours\r\na=ice-pwd:secret\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
    a=rtpmap:102 H264/90000\r\na=fmtp:102 profile-level-id=42e01f\r\na=sendonly\r\n\
    a=candidate:1 1 udp 1 192.0.2.7 4000 typ host\r\na=end-of-candidates\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=setup:active\r\n\
    a=mid:data\r\na=ice-ufrag:ours\r\na=ice-pwd:secret\r\na=sctp-port:5000\r\n";

fn answer(change: impl Fn(String) -> String, answered: &str) -> Answer {
    let offer = Offer::read(&change(OFFERED.to_owned())).unwrap();
    let answer = Answer::word(&offer, answered, 0x28, SILENT);
    let read = SessionDescription::unmarshal(&mut Cursor::new(answer.sdp.as_bytes()));
    assert_eq!(
        read.unwrap().media_descriptions.len(),
        offer.sections.len(),
        "{}",
        answer.sdp
    );
    answer
}

/// The lines of the section of this kind.
fn section<'a>(answer: &'a Answer, kind: &str) -> Vec<&'a str> {
    let (_, sections) = split(&answer.sdp);
    let of_kind = sections
        .into_iter()
        .find(|lines| lines[0].starts_with(&format!("m={kind} ")));
    of_kind.unwrap_or_else(|| panic!("no {kind}: {}", answer.sdp))
}

#[test]
fn every_section_is_answered_in_the_words_of_the_offer() {
    let answer = answer(|offer| offer, ANSWERED);
    assert!(
        answer.sdp.contains("a=group:BUNDLE v d\r\n"),
        "{}",
        answer.sdp
    );
    let audio = section(&answer, "audio");
    assert_eq!(audio[0], "m=audio 0 UDP/TLS/RTP/SAVPF 111");
    assert_eq!(
        audio[1..],
        [
            "c=IN IP4 0.0.0.0",
            "a=inactive",
            "a=rtpmap:111 opus/48000/2",
            "a=mid:a"
        ]
    );
    let video = section(&answer, "video");
    assert_eq!(video[0], "m=video 9 RTP/SAVPF 102");
    let level = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d0028";
    for line in [
        "a=mid:v",
        "a=sendonly",
        "a=rtcp-mux",
        &format!("a=fmtp:102 {level}"),
    ] {
        assert!(video.contains(&line), "{line}: {video:?}");
    }
    // Not offered.
    assert!(!video.contains(&"a=rtcp-rsize"), "{video:?}");
    let data = section(&answer, "application");
    assert_eq!(data[0], "m=application 9 DTLS/SCTP 5000");
    assert!(data.contains(&"a=mid:d") && data.contains(&"a=sctpmap:5000 webrtc-datachannel 1024"));
}

#[test]
fn candidates_stand_in_the_section_that_has_the_transport() {
    let of = |answer: &Answer, kind: &str| {
        section(answer, kind)
            .iter()
            .filter(|line| is_candidate(line))
            .count()
    };
    let second = answer(|offer| offer, ANSWERED);
    assert_eq!((second.mid.as_deref(), second.index), (Some("v"), 1));
    assert_eq!(
        [
            of(&second, "audio"),
            of(&second, "video"),
            of(&second, "application")
        ],
        [0, 2, 0]
    );
    let last = answer(|offer| offer.replace("BUNDLE v d", "BUNDLE d v"), ANSWERED);
    assert_eq!((last.mid.as_deref(), last.index), (Some("d"), 2));
    assert_eq!(
        [
            of(&last, "audio"),
            of(&last, "video"),
            of(&last, "application")
        ],
        [0, 0, 2]
    );
}

#[test]
fn audio_of_the_videos_group_is_accepted_in_silence_and_may_have_the_transport() {
    let answer = answer(
        |offer| offer.replace("BUNDLE v d", "BUNDLE a d v"),
        ANSWERED,
    );
    assert!(
        answer.sdp.contains("a=group:BUNDLE a d v\r\n"),
        "{}",
        answer.sdp
    );
    assert_eq!((answer.mid.as_deref(), answer.index), (Some("a"), 0));
    let audio = section(&answer, "audio");
    assert_eq!(audio[0], "m=audio 9 UDP/TLS/RTP/SAVPF 111");
    for line in [
        "a=inactive",
        "a=ice-ufrag:ours",
        "a=ice-pwd:secret",
        "a=setup:active",
        "a=mid:a",
    ] {
        assert!(audio.contains(&line), "{line}: {audio:?}");
    }
    assert!(audio.iter().any(|line| is_candidate(line)), "{audio:?}");
    assert!(!answer.sdp.contains("a=mid:video") && section(&answer, "video")[0].contains(" 9 "));
}

#[test]
fn without_a_group_or_names_there_are_none_in_the_answer() {
    let (alone, _) = ANSWERED.split_at(ANSWERED.find("m=application").unwrap());
    let answer = answer(
        |offer| {
            let kept = offer
                .lines()
                .filter(|l| !l.starts_with("a=group") && !l.starts_with("a=mid"));
            kept.fold(String::new(), |sdp, line| sdp + line + "\r\n")
        },
        alone,
    );
    assert!(
        !answer.sdp.contains("a=group") && !answer.sdp.contains("a=mid"),
        "{}",
        answer.sdp
    );
    assert_eq!((answer.mid.as_deref(), answer.index), (None, 1));
    assert_eq!(section(&answer, "video")[0], "m=video 9 RTP/SAVPF 102");
    assert_eq!(
        section(&answer, "application")[0],
        "m=application 0 DTLS/SCTP 5000"
    );
}

#[test]
fn a_video_that_does_not_receive_is_answered_with_a_pause() {
    let answer = answer(|offer| offer.replace("a=recvonly", "a=inactive"), ANSWERED);
    let video = section(&answer, "video");
    assert!(
        video.contains(&"a=inactive") && !video.contains(&"a=sendonly"),
        "{video:?}"
    );
}

#[test]
fn a_refusal_rejects_every_section_of_the_offer() {
    let answer = refusal(OFFERED);
    assert!(answer.contains("m=video 0 RTP/SAVPF 96\r\n"), "{answer}");
    assert!(
        answer.contains("m=application 0 DTLS/SCTP 5000\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("a=mid:v\r\n") && answer.contains("a=mid:d\r\n"),
        "{answer}"
    );
    assert!(SessionDescription::unmarshal(&mut Cursor::new(answer.as_bytes())).is_ok());
    assert_eq!(refusal("nonsense"), "");
}

#[test]
fn sound_is_answered_by_what_both_can() {
    let bundled = |direction: &'static str| {
        move |offer: String| {
            offer
                .replace("a=group:BUNDLE v d", "a=group:BUNDLE a v d")
                .replace("a=sendrecv", direction)
        }
    };
    let answered = format!(
        "{ANSWERED}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=setup:active\r\n\
         a=mid:sound\r\na=ice-ufrag:ours\r\na=ice-pwd:secret\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
         a=sendrecv\r\na=ssrc:5 cname:robot\r\n"
    );
    for (offered, hears, speaks, expected) in [
        ("a=sendrecv", true, true, "a=sendrecv"),
        ("a=sendrecv", true, false, "a=sendonly"),
        ("a=sendrecv", false, true, "a=recvonly"),
        ("a=recvonly", true, true, "a=sendonly"),
        ("a=sendonly", true, true, "a=recvonly"),
        ("a=sendonly", true, false, "a=inactive"),
        ("a=inactive", true, true, "a=inactive"),
    ] {
        let offer = Offer::read(&bundled(offered)(OFFERED.to_owned())).unwrap();
        let robot = RobotSound { hears, speaks };
        let answer = Answer::word(&offer, &answered, 0x28, robot);
        let sound = section(&answer, "audio");
        assert_eq!(sound[0], "m=audio 9 UDP/TLS/RTP/SAVPF 111");
        assert!(sound.contains(&expected), "{offered}, {robot:?}: {sound:?}");
        assert!(sound.contains(&"a=mid:a"), "{sound:?}");
        let says_ssrc = sound.iter().any(|line| line.starts_with("a=ssrc"));
        assert_eq!(
            says_ssrc,
            hears && expected.starts_with("a=send"),
            "{sound:?}"
        );
        assert!(
            answer.sdp.contains("a=group:BUNDLE a v d\r\n"),
            "{}",
            answer.sdp
        );
    }
}
