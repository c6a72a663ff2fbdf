//! A viewer's session description and RTCP, for the fuzzer.

use std::io::Cursor;

use webrtc::rtcp::packet::unmarshal;
use webrtc::sdp::description::session::SessionDescription;

use super::answer::{Answer, refusal};
use super::offer::{Offer, RobotSound};
use super::rtcp::{LossCounter, timing};

/// Of the encoder: 3.1.
const LEVEL: u8 = 31;

/// An offer: what the library is shown of it is a session description, and so, but for the words that are
/// the offer's, are the answer and the refusal.
pub(crate) fn offer(data: &[u8]) {
    let sdp = String::from_utf8_lossy(data);
    has_lines_only(&refusal(&sdp));
    let Ok(offer) = Offer::read(&sdp) else {
        return;
    };
    let sound = RobotSound {
        hears: true,
        speaks: true,
    };
    let shown = offer.for_library(sound);
    let read = SessionDescription::unmarshal(&mut Cursor::new(shown.as_bytes()));
    assert!(read.is_ok(), "{shown}");
    // As if the library had answered with the same.
    let answer = Answer::word(&offer, &shown, LEVEL, sound);
    has_lines_only(&answer.sdp);
}

/// A letter and `=` begin each (RFC 8866, section 5).
fn has_lines_only(sdp: &str) {
    let is_line = |line: &str| matches!(line.as_bytes(), [b'a'..=b'z', b'=', ..]);
    assert!(sdp.split_terminator("\r\n").all(is_line), "{sdp:?}");
}

/// RTCP, decrypted: reports and feedback.
pub(crate) fn rtcp(data: &[u8]) {
    // The library cannot be asked about everything: see `panics_the_library`.
    if panics_the_library(data) {
        return;
    }
    let Ok(packets) = unmarshal(&mut &data[..]) else {
        return;
    };
    let mut counter = LossCounter::default();
    for packet in &packets {
        counter.read(packet.as_ref());
        timing(packet.as_ref(), 0);
    }
}

/// REMB that names more streams than it has (rtcp 0.17.2). By its source the library's task that reads this
/// viewer's RTCP ends by it, and nothing else does.
fn panics_the_library(mut data: &[u8]) -> bool {
    const REMB: [u8; 2] = [0x8f, 206];
    const HEAD: usize = 20;
    while let [first, kind, high, low, ..] = *data {
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        let (packet, rest) = data.split_at(length.min(data.len()));
        let is_remb = [first & 0x9f, kind] == REMB;
        if is_remb && packet.len() >= HEAD && packet.len() < HEAD + usize::from(packet[16]) * 4 {
            return true;
        }
        data = rest;
    }
    false
}
