//! The MQTT session: connects with the robot's certificate, calls a function with every action
//! the moment it is read, and sends reports.
//!
//! It does not know what a motor is, and no queue stands between the socket and the function
//! that gets the actions.
//!
//! - [`connection`]: one connection, with everything set; [`transport`]: what it goes by.
//! - [`session`]: one connection after the other.
//! - [`reports`]: what it sends.
//! - [`round_trips`]: how old what it receives can be.
//! - [`reconnect`]: how long to wait between them.
//! - [`disconnect`]: why one ended, in words.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub(crate) mod connection;
pub(crate) mod disconnect;
mod reconnect;
mod reports;
mod round_trips;
mod session;
mod transport;

pub use connection::{MqttConfig, MqttState};
pub use session::MqttIo;

use crate::certificates::Certificates;
use connection::Connection;
use reports::Link;
use session::Session;

/// Keeps the session up until `cancel`, then disconnects.
pub async fn run(
    config: MqttConfig,
    certificates: Certificates,
    io: MqttIo,
    cancel: CancellationToken,
) {
    let (client, mut connection) = Connection::prepare(&config, &certificates);
    let link = Arc::<Link>::default();
    let publisher = reports::publish(
        client.clone(),
        config.telemetry_topic(),
        io.reports.clone(),
        io.state.subscribe(),
        link.clone(),
    );
    let mut session = Session::new(config, client, io, link);
    tokio::select! {
        () = session.run(&mut connection, &cancel) => {}
        () = publisher => {}
    }
}
