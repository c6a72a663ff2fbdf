//! Notifies systemd: READY once the motor thread runs, WATCHDOG while its tick advances,
//! a line of status, STOPPING.
//!
//! Ready does not mean connected: a robot without a network is in order, and what it needs
//! is not a restart. A thread that hangs in a bus transfer is not in order: it cannot stop
//! the wheels, so the watchdog is not fed and systemd kills the process.

use std::time::Duration;

use daemon::systemd;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::motors::{self, Motors};
use crate::mqtt::MqttState;

/// How often the tick is looked at where systemd sets no watchdog, for the status line.
const UNWATCHED: Duration = Duration::from_secs(5);

/// How often the first tick is looked for: a start must not wait for a person to notice.
const STARTING: Duration = Duration::from_millis(10);

/// Notifies until `cancel`, and of the end then.
pub(crate) async fn run(
    motors: Motors,
    mut mqtt: watch::Receiver<MqttState>,
    cancel: CancellationToken,
) {
    let period = systemd::watchdog_interval().map_or(UNWATCHED, |interval| interval.max(STARTING));
    let mut changed = motors.changed();
    let mut tick = Tick::default();
    let mut ready = false;
    let mut shown = String::new();
    let mut pause = tokio::time::interval(STARTING);
    loop {
        // Only the interval judges the tick: between changes it need not have advanced.
        let due = tokio::select! {
            _ = pause.tick() => true,
            Ok(()) = mqtt.changed() => false,
            Ok(()) = changed.changed() => false,
            () = cancel.cancelled() => break,
        };
        let state = motors.state();
        if due && tick.advanced(state.tick) {
            if !ready {
                ready = true;
                systemd::ready();
                pause = tokio::time::interval(period);
                pause.reset();
            }
            systemd::feed_watchdog();
        }
        let status = status(&mqtt.borrow_and_update(), &state);
        if status != shown {
            systemd::status(&status);
            shown = status;
        }
    }
    systemd::stopping();
}

/// The last tick of the motor thread that was seen. Pure.
#[derive(Debug, Default)]
struct Tick(u64);

impl Tick {
    /// Whether the thread has turned since the last look.
    fn advanced(&mut self, tick: u64) -> bool {
        std::mem::replace(&mut self.0, tick) != tick
    }
}

/// One line for `systemctl status`.
fn status(mqtt: &MqttState, motors: &motors::State) -> String {
    let session = match mqtt {
        MqttState::Connecting => "connecting".to_owned(),
        MqttState::Online => "online".to_owned(),
        MqttState::Offline(reason) => format!("offline: {reason}"),
    };
    match &motors.fault {
        None => format!("{session}; {} works", motors.board),
        Some(fault) => format!("{session}; {} does not work: {fault}", motors.board),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_that_stands_still_feeds_nothing() {
        let mut tick = Tick::default();
        assert!(!tick.advanced(0));
        assert!(tick.advanced(1));
        assert!(!tick.advanced(1));
        assert!(tick.advanced(7));
    }
}
