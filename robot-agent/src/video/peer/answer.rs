//! Words the answer to an offer, from what the library answered to the part of it that it was
//! shown; and the answer that refuses one. Pure.

use std::fmt::Write;

use super::offer::{DATA, MAX_SECTIONS, OPUS, Offer, RobotSound, SOUND, Section, VIDEO};

/// An answer, and where its candidates belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub sdp: String,
    /// Of the section that has the transport.
    pub mid: Option<String>,
    pub index: u16,
}

impl Answer {
    /// To `offer`, of which the library answered the part it was shown with `answered`; the
    /// encoder's frames have this `level`, and of sound the robot `hears` and `speaks`.
    pub(super) fn word(offer: &Offer, answered: &str, level: u8, sound: RobotSound) -> Self {
        let (session, sections) = split(answered);
        let of_library = |name: &str| {
            let mid = format!("a=mid:{name}");
            sections.iter().find(|lines| lines.contains(&mid.as_str()))
        };
        let served = offer.served_sound(sound).map(|sound| sound.index);
        let tagged = offer.accepted.first().copied().unwrap_or(offer.video);
        let mut sdp = String::new();
        for line in session.iter().filter(|line| !line.starts_with("a=group:")) {
            push(&mut sdp, line);
        }
        if offer.group.is_some() {
            let mids =
                (offer.accepted.iter()).filter_map(|index| offer.sections[*index].mid.as_deref());
            let _ = write!(
                sdp,
                "a=group:BUNDLE {}\r\n",
                mids.collect::<Vec<_>>().join(" ")
            );
        }
        let candidates = sections.iter().flatten().filter(|line| is_candidate(line));
        let candidates: Vec<_> = candidates.copied().collect();
        for index in 0..offer.sections.len() {
            let answered = match index {
                _ if index == offer.video => of_library(VIDEO),
                _ if Some(index) == offer.data => of_library(DATA),
                _ if Some(index) == served => of_library(SOUND),
                _ => None,
            };
            match answered {
                Some(lines) if Some(index) == served => accept_sound(&mut sdp, offer, lines, sound),
                Some(lines) => accept(&mut sdp, offer, index, lines, level),
                None if offer.accepted.contains(&index) => {
                    let transport = sections.first().into_iter().flatten();
                    silence(&mut sdp, &offer.sections[index], transport.copied());
                }
                None => reject(&mut sdp, offer, index),
            }
            if index == tagged {
                candidates.iter().for_each(|line| push(&mut sdp, line));
            }
        }
        Self {
            sdp,
            mid: offer.sections[tagged].mid.clone(),
            index: u16::try_from(tagged).unwrap_or_default(),
        }
    }
}

fn push(sdp: &mut String, line: &str) {
    sdp.push_str(line);
    sdp.push_str("\r\n");
}

/// The lines of the session, and those of each media section.
fn split(sdp: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let (mut session, mut sections) = (Vec::new(), Vec::<Vec<&str>>::new());
    for line in sdp.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        sections.last_mut().unwrap_or(&mut session).push(line);
    }
    (session, sections)
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:") || line == "a=end-of-candidates"
}

/// A section as the library answered it, but in the words of the offer.
fn accept(sdp: &mut String, offer: &Offer, index: usize, lines: &[&str], level: u8) {
    let section = &offer.sections[index];
    let is_video = index == offer.video;
    let number = offer.payload_type.number;
    let formats = if is_video {
        number.to_string()
    } else {
        section.formats.join(" ")
    };
    for line in lines.iter().filter(|line| !is_candidate(line)) {
        let key = line.split(':').next().unwrap_or_default();
        match key {
            _ if line.starts_with("m=") => {
                let _ = write!(
                    sdp,
                    "m={} 9 {} {formats}\r\n",
                    section.kind, section.protocol
                );
            }
            "a=mid" => {
                if let Some(mid) = &section.mid {
                    let _ = write!(sdp, "a=mid:{mid}\r\n");
                }
            }
            "a=fmtp" => {
                if let Some(parameters) = offer.payload_type.fmtp(level) {
                    let _ = write!(sdp, "a=fmtp:{number} {parameters}\r\n");
                }
            }
            // The library says so whatever is offered.
            "a=rtcp-mux" if !section.has_rtcp_mux => {}
            "a=rtcp-rsize" if !offer.attributes.iter().any(|a| a == "rtcp-rsize") => {}
            "a=sendonly" if !offer.receives => push(sdp, "a=inactive"),
            _ => push(sdp, line),
        }
    }
    if let Some(sctpmap) = &section.sctpmap {
        let _ = write!(sdp, "a=sctpmap:{sctpmap}\r\n");
    }
}

/// The section of sound as the library answered it, but in the words of the offer.
fn accept_sound(sdp: &mut String, offer: &Offer, lines: &[&str], robot: RobotSound) {
    let Some(sound) = offer.served_sound(robot) else {
        return;
    };
    let section = &offer.sections[sound.index];
    let number = sound.payload_type;
    let direction = sound.direction(robot);
    let is_silent = !direction.starts_with("a=send");
    for line in lines.iter().filter(|line| !is_candidate(line)) {
        let key = line.split(':').next().unwrap_or_default();
        match key {
            _ if line.starts_with("m=") => {
                let _ = write!(sdp, "m=audio 9 {} {number}\r\n", section.protocol);
            }
            "a=mid" => {
                if let Some(mid) = &section.mid {
                    let _ = write!(sdp, "a=mid:{mid}\r\n");
                }
            }
            "a=fmtp" => {
                let _ = write!(sdp, "a=fmtp:{number} {OPUS}\r\n");
            }
            "a=rtcp-mux" if !section.has_rtcp_mux => {}
            "a=rtcp-rsize" => {}
            "a=ssrc" | "a=msid" if is_silent => {}
            "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive" => push(sdp, direction),
            _ => push(sdp, line),
        }
    }
}

/// A section that has no part but the transport.
fn silence<'a>(sdp: &mut String, section: &Section, library: impl Iterator<Item = &'a str>) {
    let format = section.formats.first().map_or("0", String::as_str);
    let _ = write!(
        sdp,
        "m={} 9 {} {format}\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n",
        section.kind, section.protocol
    );
    for line in library {
        let key = line.split(':').next().unwrap_or_default();
        if matches!(key, "a=ice-ufrag" | "a=ice-pwd" | "a=setup")
            || (key == "a=rtcp-mux" && section.has_rtcp_mux)
        {
            push(sdp, line);
        }
    }
    describe(sdp, section);
}

/// The name and the first format, as the offer has them.
fn describe(sdp: &mut String, section: &Section) {
    for attribute in &section.first_format {
        let _ = write!(sdp, "a={attribute}\r\n");
    }
    if let Some(mid) = &section.mid {
        let _ = write!(sdp, "a=mid:{mid}\r\n");
    }
}

/// A section that is not served: its port is zero (RFC 3264, section 6). It has one format, an
/// address and a name all the same, without which some viewers cannot read the answer.
fn reject(sdp: &mut String, offer: &Offer, index: usize) {
    let section = &offer.sections[index];
    let format = section.formats.first().map_or("0", String::as_str);
    let _ = write!(
        sdp,
        "m={} 0 {} {format}\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n",
        section.kind, section.protocol
    );
    describe(sdp, section);
}

/// The answer that takes none of the offer's media. Empty for what is no session description.
pub(in crate::video) fn refusal(sdp: &str) -> String {
    let mut answer = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    let mut sections = 0;
    for line in sdp.lines() {
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
mod tests;
