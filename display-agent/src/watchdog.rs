//! What systemd is told: ready, alive, stopping, and one line of status.
//!
//! A no-op without systemd. The loop that calls it decides whether "alive" is true.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// How often to say that all is well: half of what systemd allows; `None` if nobody waits for it.
pub fn period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2)
}

/// The first page is on the screen, or everything was done to get it there.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Still at work.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// About to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "systemd does not listen");
    }
}
