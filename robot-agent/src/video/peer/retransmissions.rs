//! Requests that a client of TURN over UDP sends again because no answer has come yet. Pure.

use std::collections::VecDeque;

/// Where the transaction id of a STUN message is.
const TRANSACTION_ID: std::ops::Range<usize> = 8..20;

/// Requests that are remembered. A client has a few under way at once; each has seven tries.
const REMEMBERED: usize = 32;

/// The requests that were seen last.
#[derive(Debug, Default)]
pub(super) struct Retransmissions(VecDeque<[u8; 12]>);

impl Retransmissions {
    /// Whether `datagram` is a request that was seen before.
    pub(super) fn contain(&mut self, datagram: &[u8]) -> bool {
        let Some(id) = request_id(datagram) else {
            return false;
        };
        if self.0.contains(&id) {
            return true;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(id);
        false
    }
}

/// Of a STUN message whose class is request: both class bits are 0 (RFC 8489, section 5).
fn request_id(datagram: &[u8]) -> Option<[u8; 12]> {
    let id = datagram.get(TRANSACTION_ID)?;
    let is_request = datagram[0] & 0xc1 == 0 && datagram[1] & 0x10 == 0;
    is_request.then(|| id.try_into().expect("a range of twelve"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(typ: [u8; 2], id: u8) -> Vec<u8> {
        let mut message = vec![typ[0], typ[1], 0, 0, 0x21, 0x12, 0xa4, 0x42];
        message.extend([id; 12]);
        message
    }

    #[test]
    fn only_a_request_that_comes_again_is_a_retransmission() {
        let mut seen = Retransmissions::default();
        let (allocate, refresh) = (message([0, 3], 1), message([0, 4], 2));
        assert!(!seen.contain(&allocate) && !seen.contain(&refresh));
        assert!(seen.contain(&allocate) && seen.contain(&refresh));
        // Indications, answers and ChannelData are sent as often as they are meant.
        for other in [
            message([0, 0x16], 3),
            message([1, 3], 4),
            message([0x40, 1], 5),
        ] {
            assert!(!seen.contain(&other) && !seen.contain(&other), "{other:?}");
        }
        assert!(!seen.contain(&allocate[..19]) && !seen.contain(b""));
    }

    #[test]
    fn only_the_last_are_remembered() {
        let mut seen = Retransmissions::default();
        for id in 0..=REMEMBERED as u8 {
            assert!(!seen.contain(&message([0, 3], id)));
        }
        assert!(!seen.contain(&message([0, 3], 0)));
        assert!(seen.contain(&message([0, 3], REMEMBERED as u8)));
    }
}
