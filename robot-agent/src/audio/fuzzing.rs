//! What a viewer says, for the fuzzer.

use std::time::Duration;

use bytes::Bytes;

use super::jitter_buffer::{JitterBuffer, VoicePacket};

/// The longest that packets may be held back, by far.
const BOUND: Duration = Duration::from_secs(1);

/// Packets of sound as they come, seven bytes each: how far their stream, number and time are from those before,
/// how long it took, and the first of what is encoded; what is held back stays bounded.
pub(crate) fn voice(data: &[u8]) {
    let mut buffer = JitterBuffer::default();
    let mut now = crate::clock::now();
    let (mut sequence_number, mut timestamp) = (0_u16, 0_u32);
    for part in data.as_chunks::<7>().0 {
        let [ssrc, number, ticks_high, ticks_low, late, first, second] = *part;
        sequence_number = sequence_number.wrapping_add_signed(i16::from(number as i8) * 3);
        timestamp =
            timestamp.wrapping_add(u32::from(u16::from_be_bytes([ticks_high, ticks_low])) * 4);
        let packet = VoicePacket {
            ssrc: u32::from(ssrc % 3),
            sequence_number,
            timestamp,
            payload: Bytes::copy_from_slice(&[first, second, 0]),
        };
        buffer.receive(packet, now);
        now += Duration::from_millis(u64::from(late));
        buffer.next(now);
        assert!(buffer.delay() < BOUND, "{:?}", buffer.delay());
    }
}
