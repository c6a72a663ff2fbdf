//! What systemd is told; nothing happens where it does not run. The loop that calls it decides
//! whether the watchdog is fed.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// How often [`feed_watchdog`] must be called, if at all: half of what systemd allows, as
/// sd_watchdog_enabled(3) recommends.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

/// Still at work.
pub fn feed_watchdog() {
    notify(NotifyState::Watchdog);
}

/// The start is over.
pub fn ready() {
    notify(NotifyState::Ready);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    notify(NotifyState::Status(line));
}

/// About to end.
pub fn stopping() {
    notify(NotifyState::Stopping);
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!(%error, "systemd cannot be notified");
    }
}
