//! What Mosquitto's own log lines mean, and at which level ours repeats them.

use tracing::{debug, warn};

/// A broker that may not read its configuration does not know why.
pub(super) fn explain(error: &str) -> String {
    if error.contains("Unable to open config file") {
        format!(
            "{error} Where AppArmor confines Mosquitto, as on Ubuntu from 25.04, /etc/apparmor.d/local/mosquitto must let it read the state folder."
        )
    } else {
        error.to_owned()
    }
}

/// Whether the broker says that it acts by what was written for it: it listens, or it reads
/// everything anew before it looks at another packet.
pub(super) fn is_applied(line: &str) -> bool {
    line.ends_with(" running") || line.ends_with("Reloading config.")
}

/// The port from which somebody has connected.
pub(super) fn connected_port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once(": New client connected from ")?;
    let (address, _) = rest.split_once(" as ")?;
    let (_, port) = address.rsplit_once(':')?;
    port.parse().ok()
}

/// Who has connected, or whose connection has ended, where a line tells of that.
pub(super) fn connection(line: &str) -> Option<(&str, bool)> {
    let (_, words) = line.split_once(": ")?;
    if let Some(rest) = words.strip_prefix("New client connected from ") {
        // Behind the address: `as NAME (p2, c1, k60, u'NAME').`
        let (_, rest) = rest.split_once(" as ")?;
        return Some((rest.split(' ').next()?, true));
    }
    let rest = (words.strip_prefix("Client ")).or(words.strip_prefix("Socket error on client "))?;
    let (name, what) = rest.split_once([' ', ','])?;
    let ended = what.contains("disconnect") || what.starts_with("closed its connection");
    ended.then_some((name, false))
}

/// The broker's own words, at the level they deserve; the last error is kept for the log
/// line that tells of its death.
pub(super) fn repeat(line: &str, last_error: &mut String) {
    // Lines begin with the time, which the log has already.
    let words = line.split_once(": ").map_or(line, |(_, words)| words);
    if words.starts_with("Error") || words.contains("error") {
        // The first line of several is the one that says why.
        if !words.starts_with("Error found at") {
            last_error.clear();
            last_error.push_str(words);
        }
        warn!(broker = words);
    } else if words.contains("already connected") {
        warn!(
            broker = words,
            "two programs have one certificate, or one program was faster than its own end: \
             each needs its own, of new-operator or new-robot"
        );
    } else if words.starts_with("Warning") {
        warn!(broker = words);
    } else {
        debug!(broker = words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_who_goes_is_read_from_the_log() {
        for (words, expected) in [
            (
                "New client connected from 127.0.0.1:41072 as rover (p2, c1, k60, u'rover').",
                Some(("rover", true)),
            ),
            (
                "New client connected from ::1:41072 as rover-2 (p5, c1, k5, u'rover-2').",
                Some(("rover-2", true)),
            ),
            ("Client rover disconnected.", Some(("rover", false))),
            (
                "Client rover closed its connection.",
                Some(("rover", false)),
            ),
            (
                "Client rover has exceeded timeout, disconnecting.",
                Some(("rover", false)),
            ),
            (
                "Socket error on client rover, disconnecting.",
                Some(("rover", false)),
            ),
            // Its next connection is told of afterwards.
            (
                "Client rover already connected, closing old connection.",
                None,
            ),
            ("New connection from 127.0.0.1:41072 on port 8883.", None),
            ("mosquitto version 2.0.11 running", None),
            ("New client connected from nowhere", None),
            ("Client", None),
            ("", None),
        ] {
            assert_eq!(connection(&format!("1764230000: {words}")), expected);
        }
    }

    #[test]
    fn the_port_of_who_comes_is_read_from_the_log() {
        let line = "1764230000: New client connected from 127.0.0.1:41072 as rover (p2, c1, k60).";
        assert_eq!(connected_port(line), Some(41_072));
        let earlier = "1764230000: New connection from 127.0.0.1:41072 on port 8883.";
        assert_eq!(connected_port(earlier), None);
    }
}
