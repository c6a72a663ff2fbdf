//! What the robot sends: its reports, each of which the broker acknowledges.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rumqttc::{AsyncClient, QoS};
use tokio::sync::{Notify, watch};
use tracing::debug;

use super::connection::MqttState;
use super::round_trips::RoundTrips;
use crate::clock::now;

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
