//! Where one message ends and the next begins when STUN and TURN travel in a byte stream, TCP or
//! TLS, which has no datagrams (RFC 8489, section 6.2.2; RFC 8656, section 12.5). A STUN message
//! says its length; ChannelData does too, and is padded to a multiple of four bytes.

/// Of a STUN message, and the shortest one.
const STUN_HEADER_BYTES: usize = 20;

/// Of ChannelData: the number of the channel and the length of what follows.
const CHANNEL_DATA_HEADER_BYTES: usize = 4;

/// In every STUN message, from the fifth byte on.
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A method and class, of which this is the first byte: messages begin with two bits that are 0,
/// and no method that is known reaches this (RFC 7983, section 7).
const LAST_STUN: u8 = 3;

/// What came is neither STUN nor ChannelData, and there is no way to find the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what came begins no STUN message and no ChannelData")]
pub struct NotTurn;

/// Whether a stream that begins with `first` is one of STUN: one of TLS begins with 22, one of
/// HTTP with a letter.
pub fn is_stun(first: u8) -> bool {
    first <= LAST_STUN
}

/// Whether `message`, which came from a peer over the relay, may be lost as any datagram may.
pub fn is_relayed_data(message: &[u8]) -> bool {
    const DATA_INDICATION: &[u8] = &[0x00, 0x17];
    message.first().is_some_and(is_channel_data) || message.starts_with(DATA_INDICATION)
}

/// `message`, one datagram, as it travels in a stream.
pub fn framed(message: &[u8]) -> Result<Vec<u8>, NotTurn> {
    let (bytes, padded) = lengths(message)?.ok_or(NotTurn)?;
    // A datagram of ChannelData may have padding, too.
    if !(bytes..=padded).contains(&message.len()) {
        return Err(NotTurn);
    }
    let mut framed = message.to_vec();
    framed.resize(padded, 0);
    Ok(framed)
}

/// Takes a stream apart into datagrams. It holds no more than one message of 64 KiB and what
/// was pushed last.
#[derive(Debug, Default)]
pub struct Deframer {
    buffered: Vec<u8>,
}

impl Deframer {
    /// Adds what was read from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffered.extend_from_slice(bytes);
    }

    /// The next whole message, without padding; none until more is pushed. After an error there
    /// is nothing more to be had from this stream.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, NotTurn> {
        let Some((bytes, padded)) = lengths(&self.buffered)? else {
            return Ok(None);
        };
        if self.buffered.len() < padded {
            return Ok(None);
        }
        let mut message: Vec<u8> = self.buffered.drain(..padded).collect();
        message.truncate(bytes);
        Ok(Some(message))
    }
}

/// How long the message at the start of `stream` is, without and with padding; none while its
/// header has not come whole.
fn lengths(stream: &[u8]) -> Result<Option<(usize, usize)>, NotTurn> {
    let Some(first) = stream.first() else {
        return Ok(None);
    };
    let channel_data = is_channel_data(first);
    if !channel_data && !is_stun(*first) {
        return Err(NotTurn);
    }
    let &[_, _, high, low, ..] = stream else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if channel_data {
        let bytes = CHANNEL_DATA_HEADER_BYTES + length;
        return Ok(Some((bytes, bytes.next_multiple_of(4))));
    }
    let cookie = &stream[4..stream.len().min(8)];
    if length % 4 != 0 || !MAGIC_COOKIE.starts_with(cookie) {
        return Err(NotTurn);
    }
    let bytes = STUN_HEADER_BYTES + length;
    Ok(Some((bytes, bytes)))
}

/// Channels have the numbers 0x4000 to 0x4fff (RFC 8656, section 12).
fn is_channel_data(first: &u8) -> bool {
    matches!(first, 0x40..=0x4f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stun(method: u8, attributes: usize) -> Vec<u8> {
        let mut message = vec![0, method, 0, attributes as u8 * 4];
        message.extend(MAGIC_COOKIE);
        message.extend(vec![7; 12 + attributes * 4]);
        message
    }

    fn channel_data(bytes: usize) -> Vec<u8> {
        let mut message = vec![0x40, 1];
        message.extend((bytes as u16).to_be_bytes());
        message.extend(vec![9; bytes]);
        message
    }

    #[test]
    fn a_message_travels_with_what_fills_it_up_to_four_bytes() {
        for (message, on_the_way) in [
            (stun(1, 0), 20),
            (stun(3, 5), 40),
            (channel_data(0), 4),
            (channel_data(1), 8),
            (channel_data(4), 8),
            (channel_data(1200), 1204),
            (channel_data(65535), 65540),
        ] {
            let framed = framed(&message).unwrap();
            assert_eq!(framed.len(), on_the_way);
            let mut deframer = Deframer::default();
            deframer.push(&framed);
            assert_eq!(deframer.next_message(), Ok(Some(message)));
            assert_eq!(deframer.next_message(), Ok(None));
        }
    }

    #[test]
    fn padding_that_a_datagram_has_already_is_not_added_again() {
        let mut padded = channel_data(5);
        padded.extend([0; 3]);
        assert_eq!(framed(&padded).unwrap(), padded);
    }

    #[test]
    fn what_is_no_turn_is_told_as_early_as_it_can_be() {
        let mut other_cookie = stun(1, 0);
        other_cookie[7] = 0;
        for wrong in [
            &b"POST / HTTP/1.1"[..],
            &[0x16, 3, 1],
            &[0x50],
            &[0x80; 4],
            &[4; 4],
            &[0, 1, 0, 3],
            &[0, 1, 0, 0, 0x21, 0x13],
            &other_cookie,
        ] {
            let mut deframer = Deframer::default();
            deframer.push(wrong);
            assert_eq!(deframer.next_message(), Err(NotTurn), "{wrong:?}");
            assert_eq!(framed(wrong), Err(NotTurn), "{wrong:?}");
        }
        let mut longer = stun(1, 0);
        longer.extend([0; 4]);
        for no_datagram in [&b""[..], &[0, 1], &stun(1, 1)[..20], &longer] {
            assert_eq!(framed(no_datagram), Err(NotTurn), "{no_datagram:?}");
        }
    }

    #[test]
    fn only_what_a_peer_sent_may_be_lost() {
        let indication = stun(0x17, 2);
        assert!(is_relayed_data(&channel_data(3)) && is_relayed_data(&indication));
        for answer in [stun(1, 0), vec![1, 3], vec![]] {
            assert!(!is_relayed_data(&answer));
        }
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            (0u8..4, 0usize..60).prop_map(|(method, attributes)| stun(method, attributes)),
            (0usize..1500).prop_map(channel_data),
        ]
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_the_stream_is_cut(
            messages in prop::collection::vec(message(), 0..12),
            cuts in prop::collection::vec(1usize..700, 1..40),
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|one| framed(one).unwrap()).collect();
            let mut deframer = Deframer::default();
            let (mut out, mut rest, mut cuts) = (Vec::new(), &stream[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                deframer.push(now);
                while let Some(message) = deframer.next_message().unwrap() {
                    out.push(message);
                }
                rest = later;
            }
            prop_assert_eq!(out, messages);
        }

        #[test]
        fn no_stream_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut deframer = Deframer::default();
            deframer.push(&bytes);
            while let Ok(Some(message)) = deframer.next_message() {
                prop_assert!(message.len() >= CHANNEL_DATA_HEADER_BYTES);
            }
            let _ = framed(&bytes);
        }
    }
}
