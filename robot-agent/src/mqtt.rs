//! The MQTT session: connects with the robot's certificate, calls a function with every action
//! the moment it is read, and sends reports.
//!
//! It does not know what a motor is, and no queue stands between the socket and the function
//! that gets the actions.
//!
//! - [`connection`]: one connection, with everything set.
//! - [`session`]: one connection after the other.
//! - [`reconnect`]: how long to wait between them.
//! - [`disconnect`]: why one ended, in words.

use std::sync::Arc;

use rumqttc::{AsyncClient, QoS};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use wire::topic;

pub(crate) mod connection;
pub(crate) mod disconnect;
mod reconnect;
mod session;

pub use connection::{MqttConfig, MqttState};
pub use session::MqttIo;

use crate::address;
use crate::certificates::Certificates;
use crate::endpoint::Endpoint;
use session::Session;

/// Keeps the session up until `cancel`, then disconnects.
pub async fn run(
    config: MqttConfig,
    certificates: &Certificates,
    io: MqttIo,
    cancel: CancellationToken,
) {
    let (client, mut events) = connection::prepare(&config, certificates);
    let publisher = publish_reports(
        client.clone(),
        topic::telemetry(&config.robot),
        io.reports.clone(),
        io.state.subscribe(),
    );
    let address_lost = Arc::new(Notify::new());
    let watcher = watch_address(
        config.endpoint.clone(),
        io.state.subscribe(),
        Arc::clone(&address_lost),
    );
    let mut session = Session::new(config, client, io, address_lost);
    tokio::select! {
        () = session.run(&mut events, &cancel) => {}
        () = publisher => {}
        () = watcher => {}
    }
}

/// Sends each new report while online, and the newest one on coming online.
async fn publish_reports(
    client: AsyncClient,
    topic: String,
    mut reports: watch::Receiver<Arc<str>>,
    mut state: watch::Receiver<MqttState>,
) {
    loop {
        let changed = tokio::select! {
            changed = reports.changed() => changed,
            changed = state.changed() => changed,
        };
        if changed.is_err() {
            // Nobody reports any more; the session goes on without.
            return std::future::pending().await;
        }
        if *state.borrow_and_update() != MqttState::Online {
            continue;
        }
        let report = reports.borrow_and_update().clone();
        if !report.is_empty()
            && let Err(error) =
                client.try_publish(&topic, QoS::AtMostOnce, false, report.as_bytes())
        {
            debug!(%error, "a report is dropped: the connection takes no more");
        }
    }
}

/// Notifies when this machine, while online, loses the address from which it reaches the broker.
async fn watch_address(
    broker: Endpoint,
    mut state: watch::Receiver<MqttState>,
    address_lost: Arc<Notify>,
) {
    let is_online = |state: &MqttState| *state == MqttState::Online;
    loop {
        if state.wait_for(is_online).await.is_err() {
            return std::future::pending().await;
        }
        let lost = async {
            match address::towards(&broker.host, broker.port).await {
                Some(own) => address::lost(own).await,
                None => std::future::pending().await,
            }
        };
        let mut offline = state.clone();
        tokio::select! {
            () = lost => address_lost.notify_one(),
            _ = offline.wait_for(|state| !is_online(state)) => {}
        }
        // The session may take a moment to notice.
        let _ = state.wait_for(|state| !is_online(state)).await;
    }
}
