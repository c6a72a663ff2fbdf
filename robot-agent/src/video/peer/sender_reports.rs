//! What a receiver is told about the stream and its clock: sender reports (RFC 3550, section 6.4.1), and
//! answers to its own reference times (RFC 3611, section 4.5), from which one that sends nothing itself
//! learns the round trip. Pure.

use std::time::{Duration, Instant};

use bytes::Bytes;
use webrtc::rtcp::extended_report::{DLRRReport, DLRRReportBlock, ExtendedReport};
use webrtc::rtcp::packet::Packet;
use webrtc::rtcp::sender_report::SenderReport;
use webrtc::rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};

use super::media_clock::{MediaClock, compact, compact_span};

/// How often a report is sent. Browsers send theirs about as often; each has some hundred bytes.
const EVERY: Duration = Duration::from_secs(1);

/// Least time between two reports, however often a receiver asks for one: Chromium does with every report
/// of its own, up to ten times a second, but its first question is answered at once.
const AT_LEAST_BETWEEN: Duration = Duration::from_millis(500);

/// What a receiver says of its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReferenceTime {
    pub ssrc: u32,
    pub ntp: u64,
}

/// What is counted for the reports to one receiver.
pub(super) struct SenderReports {
    clock: MediaClock,
    packets: u32,
    octets: u32,
    reported: Option<Instant>,
    /// The newest that is not answered, and when it came.
    asked: Option<(ReferenceTime, Instant)>,
}

impl SenderReports {
    pub(super) fn new(clock: MediaClock) -> Self {
        Self {
            clock,
            packets: 0,
            octets: 0,
            reported: None,
            asked: None,
        }
    }

    /// A packet was sent, be it for the first time or again.
    pub(super) fn count(&mut self, payload_bytes: usize) {
        self.packets = self.packets.wrapping_add(1);
        let octets = u32::try_from(payload_bytes).unwrap_or_default();
        self.octets = self.octets.wrapping_add(octets);
    }

    /// A receiver wants to know how long it takes to here and back.
    pub(super) fn ask(&mut self, reference: ReferenceTime, now: Instant) {
        self.asked = Some((reference, now));
    }

    /// When the next report is to be sent; none before there is anything to report.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let after = match self.asked {
            Some(_) => AT_LEAST_BETWEEN,
            None => EVERY,
        };
        (self.packets > 0).then(|| self.reported.map_or(now, |reported| reported + after))
    }

    /// The report, as a compound packet.
    pub(super) fn report(&mut self, ssrc: u32, cname: &'static str, now: Instant) -> Vec<Report> {
        self.reported = Some(now);
        let mut compound: Vec<Report> = vec![
            Box::new(SenderReport {
                ssrc,
                ntp_time: self.clock.ntp(now),
                rtp_time: self.clock.rtp(now),
                packet_count: self.packets,
                octet_count: self.octets,
                ..SenderReport::default()
            }),
            Box::new(description(ssrc, cname)),
        ];
        if let Some((reference, came)) = self.asked.take() {
            let answer = DLRRReport {
                ssrc: reference.ssrc,
                last_rr: compact(reference.ntp),
                dlrr: compact_span(now.saturating_duration_since(came)),
            };
            let block = DLRRReportBlock {
                reports: vec![answer],
            };
            compound.push(Box::new(ExtendedReport {
                sender_ssrc: ssrc,
                reports: vec![Box::new(block)],
            }));
        }
        compound
    }
}

pub(super) type Report = Box<dyn Packet + Send + Sync>;

/// Every compound packet has a name for its source (RFC 3550, section 6.1).
fn description(ssrc: u32, cname: &'static str) -> SourceDescription {
    let item = SourceDescriptionItem {
        sdes_type: SdesType::SdesCname,
        text: Bytes::from_static(cname.as_bytes()),
    };
    SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: ssrc,
            items: vec![item],
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use std::time::UNIX_EPOCH;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn reports(start: Instant) -> SenderReports {
        SenderReports::new(MediaClock::new(start, UNIX_EPOCH + ms(1_795_219_200_250)))
    }

    const ASKED: ReferenceTime = ReferenceTime {
        ssrc: 9,
        ntp: 0x0001_2345_6789_abcd,
    };

    #[test]
    fn a_report_has_the_counts_and_one_moment_by_both_clocks() {
        let start = now();
        let mut reports = reports(start);
        reports.count(1000);
        reports.count(200);
        let at = start + ms(1500);
        let compound = reports.report(7, "robot", at);
        let sent = compound[0].as_any().downcast_ref::<SenderReport>().unwrap();
        assert_eq!((sent.ssrc, sent.rtp_time), (7, 135_000));
        assert_eq!(sent.ntp_time, reports.clock.ntp(at));
        assert_eq!((sent.packet_count, sent.octet_count), (2, 1200));
        let named = compound[1].as_any().downcast_ref::<SourceDescription>();
        assert_eq!(&named.unwrap().chunks[0].items[0].text[..], b"robot");
        assert_eq!(compound.len(), 2, "nobody asked");
    }

    #[test]
    fn a_reference_time_is_answered_once_with_the_time_it_waited() {
        let start = now();
        let mut reports = reports(start);
        reports.count(1);
        reports.ask(ASKED, start);
        let compound = reports.report(7, "robot", start + ms(500));
        let answer = DLRRReport {
            ssrc: 9,
            last_rr: 0x2345_6789,
            dlrr: 0x8000,
        };
        let expected = ExtendedReport {
            sender_ssrc: 7,
            reports: vec![Box::new(DLRRReportBlock {
                reports: vec![answer],
            })],
        };
        assert_eq!(compound[2].as_any().downcast_ref(), Some(&expected));
        assert_eq!(reports.report(7, "robot", start + ms(600)).len(), 2);
    }

    #[test]
    fn reports_come_every_second_and_sooner_for_who_asks_but_never_in_a_storm() {
        let start = now();
        let mut reports = reports(start);
        assert_eq!(reports.due(start), None, "nothing was sent");
        reports.count(1);
        assert_eq!(reports.due(start), Some(start));
        reports.report(7, "robot", start);
        assert_eq!(reports.due(start), Some(start + ms(1000)));
        let mut sent = 0;
        for at in (0..10_000).map(|at| start + ms(at)) {
            reports.ask(ASKED, at);
            if reports.due(at).is_some_and(|due| due <= at) {
                reports.report(7, "robot", at);
                sent += 1;
            }
        }
        assert_eq!(sent, 19);
    }
}
