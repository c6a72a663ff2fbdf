//! The timestamp burned into the test picture: the low 32 bits of the wall clock in milliseconds,
//! the highest bit on the left, two grey blocks of 16×16 for each at the top of the picture:
//! white over black for one, black over white for zero. It survives the encoder and can be
//! read back from a browser's canvas, where a torn picture shows: both blocks of a bit differ.

/// Edge of a block: one macroblock, so that the encoder keeps it sharp.
const BLOCK: usize = 16;
const BITS: usize = 32;

/// The part of a picture that holds the timestamp.
const WIDTH: usize = BITS * BLOCK;
const HEIGHT: usize = 2 * BLOCK;

const BLACK: u8 = 16;
const WHITE: u8 = 235;
/// Chroma without colour.
const GREY: u8 = 128;

/// One plane of a picture: its bytes, and how many of them a line takes.
pub(super) type Plane<'a> = (&'a mut [u8], usize);

/// Writes the timestamp into the planes of an I420 picture; one too small for it is left alone.
pub(super) fn burn([luma, u, v]: [Plane; 3], width: usize, unix_ms: u64) {
    if width < WIDTH || luma.0.len() < luma.1 * HEIGHT {
        return;
    }
    for (y, row) in luma.0.chunks_mut(luma.1).take(HEIGHT).enumerate() {
        for (bit, block) in row[..WIDTH].chunks_exact_mut(BLOCK).enumerate() {
            let one = unix_ms >> (BITS - 1 - bit) & 1 == 1;
            block.fill(if one == (y < BLOCK) { WHITE } else { BLACK });
        }
    }
    for (chroma, stride) in [u, v] {
        for row in chroma.chunks_mut(stride).take(HEIGHT / 2) {
            row[..WIDTH / 2].fill(GREY);
        }
    }
}

/// What the timestamp shows; `None` where it is torn.
#[cfg(test)]
pub(crate) fn read(luma: &[u8], stride: usize) -> Option<u32> {
    const CLEAR: i32 = (WHITE - BLACK) as i32 / 2;
    (0..BITS).try_fold(0, |value, bit| {
        let middle = |y| i32::from(luma[y * stride + bit * BLOCK + BLOCK / 2]);
        let difference = middle(BLOCK / 2) - middle(BLOCK + BLOCK / 2);
        (difference.abs() > CLEAR).then_some(value << 1 | u32::from(difference > 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burned(width: usize, height: usize, unix_ms: u64) -> [Vec<u8>; 3] {
        let mut planes = [1, 2, 2].map(|share| vec![99; width / share * (height / share)]);
        let [luma, u, v] = &mut planes;
        burn(
            [(luma, width), (u, width / 2), (v, width / 2)],
            width,
            unix_ms,
        );
        planes
    }

    #[test]
    fn what_is_burned_in_is_read_back() {
        let [luma, u, _] = burned(WIDTH + 8, 48, 0x1_89ab_cdef);
        assert_eq!(read(&luma, WIDTH + 8), Some(0x89ab_cdef));
        assert_eq!(luma[WIDTH], 99, "nothing right of it is touched");
        assert_eq!(luma[(WIDTH + 8) * HEIGHT], 99, "nothing below it either");
        assert_eq!((u[0], u[WIDTH / 2]), (GREY, 99));
    }

    #[test]
    fn a_torn_timestamp_is_not_read() {
        let [mut torn, ..] = burned(WIDTH, 32, 0xffff);
        let [other, ..] = burned(WIDTH, 32, 0x0000);
        let half = WIDTH * BLOCK;
        torn[half..].copy_from_slice(&other[half..]);
        assert_eq!(read(&torn, WIDTH), None);
    }

    #[test]
    fn a_picture_too_small_for_the_timestamp_is_left_alone() {
        let planes = burned(320, 240, 7);
        assert!(planes.iter().flatten().all(|pixel| *pixel == 99));
    }
}
