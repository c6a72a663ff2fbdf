//! Hexadecimal in lower case, as serial numbers, hashes and signatures are written.

pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `None` unless `text` is pairs of lower-case digits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_there_and_back() {
        assert_eq!(encode(&[0, 255, 16]), "00ff10");
        assert_eq!(decode("00ff10"), Some(vec![0, 255, 16]));
        for wrong in ["0", "0g", "FF", "ü"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
