//! Packets of filler, by which the path is probed: NAL units of filler data, which decoders drop (ISO/IEC
//! 14496-10, section 7.4.2.7), at the end of a picture.

use bytes::Bytes;

use super::packetizer::PAYLOAD_BYTES;

/// The header of a NAL unit of type 12, and the bit that ends it. Between them are ones.
const TYPE: u8 = 12;
const TRAILING_BITS: u8 = 0x80;

/// The largest.
pub(super) fn largest() -> Bytes {
    static LARGEST: [u8; PAYLOAD_BYTES] = {
        let mut filler = [0xff; PAYLOAD_BYTES];
        filler[0] = TYPE;
        filler[PAYLOAD_BYTES - 1] = TRAILING_BITS;
        filler
    };
    Bytes::from_static(&LARGEST)
}

/// The smallest, in the place of one that was lost: its number is missing, not its bytes.
pub(super) fn least() -> Bytes {
    Bytes::from_static(&[TYPE, TRAILING_BITS])
}
