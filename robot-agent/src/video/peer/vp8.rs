//! VP8 in RTP (RFC 7741): cuts frames into payloads. Pure.

use bytes::Bytes;

/// The payload descriptor (section 4.2): two required bytes, as extensions are present, and a picture id
/// of fifteen bits, by which a receiver tells a lost frame from one that it was never sent.
const DESCRIPTOR_BYTES: usize = 4;

/// Extensions follow.
const EXTENDED: u8 = 0x80;
/// The first packet of a frame; as such it is the start of partition zero.
const START: u8 = 0x10;
/// Among the extensions is a picture id, and nothing else.
const HAS_PICTURE_ID: u8 = 0x80;
/// It has fifteen bits, not seven.
const IS_LONG: u16 = 0x8000;

/// Numbers the pictures of a stream.
#[derive(Debug)]
pub(super) struct Vp8Payloader {
    picture_id: u16,
}

impl Vp8Payloader {
    /// The first picture has this id; which one is of no importance, but it should be random.
    pub(super) fn new(picture_id: u16) -> Self {
        Self { picture_id }
    }

    /// Payloads of as equal a size as can be, none longer than `max_bytes`. None at all of an empty frame, or
    /// where there is no room for a picture behind the descriptor.
    pub(super) fn payload(&mut self, max_bytes: usize, frame: &Bytes) -> Vec<Bytes> {
        let room = max_bytes.saturating_sub(DESCRIPTOR_BYTES);
        if frame.is_empty() || room == 0 {
            return Vec::new();
        }
        let count = frame.len().div_ceil(room);
        let size = frame.len().div_ceil(count);
        let [high, low] = (self.picture_id | IS_LONG).to_be_bytes();
        self.picture_id = self.picture_id.wrapping_add(1);
        let payloads = frame.chunks(size).enumerate().map(|(index, part)| {
            let start = if index == 0 { START } else { 0 };
            let descriptor = [EXTENDED | start, HAS_PICTURE_ID, high, low];
            [&descriptor, part].concat().into()
        });
        payloads.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use webrtc::rtp::codecs::vp8::Vp8Packet;
    use webrtc::rtp::packetizer::Depacketizer;

    fn frame(bytes: usize) -> Bytes {
        (0..bytes).map(|n| (n % 251) as u8).collect()
    }

    #[test]
    fn a_frame_comes_together_again_whatever_its_size() {
        for bytes in [1, 2, 95, 96, 97, 192, 193, 1000, 10_000] {
            let payloads = Vp8Payloader::new(0).payload(100, &frame(bytes));
            let mut whole = Vec::new();
            for (index, payload) in payloads.iter().enumerate() {
                assert!(payload.len() <= 100, "{bytes}");
                let mut packet = Vp8Packet::default();
                whole.extend_from_slice(&packet.depacketize(payload).unwrap());
                let starts = u8::from(index == 0);
                assert_eq!(
                    (packet.x, packet.n, packet.s, packet.pid),
                    (1, 0, starts, 0)
                );
                assert_eq!((packet.i, packet.l, packet.t, packet.k), (1, 0, 0, 0));
            }
            assert_eq!(whole, frame(bytes));
            assert_eq!(
                payloads.len(),
                bytes.div_ceil(96),
                "no packet more than is needed"
            );
        }
    }

    #[test]
    fn the_descriptor_on_the_wire() {
        let payloads = Vp8Payloader::new(0x0102).payload(7, &Bytes::from_static(&[9, 8, 7, 6]));
        assert_eq!(payloads[0][..], [0x90, 0x80, 0x81, 0x02, 9, 8]);
        assert_eq!(payloads[1][..], [0x80, 0x80, 0x81, 0x02, 7, 6]);
    }

    #[test]
    fn picture_ids_count_frames_in_fifteen_bits_and_begin_again() {
        let mut payloader = Vp8Payloader::new(0x7ffe);
        let ids: Vec<_> = (0..4)
            .map(|_| payloader.payload(1168, &frame(3))[0][2..4].to_vec())
            .collect();
        assert_eq!(ids, [[0xff, 0xfe], [0xff, 0xff], [0x80, 0], [0x80, 1]]);
    }

    #[test]
    fn an_empty_frame_or_no_room_makes_no_packet_and_takes_no_id() {
        let mut payloader = Vp8Payloader::new(7);
        assert!(payloader.payload(1168, &Bytes::new()).is_empty());
        for max_bytes in 0..=DESCRIPTOR_BYTES {
            assert!(payloader.payload(max_bytes, &frame(10)).is_empty());
        }
        assert_eq!(
            payloader.payload(1168, &frame(1))[0][..],
            [0x90, 0x80, 0x80, 7, 0]
        );
    }
}
