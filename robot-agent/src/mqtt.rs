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
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::debug;

pub(crate) mod connection;
pub(crate) mod disconnect;
mod reconnect;
mod session;

pub use connection::{MqttConfig, MqttState};
pub use session::MqttIo;

use crate::certificates::Certificates;
use session::Session;

/// Keeps the session up until `cancel`, then disconnects.
pub async fn run(
    config: MqttConfig,
    certificates: Certificates,
    io: MqttIo,
    cancel: CancellationToken,
) {
    let (client, mut events) = connection::prepare(&config, &certificates);
    let publisher = publish_reports(
        client.clone(),
        config.telemetry_topic(),
        io.reports.clone(),
        io.state.subscribe(),
    );
    let mut session = Session::new(config, client, io);
    tokio::select! {
        () = session.run(&mut events, &cancel) => {}
        () = publisher => {}
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
