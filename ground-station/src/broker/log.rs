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
