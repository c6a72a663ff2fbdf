//! What a packet of Opus says of itself (RFC 6716, section 3.1): how long it is. Pure.

/// Longest packet, in samples: 120 ms.
const MAX_SAMPLES: usize = 5760;

/// Its length in samples at 48 kHz; none if it is no packet of Opus.
pub(super) fn samples(packet: &[u8]) -> Option<usize> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        // SILK: 10, 20, 40, 60 ms.
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config % 4)],
        // Hybrid: 10, 20 ms.
        config @ 12..16 => [480, 960][usize::from(config % 2)],
        // CELT: 2.5, 5, 10, 20 ms.
        config => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(packet.get(1)? & 0x3f),
    };
    let samples = frame * frames;
    (1..=MAX_SAMPLES).contains(&samples).then_some(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_all_frames() {
        for (packet, expected) in [
            (&[0x08][..], Some(960)),
            (&[0x78], Some(960)),
            (&[0xf8], Some(960)),
            (&[0xe0], Some(120)),
            (&[0x19], Some(5760)),
            (&[0xfb, 3], Some(2880)),
            (&[0xfb, 7], None),
            (&[0xfb, 0], None),
            (&[0xfb], None),
            (&[], None),
        ] {
            assert_eq!(samples(packet), expected, "{packet:x?}");
        }
    }
}
