//! The clock burned into the test picture: 32 blocks of 16×16 in the top rows of the luma
//! plane, the low 32 bits of the wall clock in milliseconds, the highest bit on the left,
//! white for one. It survives the encoder and can be read back from a browser's canvas.

/// Edge of a block: one macroblock, so that the encoder keeps it sharp.
pub(super) const BLOCK: usize = 16;
const BITS: usize = 32;

/// Narrowest picture that holds the clock.
pub(super) const WIDTH: usize = BITS * BLOCK;

const BLACK: u8 = 16;
const WHITE: u8 = 235;

/// Writes the clock into `luma`; a picture too small for it is left alone.
pub(super) fn burn(luma: &mut [u8], stride: usize, width: usize, unix_ms: u64) {
    if width < WIDTH || luma.len() < stride * (BLOCK - 1) + WIDTH {
        return;
    }
    for row in luma.chunks_mut(stride).take(BLOCK) {
        for (bit, block) in row[..WIDTH].chunks_exact_mut(BLOCK).enumerate() {
            let one = unix_ms >> (BITS - 1 - bit) & 1 == 1;
            block.fill(if one { WHITE } else { BLACK });
        }
    }
}

#[cfg(test)]
pub(crate) fn read(luma: &[u8], stride: usize) -> u32 {
    (0..BITS).fold(0, |value, bit| {
        let middle = luma[BLOCK / 2 * stride + bit * BLOCK + BLOCK / 2];
        value << 1 | u32::from(middle > (BLACK + WHITE) / 2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_burned_in_is_read_back() {
        let stride = WIDTH + 7;
        let mut luma = vec![99; stride * 20];
        burn(&mut luma, stride, WIDTH, 0x1_89ab_cdef);
        assert_eq!(read(&luma, stride), 0x89ab_cdef);
        assert_eq!(luma[WIDTH], 99, "nothing right of the clock is touched");
        assert_eq!(luma[stride * BLOCK], 99, "nothing below it either");
    }

    #[test]
    fn a_picture_too_small_for_the_clock_is_left_alone() {
        let mut luma = vec![99; 320 * 240];
        burn(&mut luma, 320, 320, 7);
        assert!(luma.iter().all(|pixel| *pixel == 99));
    }
}
