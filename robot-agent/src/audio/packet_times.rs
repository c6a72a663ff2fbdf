//! When each packet of a recording was recorded. Pure.
//!
//! Listeners' jitter buffers take a timestamp that is one sample off for a gap, so packets of one
//! recording are exactly a frame apart, whatever the device's own stamps wobble by.

use std::time::{Duration, Instant};

use super::frame::FRAME;

/// From here on a device's stamp is believed: sound was really lost, or its clock has drifted so far.
const BELIEVED_FROM: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(super) struct PacketTimes {
    last: Option<(Duration, Instant)>,
}

impl PacketTimes {
    /// When the packet was recorded that the device stamped with `stamp`, a running time, and that comes
    /// at `now`.
    pub(super) fn captured(&mut self, stamp: Duration, now: Instant) -> Instant {
        let (stamp, captured) = match self.last {
            None => (stamp, now),
            Some((last, captured)) => {
                let passed = stamp.saturating_sub(last);
                let frames = (passed.as_secs_f64() / FRAME.as_secs_f64()).round();
                let regular = FRAME.mul_f64(frames.max(1.0));
                if regular.abs_diff(passed) < BELIEVED_FROM {
                    (last + regular, captured + regular)
                } else {
                    (stamp, captured + passed.max(FRAME))
                }
            }
        };
        self.last = Some((stamp, captured));
        captured
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn packets_are_a_frame_apart_and_silence_is_whole_frames() {
        let start = now();
        let mut times = PacketTimes::default();
        let stamps = [
            ms(7),
            ms(29),
            ms(46),
            Duration::from_nanos(67_000_013),
            ms(167),
        ];
        let captured = stamps.map(|stamp| times.captured(stamp, start) - start);
        assert_eq!(captured, [ms(0), ms(20), ms(40), ms(60), ms(160)]);
    }

    #[test]
    fn a_clock_that_drifts_is_followed_once_it_is_half_a_frame_off() {
        let start = now();
        let mut times = PacketTimes::default();
        times.captured(ms(0), start);
        let mut last = ms(0);
        for packet in 1..10_000_u32 {
            // One in a thousand, ten times what a sound card is off.
            let stamp = ms(20).mul_f64(f64::from(packet) * 1.001);
            let captured = times.captured(stamp, start) - start;
            assert!(captured > last);
            assert!(
                captured.abs_diff(stamp) < ms(31),
                "{captured:?} for {stamp:?}"
            );
            last = captured;
        }
    }
}
