//! One connection to the broker: what it takes, and how it is. `session` keeps one up; `check`
//! makes a short one from the same options.

use std::path::PathBuf;
use std::time::Duration;

use rumqttc::{
    AsyncClient, EventLoop, LastWill, MqttOptions, NetworkOptions, QoS, TlsConfiguration, Transport,
};
use wire::{telemetry, topic};

use crate::certificates::Certificates;
use crate::endpoint::Endpoint;

/// Largest packet that is read: AWS' payload limit of 128 KiB and room for the topic. A
/// larger one ends the session, so this is far above [`wire::action::MAX_BYTES`].
const MAX_PACKET_BYTES: usize = 160 * 1024;

/// Requests waiting for the socket: one subscription, one disconnect, a few reports. Reports
/// that do not fit are dropped; the next one says it all again.
const REQUESTS: usize = 8;

/// How long connecting, the TLS handshake and the broker's CONNACK may take together: a
/// Pi Zero on a weak network needs a few seconds.
const CONNECT_SECONDS: u64 = 10;

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

/// A client and its event loop, with everything set but not yet connected.
pub(crate) fn prepare(
    config: &MqttConfig,
    certificates: &Certificates,
) -> (AsyncClient, EventLoop) {
    let endpoint = &config.endpoint;
    let mut options = MqttOptions::new(&config.robot, &endpoint.host, endpoint.port);
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
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            certificates.client_config(endpoint.alpn_protocols()),
        )));
    let (client, mut events) = AsyncClient::new(options, REQUESTS);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_SECONDS);
    events.set_network_options(network);
    (client, events)
}
