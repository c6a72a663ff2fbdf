//! What the owner of the robot allows.

/// Between which rates the encoder may run, in kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::video) struct Limits {
    /// Below this a picture is of no use for driving; the path must bear it.
    pub floor_kbps: u32,
    /// What the owner allows, and where every viewer begins.
    pub ceiling_kbps: u32,
}

impl Limits {
    pub(super) fn clamp(self, kbps: f64) -> f64 {
        kbps.clamp(f64::from(self.floor_kbps), f64::from(self.ceiling_kbps))
    }
}
