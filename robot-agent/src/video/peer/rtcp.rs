//! What a receiver reports: out of RTCP and into [`Feedback`].

use std::sync::Arc;

use tokio::sync::mpsc;
use webrtc::rtcp::extended_report::{ExtendedReport, ReceiverReferenceTimeReportBlock};
use webrtc::rtcp::packet::Packet;
use webrtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use webrtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use webrtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use webrtc::rtcp::receiver_report::ReceiverReport;
use webrtc::rtcp::reception_report::ReceptionReport;
use webrtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use webrtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use webrtc::rtp_transceiver::rtp_sender::RTCRtpSender;

use super::media_clock::Echo;
use super::sender_reports::ReferenceTime;
use super::transport_feedback;
use crate::video::bandwidth::TransportFeedback;

/// What the receiver says about the stream.
#[derive(Debug)]
pub(super) enum Feedback {
    /// These packets are missing.
    Nack(Vec<u16>),
    /// The share of packets lost since its last report, by its own count.
    Lost(f64),
    /// Its own estimate of the path, in kbit/s.
    Remb(f64),
    /// Which sender report it got last, and when: the robot's end of the round trip.
    Echo(Echo),
    /// Its own clock, for its end of the round trip.
    ReferenceTime(ReferenceTime),
    /// When which packets came.
    Transport(TransportFeedback),
    /// It cannot go on without a key frame: a PLI or FIR.
    NeedsKeyFrame,
}

/// Most packets taken from one NACK. A frame has a few dozen; a NACK for thousands cannot be
/// answered or is hostile.
const MAX_NACKED: usize = 256;

/// Unreadable RTCP in a row after which the reader gives up: the connection is gone or talks
/// nonsense.
const MAX_UNREADABLE: u32 = 100;

/// Fewer packets than this between two reports prove nothing about loss.
const MIN_PACKETS: u32 = 20;

/// Reads until the connection is gone. Without this loop nothing that the receiver says would
/// ever be seen.
pub(super) async fn read_feedback(
    sender: Arc<RTCRtpSender>,
    ssrc: u32,
    to: mpsc::Sender<Feedback>,
) {
    let mut counter = LossCounter {
        ssrc,
        ..LossCounter::default()
    };
    let mut unreadable = 0;
    while unreadable < MAX_UNREADABLE && !to.is_closed() {
        match sender.read_rtcp().await {
            Ok((packets, _)) => {
                unreadable = 0;
                for packet in &packets {
                    let read = [
                        counter.read(packet.as_ref()),
                        timing(packet.as_ref(), counter.ssrc),
                    ];
                    for feedback in read.into_iter().flatten() {
                        // A full queue means that newer feedback is on its way.
                        let _ = to.try_send(feedback);
                    }
                }
            }
            Err(webrtc::Error::ErrClosedPipe) => return,
            Err(error) => {
                unreadable += 1;
                tracing::debug!("unreadable RTCP: {error}");
            }
        }
    }
}

/// What it says of time.
pub(super) fn timing(packet: &(dyn Packet + Send + Sync), ssrc: u32) -> Option<Feedback> {
    let any = packet.as_any();
    if let Some(extended) = any.downcast_ref::<ExtendedReport>() {
        let reference = extended.reports.iter().find_map(|block| {
            let block: &ReceiverReferenceTimeReportBlock = block.as_any().downcast_ref()?;
            Some(ReferenceTime {
                ssrc: extended.sender_ssrc,
                ntp: block.ntp_timestamp,
            })
        });
        return reference.map(Feedback::ReferenceTime);
    }
    let report = about(any.downcast_ref()?, ssrc)?;
    Some(Feedback::Echo(Echo {
        last_sender_report: report.last_sender_report,
        delay: report.delay,
    }))
}

/// What the report says of this stream: one packet reports on sound too.
fn about(report: &ReceiverReport, ssrc: u32) -> Option<&ReceptionReport> {
    report.reports.iter().find(|report| report.ssrc == ssrc)
}

/// The receiver's counts at its last report.
#[derive(Default)]
pub(super) struct LossCounter {
    /// Of the stream.
    ssrc: u32,
    last: Option<(u32, i32)>,
}

impl LossCounter {
    pub(super) fn read(&mut self, packet: &(dyn Packet + Send + Sync)) -> Option<Feedback> {
        let any = packet.as_any();
        if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            let missing = nack.nacks.iter().flat_map(|pair| pair.packet_list());
            return Some(Feedback::Nack(missing.take(MAX_NACKED).collect()));
        }
        if let Some(report) = any.downcast_ref::<TransportLayerCc>() {
            return Some(Feedback::Transport(transport_feedback::read(report)));
        }
        if any.is::<PictureLossIndication>() || any.is::<FullIntraRequest>() {
            return Some(Feedback::NeedsKeyFrame);
        }
        if let Some(remb) = any.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
            let kbps = f64::from(remb.bitrate) / 1000.0;
            return (kbps.is_finite() && kbps > 0.0).then_some(Feedback::Remb(kbps));
        }
        self.loss(about(any.downcast_ref()?, self.ssrc)?)
            .map(Feedback::Lost)
    }

    /// Counted over the time between two reports, not taken from their own fraction: browsers
    /// send a report with every request for lost packets, and those are too short to mean
    /// anything.
    fn loss(&mut self, report: &ReceptionReport) -> Option<f64> {
        let highest = report.last_sequence_number;
        // 24 bits with a sign: repaired packets count back.
        let lost = (report.total_lost << 8).cast_signed() >> 8;
        let Some((last_highest, last_lost)) = self.last else {
            self.last = Some((highest, lost));
            return None;
        };
        let expected = highest.wrapping_sub(last_highest);
        if expected < MIN_PACKETS {
            return None;
        }
        self.last = Some((highest, lost));
        Some((f64::from(lost - last_lost) / f64::from(expected)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use webrtc::rtcp::transport_feedbacks::transport_layer_nack::NackPair;

    fn report(highest: u32, lost: u32) -> ReceiverReport {
        ReceiverReport {
            reports: vec![ReceptionReport {
                last_sequence_number: highest,
                total_lost: lost,
                ..ReceptionReport::default()
            }],
            ..ReceiverReport::default()
        }
    }

    fn share(feedback: Option<Feedback>) -> f64 {
        match feedback {
            Some(Feedback::Lost(share)) => share,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn loss_is_counted_between_reports_and_repaired_packets_count_back() {
        let mut counter = LossCounter::default();
        assert!(counter.read(&report(1000, 10)).is_none());
        assert!((share(counter.read(&report(1100, 20))) - 0.1).abs() < 1e-9);
        assert!(counter.read(&report(1110, 20)).is_none(), "too few to tell");
        let repaired = 0x00ff_fffe;
        assert!(share(counter.read(&report(1200, repaired))) < 1e-9);
        assert!((share(counter.read(&report(1300, 8))) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_report_echoes_ours_and_a_reference_time_is_the_receivers_own() {
        let mut report = report(1000, 10);
        report.reports[0].last_sender_report = 0x1234_5678;
        report.reports[0].delay = 0x8000;
        let echo = Echo {
            last_sender_report: 0x1234_5678,
            delay: 0x8000,
        };
        assert!(matches!(timing(&report, 0), Some(Feedback::Echo(said)) if said == echo));
        let own = ReferenceTime { ssrc: 9, ntp: 7 };
        let block = ReceiverReferenceTimeReportBlock { ntp_timestamp: 7 };
        let extended = |reports| ExtendedReport {
            sender_ssrc: 9,
            reports,
        };
        let asked = timing(&extended(vec![Box::new(block)]), 0);
        assert!(matches!(asked, Some(Feedback::ReferenceTime(said)) if said == own));
        for silent in [&ReceiverReport::default() as _, &extended(Vec::new()) as _] {
            assert!(timing(silent, 0).is_none());
        }
    }

    #[test]
    fn what_is_said_of_another_stream_is_not_taken_for_this_one() {
        let mut counter = LossCounter {
            ssrc: 7,
            ..LossCounter::default()
        };
        let of_both = |highest, of_sound| ReceiverReport {
            reports: [(9, of_sound), (7, highest)]
                .map(|(ssrc, last_sequence_number)| ReceptionReport {
                    ssrc,
                    last_sequence_number,
                    last_sender_report: ssrc,
                    ..ReceptionReport::default()
                })
                .to_vec(),
            ..ReceiverReport::default()
        };
        assert!(counter.read(&of_both(1000, 40_000)).is_none());
        assert!(share(counter.read(&of_both(1100, 40_001))) < 1e-9);
        let echo = timing(&of_both(1200, 1), 7);
        assert!(matches!(echo, Some(Feedback::Echo(said)) if said.last_sender_report == 7));
    }

    #[test]
    fn a_request_for_thousands_of_packets_is_cut_short() {
        let nack = TransportLayerNack {
            nacks: (0..1000)
                .map(|pair| NackPair {
                    packet_id: pair * 17,
                    lost_packets: 0xffff,
                })
                .collect(),
            ..TransportLayerNack::default()
        };
        match LossCounter::default().read(&nack) {
            Some(Feedback::Nack(numbers)) => assert_eq!(numbers.len(), MAX_NACKED),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_estimate_that_is_no_number_is_ignored() {
        for bitrate in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
            let remb = ReceiverEstimatedMaximumBitrate {
                bitrate,
                ..ReceiverEstimatedMaximumBitrate::default()
            };
            assert!(LossCounter::default().read(&remb).is_none(), "{bitrate}");
        }
    }
}
