//! One connection to the broker: what it takes, and how it is. `session` keeps one up; `check`
//! makes a short one from the same options.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, QoS,
};
use wire::{telemetry, topic};

use super::transport::Transport;
use crate::certificates::Certificates;
use crate::endpoint::Endpoint;
use crate::happy_eyeballs::Attempt;

/// Largest packet that is read: AWS' payload limit of 128 KiB and room for the topic. A
/// larger one ends the session, so this is far above [`wire::action::MAX_BYTES`].
const MAX_PACKET_BYTES: usize = 160 * 1024;

/// Requests waiting for the socket: one subscription, one disconnect, a few reports. Reports
/// that do not fit are dropped; the next one says it all again.
const REQUESTS: usize = 8;

/// How long the broker may take for its CONNACK, and to take what is written.
const ANSWER_SECONDS: u64 = 5;

/// How long the broker may take to close after a DISCONNECT.
const FINISH_LIMIT: Duration = Duration::from_millis(500);

/// What a session needs to know.
#[derive(Clone, Debug)]
pub struct MqttConfig {
    /// The robot's name: client id, and first level of its topics.
    pub robot: String,
    /// The broker.
    pub endpoint: Endpoint,
    /// The longest silence before the broker is asked whether it is there.
    pub keep_alive: Duration,
    /// Folder with `cacert.pem`, `certificate.pem` and `private.pem.key`.
    pub certs: PathBuf,
}

impl MqttConfig {
    /// Where the robot's actions come from.
    pub(crate) fn action_topic(&self) -> String {
        topic::action(&self.robot)
    }

    /// Where its reports go.
    pub(super) fn telemetry_topic(&self) -> String {
        topic::telemetry(&self.robot)
    }
}

/// How the session is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MqttState {
    /// The first attempt is under way.
    #[default]
    Connecting,
    /// Connected and subscribed.
    Online,
    /// Not connected; the reason in words.
    Offline(String),
}

/// A session's connection: the library, and what it speaks by.
pub(crate) struct Connection {
    config: MqttConfig,
    events: EventLoop,
    transport: Transport,
    local: Option<IpAddr>,
    unreachable: Vec<Attempt>,
}

/// Why there is no connection, or no more.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The network's, or TLS'.
    Io(io::Error),
    Library(ConnectionError),
}

impl Connection {
    /// Everything is set, and nothing is connected yet.
    pub(crate) fn prepare(config: &MqttConfig, certificates: &Certificates) -> (AsyncClient, Self) {
        let (client, mut events) = AsyncClient::new(options(config, ""), REQUESTS);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(ANSWER_SECONDS);
        events.set_network_options(network);
        let connection = Self {
            config: config.clone(),
            events,
            transport: Transport::new(&config.endpoint, certificates),
            local: None,
            unreachable: Vec::new(),
        };
        (client, connection)
    }

    /// The next event; connects first where there is no connection. What it had begun to connect
    /// begins again when it is dropped.
    pub(crate) async fn poll(&mut self) -> Result<Event, Failure> {
        if self.events.network.is_none() {
            let opened = self.transport.open().await.map_err(Failure::Io)?;
            self.local = opened.local;
            self.unreachable = opened.failed;
            self.events.mqtt_options = options(&self.config, &opened.socket);
        }
        let event = self.events.poll().await;
        event.map_err(|error| match self.transport.failure() {
            Some(error) => Failure::Io(error),
            None => Failure::Library(error),
        })
    }

    /// This machine's address, on which it stands.
    pub(super) fn local(&self) -> Option<IpAddr> {
        self.local
    }

    /// The broker's addresses that were tried in vain for it.
    pub(crate) fn unreachable(&self) -> &[Attempt] {
        &self.unreachable
    }

    /// What was read and not handed out yet.
    pub(super) fn take_buffered(&mut self) -> VecDeque<Event> {
        std::mem::take(&mut self.events.state.events)
    }

    /// Drops it.
    pub(super) fn close(&mut self) {
        self.events.clean();
        self.transport.close();
    }

    /// Ends it once everything written has left.
    pub(crate) async fn finish(&mut self) {
        self.events.clean();
        let _ = tokio::time::timeout(FINISH_LIMIT, self.transport.finish()).await;
        self.transport.close();
    }
}

/// For the library, which connects to `socket`.
fn options(config: &MqttConfig, socket: &str) -> MqttOptions {
    let mut options = MqttOptions::new(&config.robot, socket, config.endpoint.port);
    options
        .set_clean_session(true)
        .set_keep_alive(config.keep_alive)
        .set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES)
        .set_last_will(LastWill::new(
            config.telemetry_topic(),
            telemetry::OFFLINE,
            QoS::AtLeastOnce,
            false,
        ))
        .set_transport(rumqttc::Transport::unix());
    options
}
