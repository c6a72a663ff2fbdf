//! What others may send, for the fuzzer: each function takes any bytes, and panics where a promise is broken.

use std::path::Path;

use crate::{audio, video};

/// A session description.
pub fn offer(data: &[u8]) {
    video::fuzzing::offer(data);
}

/// RTCP, decrypted.
pub fn rtcp(data: &[u8]) {
    video::fuzzing::rtcp(data);
}

/// Packets of sound.
pub fn voice(data: &[u8]) {
    audio::fuzzing::voice(data);
}

/// `config.json`.
pub fn config(data: &[u8]) {
    if let Err(error) =
        crate::config::parse(&String::from_utf8_lossy(data), Path::new("config.json"))
    {
        assert!(!error.to_string().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use fuzz_inputs::short;

    #[test]
    fn no_input_breaks_a_promise() {
        short("robot_config", super::config);
        short("offer", super::offer);
        short("rtcp", super::rtcp);
        short("voice", super::voice);
    }
}
