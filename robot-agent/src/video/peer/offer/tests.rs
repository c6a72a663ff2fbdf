use super::*;

const SESSION: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const OURS: &str = "a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack pli\r\na=rtcp-fb:102 goog-remb\r\n\
    a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n";
const MODE_0: &str = "a=rtpmap:103 H264/90000\r\n\
    a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\r\n";
const VP8: &str = "a=rtpmap:102 VP8/90000\r\n";

/// The viewer's end of a section named `mid`.
fn transport(mid: &str, ufrag: &str) -> String {
    format!(
        "c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:{ufrag}\r\n\
         a=ice-pwd:{ufrag}45678901234567890123\r\na=fingerprint:sha-256 00:11\r\n\
         a=setup:actpass\r\na=rtcp-mux\r\n"
    )
}

fn video(mid: &str, ufrag: &str, codecs: &str, direction: &str) -> String {
    let transport = transport(mid, ufrag);
    format!("m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\n{transport}a={direction}\r\n{codecs}")
}

fn data(mid: &str, ufrag: &str) -> String {
    let transport = transport(mid, ufrag);
    format!("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{transport}a=sctp-port:5000\r\n")
}

fn audio(mid: &str, ufrag: &str) -> String {
    let transport = transport(mid, ufrag);
    format!(
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{transport}a=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n"
    )
}

fn bundled(mids: &str, sections: &[String]) -> String {
    format!("{SESSION}a=group:BUNDLE {mids}\r\n{}", sections.concat())
}

fn offer(codecs: &str, direction: &str) -> String {
    bundled(
        "0 1",
        &[video("0", "abcd", codecs, direction), data("1", "abcd")],
    )
}

fn read(sdp: &str) -> Offer {
    Offer::read(sdp).unwrap_or_else(|refused| panic!("{refused}: {sdp}"))
}

#[test]
fn a_browsers_offer_is_taken() {
    for direction in ["recvonly", "sendrecv"] {
        let offer = read(&offer(&format!("{MODE_0}{OURS}"), direction));
        assert_eq!(
            (offer.video, offer.data, offer.receives),
            (0, Some(1), true)
        );
        assert_eq!(offer.payload_type.number, 102);
    }
}

#[test]
fn wherever_audio_stands_video_and_data_are_served_by_the_first_of_the_group() {
    let (a, v, d) = (
        audio("a", "abcd"),
        video("v", "abcd", OURS, "recvonly"),
        data("d", "abcd"),
    );
    for (sections, mids, video, data, first) in [
        (vec![&a, &v], "a v", 1, None, 0),
        (vec![&v, &a], "v a", 0, None, 0),
        (vec![&a, &v, &d], "v a d", 1, Some(2), 1),
        (vec![&d, &a, &v], "d a v", 2, Some(0), 0),
        (vec![&v, &d, &a], "d v a", 0, Some(1), 1),
    ] {
        let sections: Vec<_> = sections.into_iter().cloned().collect();
        let offer = read(&bundled(mids, &sections));
        assert_eq!((offer.video, offer.data), (video, data), "{mids}");
        assert_eq!(offer.accepted[0], first, "{mids}");
        let shown = read(&offer.for_library(SILENT));
        assert_eq!((shown.video, shown.data), (0, data.map(|_| 1)), "{mids}");
    }
}

#[test]
fn the_transport_is_that_of_the_first_section_that_is_served() {
    let sections = [
        audio("a", "aaaa") + "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n",
        video("v", "vvvv", OURS, "recvonly") + "a=candidate:2 1 udp 1 192.0.2.1 2 typ host\r\n",
        data("d", "dddd") + "a=candidate:3 1 udp 1 192.0.2.1 3 typ host\r\n",
    ];
    for (mids, ufrag, candidate, data) in [
        ("a v d", "aaaa", "1 1 udp", Some(2)),
        ("d v a", "dddd", "3 1 udp", Some(2)),
        ("v a", "vvvv", "2 1 udp", None),
        ("a d", "vvvv", "2 1 udp", None),
        ("d a", "vvvv", "2 1 udp", None),
    ] {
        let offer = read(&bundled(mids, &sections));
        assert_eq!(offer.transport.ufrag, ufrag, "{mids}");
        assert_eq!(offer.data, data, "{mids}");
        let [found] = &offer.candidates[..] else {
            panic!("{mids}: {:?}", offer.candidates)
        };
        assert!(found.starts_with(candidate), "{mids}: {found}");
    }
}

#[test]
fn a_section_that_exists_only_in_its_group_is_served_by_the_transport_of_another() {
    let only = |section: &str| {
        let kept = section.lines().filter(|line| {
            !["a=ice-", "a=fingerprint", "a=setup"]
                .iter()
                .any(|start| line.starts_with(start))
        });
        let section = kept.fold(String::new(), |sdp, line| sdp + line + "\r\n");
        section.replacen(" 9 ", " 0 ", 1) + "a=bundle-only\r\n"
    };
    let video = only(&video("v", "none", OURS, "recvonly"));
    let offer = bundled(
        "a v d",
        &[audio("a", "aaaa"), video, only(&data("d", "none"))],
    );
    let read = read(&offer);
    assert_eq!((read.video, read.data), (1, Some(2)));
    assert_eq!(read.transport.ufrag, "aaaa");
    // Without the group it is a section that the viewer has rejected itself.
    let alone = offer.replace("a=bundle-only\r\n", "");
    assert_eq!(read.accepted, [0, 1, 2]);
    assert_eq!(Offer::read(&alone), Err(Refused::NoVideo));
}

#[test]
fn without_a_group_only_the_video_is_served_and_needs_no_name() {
    let sections = video("0", "vvvv", OURS, "recvonly") + &data("1", "dddd");
    let offer = read(&format!("{SESSION}{sections}"));
    assert_eq!((offer.video, offer.data), (0, None));
    let unnamed = sections
        .replace("a=mid:0\r\n", "")
        .replace("a=mid:1\r\n", "");
    let offer = read(&format!("{SESSION}{unnamed}"));
    assert_eq!((offer.sections[0].mid.as_deref(), offer.data), (None, None));
}

#[test]
fn of_a_simulcast_offer_the_library_sees_one_stream_that_receives() {
    let simulcast = "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n\
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
        a=ssrc:1 cname:x\r\na=msid:s t\r\n";
    let shown = read(&offer(&format!("{OURS}{simulcast}"), "sendrecv")).for_library(SILENT);
    for gone in ["a=rid", "a=simulcast", "a=ssrc", "a=msid", "a=sendrecv"] {
        assert!(!shown.contains(gone), "{gone}: {shown}");
    }
    assert!(
        shown.contains("a=recvonly\r\n") && shown.contains("a=extmap:4 urn:"),
        "{shown}"
    );
}

#[test]
fn offers_of_one_connection_are_known_whatever_else_changes() {
    let first = read(&offer(OURS, "recvonly"));
    let sections = [
        data("d", "efgh"),
        audio("a", "efgh"),
        video("v", "efgh", OURS, "recvonly"),
    ];
    let later = bundled("d a v", &sections).replace("36 2 IN", "36 3 IN");
    assert_eq!(read(&later).connection, first.connection);
    for (from, to) in [("00:11", "00:22"), ("36 3 IN", "37 3 IN")] {
        assert_ne!(
            read(&later.replace(from, to)).connection,
            first.connection,
            "{to}"
        );
    }
}

#[test]
fn a_viewer_gets_h264_and_vp8_only_where_it_has_no_h264() {
    for (codecs, codec) in [
        (format!("{OURS}{MODE_0}"), Codec::H264),
        (format!("{}{OURS}", VP8.replace("102", "103")), Codec::H264),
        (VP8.to_owned(), Codec::Vp8),
        (format!("{VP8}{MODE_0}"), Codec::Vp8),
    ] {
        let offer = read(&offer(&codecs, "recvonly"));
        assert_eq!(
            (offer.codec(), offer.payload_type.number),
            (codec, 102),
            "{codecs}"
        );
        let shown = offer.for_library(SILENT);
        assert!(
            shown.contains(&format!("a=rtpmap:102 {}/90000\r\n", codec.name())),
            "{shown}"
        );
        assert_eq!(shown.contains("a=fmtp:"), codec == Codec::H264, "{shown}");
    }
    // A section that does not receive is no better for having H.264.
    let two = [
        video("0", "abcd", OURS, "sendonly"),
        video("1", "abcd", VP8, "recvonly"),
    ];
    let chosen = read(&bundled("0 1", &two));
    assert_eq!((chosen.video, chosen.codec()), (1, Codec::Vp8));
}

#[test]
fn an_offer_without_our_codecs_is_refused_with_what_it_has() {
    for (codecs, has) in [
        (
            "a=rtpmap:102 VP9/90000\r\na=rtpmap:103 AV1/90000\r\n".to_owned(),
            "VP9, AV1",
        ),
        (MODE_0.to_owned(), "H264"),
        (String::new(), "no codec"),
    ] {
        let refused = Offer::read(&offer(&codecs, "recvonly")).unwrap_err();
        assert_eq!(refused, Refused::NoCodec(has.to_owned()));
        assert!(
            refused
                .to_string()
                .contains("H.264 with packetization-mode=1"),
            "{refused}"
        );
    }
}

#[test]
fn whether_the_video_receives_is_said_by_its_section_or_the_session() {
    for (direction, receives) in [
        ("sendonly", false),
        ("inactive", false),
        ("recvonly", true),
        ("sendrecv", true),
        ("x", true),
    ] {
        assert_eq!(
            read(&offer(OURS, direction)).receives,
            receives,
            "{direction}"
        );
        let of_session = offer(OURS, "x").replace("a=group", &format!("a={direction}\r\na=group"));
        assert_eq!(read(&of_session).receives, receives, "{direction}");
    }
    let two = [
        video("0", "abcd", OURS, "sendonly"),
        video("1", "abcd", OURS, "recvonly"),
    ];
    assert_eq!(read(&bundled("0 1", &two)).video, 1);
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
        assert!(Offer::read(text).is_err(), "{text:?}");
    }
    let long = offer(OURS, "recvonly") + &"a=x\r\n".repeat(10_000);
    assert!(matches!(Offer::read(&long), Err(Refused::TooLong(_))));
    let wide = offer(OURS, "recvonly") + &audio("2", "abcd").repeat(20);
    assert_eq!(Offer::read(&wide), Err(Refused::TooManySections(22)));
    let audio = offer(OURS, "recvonly").replace("m=video", "m=audio");
    assert_eq!(Offer::read(&audio), Err(Refused::NoVideo));
    let plain = offer(OURS, "recvonly").replace("a=fingerprint", "a=finger");
    assert_eq!(Offer::read(&plain), Err(Refused::Missing("fingerprint")));
}

/// A robot without sound.
const SILENT: RobotSound = RobotSound {
    hears: false,
    speaks: false,
};

#[test]
fn sound_is_shown_to_the_library_if_it_is_opus_and_the_robot_has_to_do_with_it() {
    let robot = RobotSound {
        hears: true,
        speaks: true,
    };
    let with = |codec: &str, direction: &str| {
        let sound = format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF 63 0\r\nc=IN IP4 0.0.0.0\r\na=mid:s\r\na={direction}\r\n\
             a=rtpmap:63 {codec}\r\na=rtpmap:0 PCMU/8000\r\na=fmtp:63 stereo=1;ptime=37\r\n\
             a=ssrc:4000000000 cname:x\r\na=ssrc:4000000000 msid:a b\r\na=ssrc:nonsense\r\n"
        );
        let sections = [
            video("v", "abcd", OURS, "recvonly"),
            sound,
            data("d", "abcd"),
        ];
        read(&bundled("v s d", &sections))
    };
    let offer = with("opus/48000/2", "sendrecv");
    let shown = offer.for_library(robot);
    assert!(
        shown.contains("m=audio 9 UDP/TLS/RTP/SAVPF 63\r\n"),
        "{shown}"
    );
    assert!(
        shown.contains("a=fmtp:63 minptime=10;useinbandfec=1\r\n"),
        "{shown}"
    );
    assert_eq!(shown.matches("a=ssrc:4000000000 ").count(), 1, "{shown}");
    assert!(
        !shown.contains("nonsense") && !shown.contains("PCMU"),
        "{shown}"
    );
    assert!(!offer.for_library(SILENT).contains("m=audio"));
    let only_hears = offer.for_library(RobotSound {
        speaks: false,
        ..robot
    });
    assert!(!only_hears.contains("a=ssrc"), "{only_hears}");
    assert!(
        !with("opus/48000/2", "recvonly")
            .for_library(robot)
            .contains("a=ssrc")
    );
    for codec in ["G722/8000", "opus/48000", "opusx/48000/2", "PCMU/8000"] {
        let shown = with(codec, "sendrecv").for_library(robot);
        assert!(!shown.contains("m=audio"), "{codec}: {shown}");
    }
}
