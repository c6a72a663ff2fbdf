//! What a sender is told about its stream: receiver reports (RFC 3550, section 6.4.2), from which it learns
//! what was lost, and how to send. Pure.

use std::time::{Duration, Instant};

use webrtc::rtcp::receiver_report::ReceiverReport;
use webrtc::rtcp::reception_report::ReceptionReport;

use super::media_clock::{compact, compact_span};

/// How often a report is sent.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// A number that is further ahead than this is of another stream (RFC 3550, appendix A.1).
const MAX_DROPOUT: u16 = 3000;

/// Counts of one stream.
pub(super) struct ReceiverReports {
    ssrc: u32,
    rate: u32,
    counts: Option<Counts>,
    /// The middle of the last sender report's NTP timestamp, and when it came.
    sender_report: Option<(u32, Instant)>,
}

struct Counts {
    first: u32,
    /// With the wraps above its 16 bits.
    highest: u32,
    received: u32,
    /// At the last report.
    expected_then: u32,
    received_then: u32,
    /// When the last packet came and its timestamp.
    last: (Instant, u32),
    /// In ticks (RFC 3550, section 6.4.1).
    jitter: f64,
}

impl ReceiverReports {
    /// For the stream `ssrc`, with so many ticks a second.
    pub(super) fn new(ssrc: u32, rate: u32) -> Self {
        Self {
            ssrc,
            rate,
            counts: None,
            sender_report: None,
        }
    }

    /// A packet came.
    pub(super) fn count(&mut self, number: u16, timestamp: u32, now: Instant) {
        let rate = f64::from(self.rate);
        let goes_on = self.counts.as_mut().filter(|counts| counts.covers(number));
        match goes_on {
            Some(counts) => counts.take(number, timestamp, now, rate),
            None => self.counts = Some(Counts::new(number, timestamp, now)),
        }
    }

    /// A sender report came.
    pub(super) fn sender_report(&mut self, ntp: u64, now: Instant) {
        self.sender_report = Some((compact(ntp), now));
    }

    /// The report, of who has the stream `own`; none before anything came.
    pub(super) fn report(&mut self, own: u32, now: Instant) -> Option<ReceiverReport> {
        let counts = self.counts.as_mut()?;
        let expected = counts.highest.wrapping_sub(counts.first).wrapping_add(1);
        let lost = i64::from(expected) - i64::from(counts.received);
        let lately = expected.wrapping_sub(counts.expected_then);
        let came = counts.received.wrapping_sub(counts.received_then);
        let missing = lately.saturating_sub(came);
        let fraction = (u64::from(missing) * 256).checked_div(lately.into());
        (counts.expected_then, counts.received_then) = (expected, counts.received);
        let sender_report = self.sender_report;
        let report = ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction.unwrap_or_default()).unwrap_or(u8::MAX),
            // 24 bits with a sign: duplicates count back.
            total_lost: u32::try_from(lost.clamp(0, 0x7f_ffff)).unwrap_or_default(),
            last_sequence_number: counts.highest,
            jitter: counts.jitter as u32,
            last_sender_report: sender_report.map_or(0, |(ntp, _)| ntp),
            delay: sender_report.map_or(0, |(_, came)| {
                compact_span(now.saturating_duration_since(came))
            }),
        };
        Some(ReceiverReport {
            ssrc: own,
            reports: vec![report],
            ..ReceiverReport::default()
        })
    }
}

impl Counts {
    fn new(number: u16, timestamp: u32, now: Instant) -> Self {
        Self {
            first: number.into(),
            highest: number.into(),
            received: 1,
            expected_then: 0,
            received_then: 0,
            last: (now, timestamp),
            jitter: 0.0,
        }
    }

    /// Whether it goes on here, or a little behind.
    fn covers(&self, number: u16) -> bool {
        let ahead = self.ahead(number);
        ahead < MAX_DROPOUT || ahead.wrapping_neg() < MAX_DROPOUT
    }

    fn ahead(&self, number: u16) -> u16 {
        number.wrapping_sub(self.highest as u16)
    }

    fn take(&mut self, number: u16, timestamp: u32, now: Instant, rate: f64) {
        let ahead = self.ahead(number);
        if ahead < MAX_DROPOUT {
            self.highest = self.highest.wrapping_add(ahead.into());
        }
        self.received = self.received.wrapping_add(1);
        let (came, before) = self.last;
        let apart = now.saturating_duration_since(came).as_secs_f64() * rate;
        let sent_apart = f64::from(timestamp.wrapping_sub(before).cast_signed());
        self.jitter += ((apart - sent_apart).abs() - self.jitter) / 16.0;
        self.last = (now, timestamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn report(reports: &mut ReceiverReports, now: Instant) -> ReceptionReport {
        reports.report(9, now).unwrap().reports[0].clone()
    }

    #[test]
    fn what_is_missing_is_lost_and_the_fraction_is_of_the_time_since_the_last_report() {
        let start = now();
        let mut reports = ReceiverReports::new(7, 48_000);
        assert!(reports.report(9, start).is_none());
        for number in (0..100_u16).filter(|number| number % 4 != 3) {
            let wrapping = number.wrapping_add(65_500);
            let at = start + ms(20) * number.into();
            reports.count(wrapping, u32::from(number) * 960, at);
        }
        let first = report(&mut reports, start + ms(2000));
        assert_eq!((first.ssrc, first.total_lost), (7, 24));
        assert_eq!(first.last_sequence_number, 65_536 + 62);
        assert_eq!(first.fraction_lost, 62, "24 of 99");
        assert_eq!(first.jitter, 0);
        let second = report(&mut reports, start + ms(3000));
        assert_eq!((second.total_lost, second.fraction_lost), (24, 0));
    }

    #[test]
    fn the_last_sender_report_and_its_age_are_said() {
        let start = now();
        let mut reports = ReceiverReports::new(7, 48_000);
        reports.count(1, 0, start);
        reports.sender_report(0x0001_2345_6789_abcd, start);
        let said = report(&mut reports, start + ms(500));
        assert_eq!((said.last_sender_report, said.delay), (0x2345_6789, 0x8000));
    }

    #[test]
    fn packets_that_come_unevenly_are_jitter_and_a_jump_begins_anew() {
        let start = now();
        let mut reports = ReceiverReports::new(7, 48_000);
        for number in 0..200_u16 {
            let at = start + ms(20) * number.into() + ms(10) * (number % 2).into();
            reports.count(number, u32::from(number) * 960, at);
        }
        let uneven = report(&mut reports, start);
        assert!((470..=480).contains(&uneven.jitter), "{}", uneven.jitter);
        reports.count(30_000, 5, start);
        let anew = report(&mut reports, start);
        assert_eq!((anew.total_lost, anew.last_sequence_number), (0, 30_000));
        for random in (0..100_000_u32).map(|n| n.wrapping_mul(2_654_435_761)) {
            reports.count((random >> 16) as u16, random, start);
            reports.report(9, start);
        }
    }
}
