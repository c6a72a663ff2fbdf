//! The clock of the pictures, as RTP and NTP have it. Pure.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// From NTP's epoch, 1900, to that of Unix (RFC 5905, figure 4).
const NTP_TO_UNIX_S: u64 = 2_208_988_800;

/// Ticks a second of RTP's clock for video (RFC 6184, section 5.1).
const VIDEO_RATE: u32 = 90_000;

/// A round trip that is longer is none: nobody drives over such a path, and the clocks of the middle
/// 32 bits wrap.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(10);

/// The monotonic clock, set to the time of day once, when it starts: receivers take a step of the time
/// of day, as a robot's clock makes when it hears of NTP, for delay.
#[derive(Clone, Copy, Debug)]
pub(in crate::video) struct MediaClock {
    start: Instant,
    start_ntp: u64,
    rtp_rate: u32,
}

impl MediaClock {
    /// One for video that starts now, by either clock.
    pub(in crate::video) fn new(start: Instant, wall: SystemTime) -> Self {
        let unix = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            start,
            start_ntp: fixed_point(unix).wrapping_add(NTP_TO_UNIX_S << 32),
            rtp_rate: VIDEO_RATE,
        }
    }

    /// The same with so many ticks a second of RTP's clock.
    pub(super) fn with_rate(self, rtp_rate: u32) -> Self {
        Self { rtp_rate, ..self }
    }

    /// As an NTP timestamp (RFC 3550, section 4): seconds, and 32 bits of their fraction.
    pub(super) fn ntp(&self, at: Instant) -> u64 {
        self.start_ntp.wrapping_add(fixed_point(self.elapsed(at)))
    }

    /// As an RTP timestamp.
    pub(super) fn rtp(&self, at: Instant) -> u32 {
        let ticks = self.elapsed(at).as_nanos() * u128::from(self.rtp_rate);
        wrapped(ticks.saturating_add(500_000_000) / 1_000_000_000)
    }

    /// The round trip of whoever says at `now` which sender report was the last they got, and how
    /// long ago (RFC 3550, section 6.4.1).
    pub(super) fn round_trip(&self, echo: Echo, now: Instant) -> Option<Duration> {
        let since = compact(self.ntp(now)).wrapping_sub(echo.last_sender_report);
        let ticks = since.wrapping_sub(echo.delay);
        let round_trip = Duration::from_nanos((u64::from(ticks) * 1_000_000_000) >> 16);
        (echo.last_sender_report != 0 && round_trip < LONGEST_ROUND_TRIP).then_some(round_trip)
    }

    fn elapsed(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.start)
    }
}

/// What a receiver report says of the last sender report, in 65536ths of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    pub last_sender_report: u32,
    pub delay: u32,
}

/// The middle 32 bits of an NTP timestamp.
pub(super) fn compact(ntp: u64) -> u32 {
    wrapped(u128::from(ntp >> 16))
}

/// A span in 65536ths of a second.
pub(super) fn compact_span(span: Duration) -> u32 {
    compact(fixed_point(span))
}

fn fixed_point(span: Duration) -> u64 {
    (span.as_secs() << 32) + (u64::from(span.subsec_nanos()) << 32) / 1_000_000_000
}

#[expect(clippy::cast_possible_truncation, reason = "these clocks wrap")]
fn wrapped(ticks: u128) -> u32 {
    ticks as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn both_clocks_say_the_same_moment() {
        let start = now();
        // 2026-11-21T00:00:00.250Z
        let clock = MediaClock::new(start, UNIX_EPOCH + ms(1_795_219_200_250));
        let seconds = 1_795_219_200 + 2_208_988_800_u64;
        for (after, ntp, rtp) in [
            (ms(0), (seconds << 32) + (1 << 30), 0),
            (ms(1), (seconds << 32) + (1 << 30) + 4_294_967, 90),
            (ms(750), (seconds + 1) << 32, 67_500),
            (ms(1033), ((seconds + 1) << 32) + 1_215_475_744, 92_970),
            (
                Duration::from_nanos(5_555),
                (seconds << 32) + (1 << 30) + 23_858,
                0,
            ),
            (
                Duration::from_nanos(5_556),
                (seconds << 32) + (1 << 30) + 23_862,
                1,
            ),
        ] {
            assert_eq!(clock.ntp(start + after), ntp, "{after:?}");
            assert_eq!(clock.rtp(start + after), rtp, "{after:?}");
        }
    }

    #[test]
    fn both_clocks_wrap() {
        let start = now();
        // NTP's first era ends on 2036-02-07T06:28:16Z.
        let era_end = (1 << 32) - NTP_TO_UNIX_S;
        let clock = MediaClock::new(start, UNIX_EPOCH + Duration::from_secs(era_end - 1));
        assert_eq!(clock.ntp(start) >> 32, u64::from(u32::MAX));
        assert_eq!(clock.ntp(start + ms(1500)), 1 << 31);
        let wrap = Duration::from_secs_f64(4_294_967_296.0 / 90_000.0);
        assert_eq!(clock.rtp(start + wrap + ms(1)), 90);
    }

    #[test]
    fn the_round_trip_is_what_the_receiver_did_not_wait() {
        let start = now();
        let clock = MediaClock::new(start, UNIX_EPOCH + ms(1_795_219_200_250));
        let sent = compact(clock.ntp(start));
        let echo = |last_sender_report, delay| Echo {
            last_sender_report,
            delay: compact_span(delay),
        };
        for (case, echo, after, expected) in [
            ("waited", echo(sent, ms(800)), ms(850), Some(50)),
            ("at once", echo(sent, ms(0)), ms(7), Some(7)),
            ("none yet", echo(0, ms(0)), ms(7), None),
            (
                "waited longer than it took",
                echo(sent, ms(60)),
                ms(50),
                None,
            ),
            ("of long ago", echo(sent, ms(0)), ms(10_001), None),
            ("nonsense", echo(sent ^ 0x5555_5555, ms(0)), ms(50), None),
        ] {
            let round_trip = clock.round_trip(echo, start + after);
            let rounded = round_trip.map(|trip| (trip.as_secs_f64() * 1000.0).round() as u64);
            assert_eq!(rounded, expected, "{case}: {round_trip:?}");
        }
    }
}
