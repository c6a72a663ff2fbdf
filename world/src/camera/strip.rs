//! A part of the picture, column by column: as it is drawn. Written to the picture's rows at once, since a
//! picture's column has each of its pixels in another line of the processor's cache.

use super::{Columns, Frame};

/// Pairs of columns: as many as fill a line of the cache with luma.
pub(super) const STRIP: usize = 32;

/// Up to [`STRIP`] pairs of columns, each from the top.
pub(super) struct Strip {
    height: usize,
    luma: Vec<[u8; 2]>,
    chroma: Vec<[u8; 2]>,
}

impl Strip {
    /// For a picture so many pixels high.
    pub(super) fn new(height: usize) -> Self {
        Self {
            height,
            luma: vec![[0; 2]; STRIP * height],
            chroma: vec![[0; 2]; STRIP * height.div_ceil(2)],
        }
    }

    /// A pair of columns, to be drawn.
    pub(super) fn columns(&mut self, pair: usize) -> Columns<'_> {
        let (rows, half) = (self.height, self.height.div_ceil(2));
        Columns {
            luma: &mut self.luma[pair * rows..][..rows],
            chroma: &mut self.chroma[pair * half..][..half],
            drawn: rows,
        }
    }

    /// Copies the first `pairs` to the picture, where they begin at pair `left`.
    pub(super) fn put(&self, left: usize, pairs: usize, frame: &mut Frame) {
        let [luma, u, v] = &mut frame.planes;
        for row in 0..self.height {
            let out = &mut luma.0[row * luma.1 + left * 2..][..pairs * 2];
            let column = self.luma[row..].iter().step_by(self.height);
            for (out, pixels) in out.as_chunks_mut().0.iter_mut().zip(column) {
                *out = *pixels;
            }
        }
        let half = self.height.div_ceil(2);
        for row in 0..self.height / 2 {
            let u = &mut u.0[row * u.1 + left..][..pairs];
            let v = &mut v.0[row * v.1 + left..][..pairs];
            let column = self.chroma[row..].iter().step_by(half);
            for ((u, v), chroma) in u.iter_mut().zip(v).zip(column) {
                [*u, *v] = *chroma;
            }
        }
    }
}
