//! Colours as video knows them: BT.601, luma 16 to 235, chroma around 128.

/// Luma and both chroma, not yet rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Yuv {
    pub(crate) y: f32,
    pub(crate) u: f32,
    pub(crate) v: f32,
}

impl Yuv {
    /// Of red, green and blue, 0 to 1 each (ITU-R BT.601, studio range).
    pub(crate) const fn rgb(red: f32, green: f32, blue: f32) -> Self {
        Self {
            y: 16.0 + 65.5 * red + 128.6 * green + 25.0 * blue,
            u: 128.0 - 37.8 * red - 74.2 * green + 112.0 * blue,
            v: 128.0 + 112.0 * red - 93.8 * green - 18.2 * blue,
        }
    }

    pub(crate) fn mix(self, to: Self, share: f32) -> Self {
        Self {
            y: self.y + (to.y - self.y) * share,
            u: self.u + (to.u - self.u) * share,
            v: self.v + (to.v - self.v) * share,
        }
    }

    /// The same surface under another light; 1 is its own.
    pub(crate) fn lit(self, light: f32) -> Self {
        Self {
            y: 16.0 + (self.y - 16.0) * light,
            u: 128.0 + (self.u - 128.0) * light,
            v: 128.0 + (self.v - 128.0) * light,
        }
    }

    pub(crate) fn bytes(self) -> [u8; 3] {
        [self.y as u8, self.u as u8, self.v as u8]
    }
}
