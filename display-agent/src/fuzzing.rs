//! What others may send, for the fuzzer: each function takes any bytes, and panics where a promise is broken.

use crate::bitmap::Picture;

/// The answer of the Mars API.
pub fn mars_answer(data: &[u8]) {
    if let Err(reason) = crate::mars::answer::read(data) {
        assert!(!reason.is_empty());
    }
}

/// A picture as BMP.
pub fn bitmap(data: &[u8]) {
    if let Ok(picture) = Picture::from_bmp(data) {
        assert!(!picture.rgb().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use fuzz_inputs::short;

    #[test]
    fn no_input_breaks_a_promise() {
        short("mars_answer", super::mars_answer);
        short("bitmap", super::bitmap);
    }
}
