//! Why an offer is refused.

/// Longest offer that is read. The service carries 10 kB; a browser's has 3 to 8.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// Most media sections. A viewer needs two, video and data; one that also talks and shows itself
/// has four, and sections are never taken out of an offer again.
pub(in crate::video::peer) const MAX_SECTIONS: usize = 16;

/// Why an offer is refused, in words for whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("an offer has at most {MAX_BYTES} bytes, this has {0}")]
    TooLong(usize),
    #[error("the offer is no session description: {0}")]
    NotSdp(String),
    #[error("the offer has no video section")]
    NoVideo,
    #[error("an offer has at most {MAX_SECTIONS} media sections, this has {0}")]
    TooManySections(usize),
    #[error("the offer's video section does not receive: it must be recvonly or sendrecv")]
    DoesNotReceive,
    #[error(
        "this viewer takes neither of the codecs that the robot sends: its offer needs H.264 with \
         packetization-mode=1, of baseline, main or high profile, or VP8 (it has {0})"
    )]
    NoCodec(String),
    #[error(
        "this viewer does not take H.264 video, and the robot has no encoder of VP8, which would do as \
         well: robot-agent check says what to install"
    )]
    NoVp8Encoder,
    #[error("the codec of a connection cannot change: connect anew")]
    OtherCodec,
    #[error("the offer has no {0}")]
    Missing(&'static str),
}

/// The library repeats what it cannot read.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN_CHARS: usize = 120;
    text.escape_debug().take(SHOWN_CHARS).collect()
}
