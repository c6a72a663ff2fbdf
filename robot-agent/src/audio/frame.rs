//! How sound is measured in here: mono, 48 kHz, 20 ms at a time.

use std::time::Duration;

/// Samples a second of all sound in here, which is RTP's clock for Opus too (RFC 7587, section 4.1).
pub(crate) const RATE: u32 = 48_000;

/// How long a packet or a block of samples is: what browsers send, and what is heard as at once.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// Samples of one [`FRAME`].
pub(super) const FRAME_SAMPLES: usize = 960;
