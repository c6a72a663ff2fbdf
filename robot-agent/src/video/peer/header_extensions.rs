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

/// Ids that fit into one byte with the length (RFC 8285, section 4.2). Browsers give no others.
const ONE_BYTE_IDS: std::ops::RangeInclusive<u8> = 1..=14;

/// Which of them a viewer understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeaderExtensions {
    playout_delay: Option<u8>,
}

/// Lets them be negotiated.
pub(super) fn register(media: &mut MediaEngine) -> Result<(), Error> {
    let capability = RTCRtpHeaderExtensionCapability {
        uri: PLAYOUT_DELAY.to_owned(),
    };
    media.register_header_extension(capability, RTPCodecType::Video, None)
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
        }
    }

    /// Adds them to the header of a packet.
    pub(super) fn add_to(self, header: &mut Header) -> Result<(), Error> {
        if let Some(id) = self.playout_delay {
            header.set_extension(id, Bytes::from_static(AT_ONCE))?;
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
    fn the_header_on_the_wire_has_them() {
        let mut header = Header {
            version: 2,
            ..Header::default()
        };
        negotiated(&[]).add_to(&mut header).unwrap();
        assert_eq!(header.marshal().unwrap().len(), 12, "no empty extension");
        negotiated(&[(PLAYOUT_DELAY, 5)])
            .add_to(&mut header)
            .unwrap();
        let bytes = header.marshal().unwrap();
        assert_eq!(bytes[12..], [0xbe, 0xde, 0, 1, 0x52, 0, 0, 0]);
        assert_eq!(Header::unmarshal(&mut bytes.as_ref()).unwrap(), header);
    }
}
