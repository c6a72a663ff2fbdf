//! What a viewer is told about the stream and its clock.

use std::time::UNIX_EPOCH;

use webrtc::rtcp::extended_report::{
    DLRRReport, DLRRReportBlock, ExtendedReport, ReceiverReferenceTimeReportBlock,
};
use webrtc::rtcp::receiver_report::ReceiverReport;
use webrtc::rtcp::reception_report::ReceptionReport;
use webrtc::rtcp::sender_report::SenderReport;

use super::super::peer::header_extensions::ABS_CAPTURE_TIME;
use super::*;
use crate::clock::wall;

/// Seconds of an NTP timestamp.
fn seconds(ntp: u64) -> f64 {
    ntp as f64 / f64::from(2_u32).powi(32)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_give_the_moment_by_the_clock_of_the_packets_and_by_that_of_their_capture() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::with_extensions("anna", &[ABS_CAPTURE_TIME]).await;
    task.connect(&viewer).await;
    let first: SenderReport = viewer.next_rtcp().await;
    let second: SenderReport = viewer.next_rtcp().await;
    let apart = seconds(second.ntp_time) - seconds(first.ntp_time);
    assert!(apart > 0.9, "{apart} s between two reports");
    let ticks = f64::from(second.rtp_time.wrapping_sub(first.rtp_time));
    assert!((ticks / 90_000.0 - apart).abs() < 1e-4, "{first} {second}");
    assert!(second.packet_count > first.packet_count && second.octet_count > first.octet_count);
    let unix = wall().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let said = seconds(second.ntp_time) - 2_208_988_800.0;
    assert!((unix - said).abs() < 10.0, "{said} is not now");
    let mut compared = 0;
    while compared < 5 {
        let header = viewer.next_packet().await.header;
        assert_eq!(header.ssrc, second.ssrc);
        let Some(captured) = header.get_extension(1) else {
            continue;
        };
        let captured = seconds(u64::from_be_bytes(captured[..8].try_into().unwrap()));
        let ticks = second.rtp_time.wrapping_sub(header.timestamp).cast_signed();
        let by_rtp = seconds(second.ntp_time) - f64::from(ticks) / 90_000.0;
        assert!((by_rtp - captured).abs() < 1e-3, "{by_rtp} {captured}");
        compared += 1;
    }
    task.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_says_its_own_time_learns_how_long_the_robot_held_it() {
    let mut task = VideoTask::start(config());
    let mut viewer = Viewer::new("anna").await;
    task.connect(&viewer).await;
    let stream = viewer.next_rtcp::<SenderReport>().await.ssrc;
    for (own, ntp) in [(9, 0x0001_2345_6789_abcd), (11, 0xffff_8765_4321_0000)] {
        let report = ReceiverReport {
            ssrc: own,
            reports: vec![ReceptionReport {
                ssrc: stream,
                ..ReceptionReport::default()
            }],
            ..ReceiverReport::default()
        };
        let reference = ReceiverReferenceTimeReportBlock { ntp_timestamp: ntp };
        let extended = ExtendedReport {
            sender_ssrc: own,
            reports: vec![Box::new(reference)],
        };
        let compound = [Box::new(report) as _, Box::new(extended) as _];
        viewer.peer.write_rtcp(&compound).await.unwrap();
        let answer: ExtendedReport = viewer.next_rtcp().await;
        let block: &DLRRReportBlock = answer.reports[0].as_any().downcast_ref().unwrap();
        let [
            DLRRReport {
                ssrc,
                last_rr,
                dlrr,
            },
        ] = block.reports[..]
        else {
            panic!("{block:?}");
        };
        assert_eq!((ssrc, last_rr), (own, ((ntp >> 16) & 0xffff_ffff) as u32));
        assert!(f64::from(dlrr) / 65_536.0 < 1.1, "{dlrr}");
    }
    task.stop().await;
}
