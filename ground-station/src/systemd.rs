//! What systemd is told of the station; nothing happens where it does not run.

use sd_notify::NotifyState;
use std::time::Duration;
use tracing::debug;

/// How often [`feed_watchdog`] must be called, if at all: half of what systemd allows, as
/// sd_watchdog_enabled(3) recommends.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

pub(crate) fn feed_watchdog() {
    notify(NotifyState::Watchdog);
}

/// Everything listens.
pub(crate) fn ready() {
    notify(NotifyState::Ready);
}

pub(crate) fn stopping() {
    notify(NotifyState::Stopping);
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!(%error, "systemd cannot be notified");
    }
}
