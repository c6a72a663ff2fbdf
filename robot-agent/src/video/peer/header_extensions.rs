//! Header extensions of RTP (RFC 8285) on the packets to one viewer: those that its offer has, under
//! the ids that it gave them.

use bytes::Bytes;
use webrtc::Error;
use webrtc::api::media_engine::MediaEngine;
use webrtc::rtp::header::Header;
use webrtc::rtp_transceiver::rtp_codec::{
    RTCRtpHeaderExtensionCapability, RTCRtpHeaderExtensionParameters, RTPCodecType,
};

/// How long the receiver may hold a picture back to paint smoothly: least and most, twelve bits each,
/// in units of 10 ms.
pub(in crate::video) const PLAYOUT_DELAY: &str =
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

/// Not at all: whoever drives wants each picture as soon as it is there.
const AT_ONCE: &[u8] = &[0, 0, 0];

/// When the picture was captured, by the robot's NTP clock, and how far that clock is from the camera's:
/// 64 bits each, whole seconds and their fraction. Said by the first packet of a picture.
pub(in crate::video) const ABS_CAPTURE_TIME: &str =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

/// The packet's number among all that go to the viewer, 16 bits, by which it reports when each came.
pub(in crate::video) const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The camera hangs on this very machine. Receivers count the offsets of all clocks on the way only
/// where each says its own.
const NO_OFFSET: [u8; 8] = [0; 8];

/// Ids that fit into one byte with the length (RFC 8285, section 4.2). Browsers give no others.
const ONE_BYTE_IDS: std::ops::RangeInclusive<u8> = 1..=14;

/// Which of them a viewer understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeaderExtensions {
    playout_delay: Option<u8>,
    abs_capture_time: Option<u8>,
    transport_cc: Option<u8>,
}

/// Lets them be negotiated.
pub(super) fn register(media: &mut MediaEngine) -> Result<(), Error> {
    for uri in [PLAYOUT_DELAY, ABS_CAPTURE_TIME, TRANSPORT_CC] {
        let capability = RTCRtpHeaderExtensionCapability {
            uri: uri.to_owned(),
        };
        media.register_header_extension(capability, RTPCodecType::Video, None)?;
    }
    Ok(())
}

impl HeaderExtensions {
    pub(super) fn new(negotiated: &[RTCRtpHeaderExtensionParameters]) -> Self {
        let id_of = |uri| {
            let extension = negotiated.iter().find(|extension| extension.uri == uri)?;
            let id = u8::try_from(extension.id).ok()?;
            ONE_BYTE_IDS.contains(&id).then_some(id)
        };
        Self {
            playout_delay: id_of(PLAYOUT_DELAY),
            abs_capture_time: id_of(ABS_CAPTURE_TIME),
            transport_cc: id_of(TRANSPORT_CC),
        }
    }

    /// Adds them to the header of a packet, the first of a picture that was `captured` at this NTP time,
    /// or a later one.
    pub(super) fn add_to(self, header: &mut Header, captured: Option<u64>) -> Result<(), Error> {
        if let Some(id) = self.playout_delay {
            header.set_extension(id, Bytes::from_static(AT_ONCE))?;
        }
        if let (Some(id), Some(captured)) = (self.abs_capture_time, captured) {
            let payload = [captured.to_be_bytes(), NO_OFFSET].concat();
            header.set_extension(id, payload.into())?;
        }
        Ok(())
    }

    /// Whether each packet is to be numbered.
    pub(super) fn has_transport_cc(self) -> bool {
        self.transport_cc.is_some()
    }

    /// Numbers a packet, one that is sent again anew.
    pub(super) fn set_number(self, header: &mut Header, number: u16) -> Result<(), Error> {
        if let Some(id) = self.transport_cc {
            header.set_extension(id, Bytes::copy_from_slice(&number.to_be_bytes()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use webrtc::util::{Marshal, Unmarshal};

    fn negotiated(extensions: &[(&str, isize)]) -> HeaderExtensions {
        let of = |&(uri, id): &(&str, isize)| RTCRtpHeaderExtensionParameters {
            uri: uri.to_owned(),
            id,
        };
        HeaderExtensions::new(&extensions.iter().map(of).collect::<Vec<_>>())
    }

    #[test]
    fn only_what_is_negotiated_under_an_id_that_fits_is_sent() {
        const OTHER: &str = "urn:ietf:params:rtp-hdrext:toffset";
        for (extensions, playout_delay) in [
            (&[][..], None),
            (&[(OTHER, 1)], None),
            (&[(OTHER, 1), (PLAYOUT_DELAY, 5)], Some(5)),
            (&[(PLAYOUT_DELAY, 1)], Some(1)),
            (&[(PLAYOUT_DELAY, 14)], Some(14)),
            (&[(PLAYOUT_DELAY, 0)], None),
            (&[(PLAYOUT_DELAY, 15)], None),
            (&[(PLAYOUT_DELAY, 256 + 5)], None),
            (&[(PLAYOUT_DELAY, -1)], None),
        ] {
            let found = negotiated(extensions);
            assert_eq!(found.playout_delay, playout_delay, "{extensions:?}");
        }
    }

    #[test]
    fn a_packet_that_is_sent_again_has_another_number() {
        let mut header = Header::default();
        let extensions = negotiated(&[(TRANSPORT_CC, 3)]);
        for number in [1, 0xfffe] {
            extensions.set_number(&mut header, number).unwrap();
            assert_eq!(header.get_extension(3).unwrap()[..], number.to_be_bytes());
            assert_eq!(header.marshal().unwrap().len(), 20);
        }
        let none = negotiated(&[(PLAYOUT_DELAY, 3)]);
        assert!(!none.has_transport_cc());
        none.set_number(&mut header, 7).unwrap();
        assert_eq!(header.extensions.len(), 1);
    }

    #[test]
    fn the_header_on_the_wire_has_them() {
        let mut header = Header {
            version: 2,
            ..Header::default()
        };
        negotiated(&[]).add_to(&mut header, Some(1)).unwrap();
        assert_eq!(header.marshal().unwrap().len(), 12, "no empty extension");
        let captured = 0x0102_0304_0506_0708;
        let both = negotiated(&[(PLAYOUT_DELAY, 5), (ABS_CAPTURE_TIME, 12)]);
        let first = [
            [0xbe, 0xde, 0, 6, 0x52, 0, 0, 0].as_slice(),
            &[0xcf, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0; 8 + 3],
        ];
        for (extensions, captured, expected) in [
            (both, Some(captured), first.concat()),
            (both, None, first[0].to_vec()),
        ] {
            let mut header = header.clone();
            extensions.add_to(&mut header, captured).unwrap();
            let bytes = header.marshal().unwrap();
            assert_eq!(bytes[16..], expected[4..]);
            assert_eq!(Header::unmarshal(&mut bytes.as_ref()).unwrap(), header);
        }
    }
}
