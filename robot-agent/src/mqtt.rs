//! The MQTT session: connects with the robot's certificate, hands every action to whoever
//! asked for it the moment it is read, and sends reports.
//!
//! It does not know what a motor is, and no queue stands between the socket and the
//! function that gets the actions. `run` in `lib.rs` calls it; `check` makes its own short
//! session from the same options.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rumqttc::{
    AsyncClient, EventLoop, LastWill, MqttOptions, NetworkOptions, QoS, TlsConfiguration, Transport,
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use wire::{Action, telemetry, topic};

pub mod backoff;
pub mod endpoint;
pub mod rejected;
mod session;

pub use endpoint::Endpoint;

use crate::address;
use crate::certificates::Certificates;
use session::Session;

/// Largest packet that is read: AWS' payload limit of 128 KiB and room for the topic. A
/// larger one ends the session, so this is far above [`wire::action::MAX_BYTES`].
const MAX_PACKET_BYTES: usize = 160 * 1024;

/// Requests waiting for the socket: one subscription, one goodbye, a few reports. Reports
/// that do not fit are dropped; the next one says it all again.
const REQUESTS: usize = 8;

/// How long connecting, the TLS handshake and the broker's welcome may take together: a
/// Pi Zero on a weak network needs a few seconds.
const CONNECT_SECONDS: u64 = 10;

/// What the session needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The robot's name: client id, and first level of its topics.
    pub robot: String,
    /// The broker.
    pub endpoint: Endpoint,
    /// The longest silence before the broker is asked whether it is there.
    pub keep_alive: Duration,
    /// Folder with `cacert.pem`, `certificate.pem` and `private.pem.key`.
    pub certs: PathBuf,
}

/// How the session is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The first attempt is under way.
    #[default]
    Connecting,
    /// Connected and subscribed.
    Online,
    /// Not connected; the reason in words.
    Offline(String),
}

/// What the session shares with the rest of the robot.
pub struct Ends {
    /// Called with every action, from the loop that reads the socket: it must not block.
    pub on_action: Box<dyn FnMut(Action) + Send>,
    /// The newest report; sent when it changes, while online.
    pub reports: watch::Receiver<Arc<str>>,
    /// How the session is.
    pub state: watch::Sender<State>,
    /// Raised for every payload that is no action.
    pub rejected: Arc<AtomicU64>,
    /// Raised for every connection after the first.
    pub reconnects: Arc<AtomicU64>,
}

/// Keeps the session up until `cancel`, then says goodbye.
pub async fn run(
    settings: Settings,
    certificates: &Certificates,
    ends: Ends,
    cancel: CancellationToken,
) {
    let (client, mut events) = connection(&settings, certificates);
    let publisher = publish(
        client.clone(),
        topic::telemetry(&settings.robot),
        ends.reports.clone(),
        ends.state.subscribe(),
    );
    let stranded = Arc::new(Notify::new());
    let state = ends.state.subscribe();
    let lookout = look_out(settings.endpoint.clone(), state, Arc::clone(&stranded));
    let mut session = Session::new(settings, client, ends, stranded);
    tokio::select! {
        () = session.run(&mut events, &cancel) => {}
        () = publisher => {}
        () = lookout => {}
    }
}

/// Rings when this machine, while online, loses the address from which it reaches the broker.
async fn look_out(endpoint: Endpoint, mut state: watch::Receiver<State>, stranded: Arc<Notify>) {
    loop {
        if state.wait_for(|now| *now == State::Online).await.is_err() {
            return std::future::pending().await;
        }
        let lost = async {
            match address::towards(&endpoint.host, endpoint.port).await {
                Some(own) => address::lost(own).await,
                None => std::future::pending().await,
            }
        };
        let mut over = state.clone();
        tokio::select! {
            () = lost => stranded.notify_one(),
            _ = over.wait_for(|now| *now != State::Online) => {}
        }
        // What was told may take a moment to be heard.
        let _ = state.wait_for(|now| *now != State::Online).await;
    }
}

/// A client and its event loop, with everything set but not yet connected.
pub fn connection(settings: &Settings, certificates: &Certificates) -> (AsyncClient, EventLoop) {
    let endpoint = &settings.endpoint;
    let mut options = MqttOptions::new(&settings.robot, &endpoint.host, endpoint.port);
    options
        .set_clean_session(true)
        .set_keep_alive(settings.keep_alive)
        .set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES)
        .set_last_will(LastWill::new(
            topic::telemetry(&settings.robot),
            telemetry::OFFLINE,
            QoS::AtLeastOnce,
            false,
        ))
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            certificates.client_config(endpoint.protocols()),
        )));
    let (client, mut events) = AsyncClient::new(options, REQUESTS);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_SECONDS);
    events.set_network_options(network);
    (client, events)
}

/// Sends each new report while online, and the newest one on coming online.
async fn publish(
    client: AsyncClient,
    topic: String,
    mut reports: watch::Receiver<Arc<str>>,
    mut state: watch::Receiver<State>,
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
        if *state.borrow_and_update() != State::Online {
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
