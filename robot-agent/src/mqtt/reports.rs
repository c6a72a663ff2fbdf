//! What the robot sends: its reports, each of which the broker acknowledges.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rumqttc::{AsyncClient, QoS};
use tokio::sync::{Notify, watch};
use tracing::debug;

use super::connection::MqttState;
use super::round_trips::RoundTrips;
use crate::clock::now;

/// A report that is not acknowledged for so long went where no broker is any more: nobody who drives
/// waits longer, and a mobile network seldom lets anybody wait so long.
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How live the connection is, which reports show and actions need.
#[derive(Default)]
pub(super) struct Link {
    round_trips: Mutex<RoundTrips>,
    /// Another report is wanted, to have it acknowledged.
    pub(super) report: Notify,
}

impl Link {
    pub(super) fn round_trips(&self) -> MutexGuard<'_, RoundTrips> {
        self.round_trips
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a report is not acknowledged for too long.
    pub(super) async fn silent(&self) {
        while !self.round_trips().waits_for(SILENT_AFTER, now()) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Sends each new report while online, and the newest one on coming online. The broker
/// acknowledges them (QoS 1), as a round trip says how old what it sends can be.
pub(super) async fn publish(
    client: AsyncClient,
    topic: String,
    mut reports: watch::Receiver<Arc<str>>,
    mut state: watch::Receiver<MqttState>,
    link: Arc<Link>,
) {
    loop {
        let changed = tokio::select! {
            changed = reports.changed() => changed,
            changed = state.changed() => changed,
            () = link.report.notified() => Ok(()),
        };
        if changed.is_err() {
            // Nobody reports any more; the session goes on without.
            return std::future::pending().await;
        }
        if *state.borrow_and_update() != MqttState::Online {
            continue;
        }
        let report = reports.borrow_and_update().clone();
        if report.is_empty() {
            continue;
        }
        let now = now();
        match client.try_publish(&topic, QoS::AtLeastOnce, false, report.as_bytes()) {
            Ok(()) => link.round_trips().sent(now),
            Err(error) => debug!(%error, "a report is dropped: the connection takes no more"),
        }
    }
}
