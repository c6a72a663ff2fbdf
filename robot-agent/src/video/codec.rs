//! The codecs in which pictures are sent. H.264 is the rule: one encoder for all, and most computers
//! decode it in hardware. VP8 is for viewers that have no H.264.

/// How a picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// RFC 6184.
    H264,
    /// RFC 7741.
    Vp8,
}

impl Codec {
    /// All, that which is preferred first.
    pub(super) const ALL: [Self; 2] = [Self::H264, Self::Vp8];

    /// The encoding name in `a=rtpmap`; its clock rate is 90 kHz.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::Vp8 => "VP8",
        }
    }
}
