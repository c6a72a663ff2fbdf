//! Reads when packets came out of transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1). Pure.

use webrtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};

use crate::video::bandwidth::TransportFeedback;

/// Packets taken from one report. Browsers send twenty reports a second.
const MAX_PACKETS: usize = 2048;

/// The unit of the reference time, in µs.
const REFERENCE_US: i64 = 64_000;

/// What it says. What it has too few times for counts as missing.
pub(super) fn read(report: &TransportLayerCc) -> TransportFeedback {
    let packets = usize::from(report.packet_status_count).min(MAX_PACKETS);
    let symbols = report.packet_chunks.iter().flat_map(symbols).take(packets);
    let mut us = i64::from(report.reference_time) * REFERENCE_US;
    let mut deltas = report.recv_deltas.iter();
    let received_us = symbols.map(|symbol| match symbol {
        SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => {
            us += deltas.next()?.delta;
            Some(us)
        }
        SymbolTypeTcc::PacketNotReceived | SymbolTypeTcc::PacketReceivedWithoutDelta => None,
    });
    TransportFeedback {
        first: report.base_sequence_number,
        received_us: received_us.collect(),
    }
}

fn symbols(chunk: &PacketStatusChunk) -> Box<dyn Iterator<Item = SymbolTypeTcc> + '_> {
    match chunk {
        PacketStatusChunk::RunLengthChunk(run) => {
            let length = usize::from(run.run_length);
            Box::new(std::iter::repeat_n(run.packet_status_symbol, length))
        }
        PacketStatusChunk::StatusVectorChunk(vector) => {
            Box::new(vector.symbol_list.iter().copied())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use webrtc::util::Unmarshal;

    /// The draft's layout, written by hand.
    fn report(chunks: &[u16], deltas: &[u8], count: u16) -> TransportLayerCc {
        let mut bytes = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        bytes.extend(65_534_u16.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.extend([0, 0, 2, 0]);
        chunks
            .iter()
            .for_each(|chunk| bytes.extend(chunk.to_be_bytes()));
        bytes.extend(deltas);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes[3] = u8::try_from(bytes.len() / 4 - 1).unwrap();
        TransportLayerCc::unmarshal(&mut &bytes[..]).unwrap()
    }

    #[test]
    fn a_run_of_packets_comes_at_the_reference_time_and_the_deltas_after_it() {
        // Three packets with small deltas: T = 0, S = 01, run length 3.
        let feedback = read(&report(&[0x2003], &[4, 8, 0], 3));
        assert_eq!(feedback.first, 65_534);
        let came = [129_000, 131_000, 131_000];
        assert_eq!(feedback.received_us, came.map(Some));
    }

    #[test]
    fn a_vector_tells_the_missing_from_those_that_came_late_or_before_others() {
        // T = 1, S = 1: seven symbols of two bits, 01 00 10 01 00 00 00; four packets are meant.
        let vector = 0b1101_0010_0100_0000;
        let feedback = read(&report(&[vector], &[4, 0xff, 0xfc, 4], 4));
        let came = [Some(129_000), None, Some(128_000), Some(129_000)];
        assert_eq!(feedback.received_us, came);
    }

    #[test]
    fn a_run_without_end_is_cut_short() {
        let feedback = read(&report(&[0x1fff; 8], &[0; 4], 65_000));
        assert_eq!(feedback.received_us, vec![None; MAX_PACKETS]);
    }
}
