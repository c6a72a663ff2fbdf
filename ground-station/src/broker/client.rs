//! The station's own MQTT client: actions out, telemetry in.
//!
//! An action is published with QoS 1 and counts as published when the broker has taken it.
//! What cannot be published now is refused, never kept: an action that waits for a broker to
//! come back would move a robot that nobody drives any more. So every connection has its own
//! client, and what was under way on the old one fails with it. A broker that lets an action
//! wait loses its connection: what has not left this process then never does, and what has is
//! too old for the robot.

use super::address::BrokerAddress;
use super::config::{MAX_PACKET_BYTES, OWN_NAME};
use crate::ca::{Ca, Purpose};
use crate::clock;
use anyhow::Context;
use bytes::Bytes;
use daemon::backoff::Backoff;
use rcgen::KeyPair;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, MqttOptions, NetworkOptions,
    Outgoing, Publish, QoS, StateError, TlsConfiguration, Transport,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Unacknowledged publishes at once; past that the broker is not keeping up, and whoever
/// drives had better be told.
const MAX_IN_FLIGHT: u16 = 100;

/// How long a publish may take before it is said to have failed: a robot's `drive.stale_ms`, a
/// second unless its owner wants another, and the quarter of a second by which it may think an
/// action younger than it is. So what is said to have failed is not obeyed any more, though a
/// broker that hung may deliver it yet.
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(1250);

/// On one machine or one LAN. A broker that hangs is noticed after twice this: soon enough for
/// whoever drives, late enough for a machine that is very busy.
const KEEP_ALIVE: Duration = Duration::from_secs(3);

/// rumqttc counts in whole seconds; a broker that takes longer to greet is not there. One that was
/// given up and then does not greet is noticed as soon as one that answers no ping.
const CONNECT_TIMEOUT_S: u64 = 4;

/// Waits between attempts to connect: our own broker is up within milliseconds of its start.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));

/// A wait this long means that attempts have failed for about as long: worth a warning.
const WORTH_A_WARNING: Duration = Duration::from_millis(500);

/// The certificate is made anew for every connection and lives in memory only; a connection
/// that stands is not checked again.
const CERTIFICATE_LIFETIME: time::Duration = time::Duration::days(2);

/// Telemetry waiting to be looked at: a second of a hundred robots.
pub(crate) const INBOX: usize = 1024;

/// Why an action did not reach the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unpublished {
    /// No connection.
    #[error("the MQTT broker is not connected: nothing was sent to the robot, try again soon")]
    Away,
    /// A connection, but no answer in time.
    #[error(
        "the MQTT broker did not take the action in time: it is not obeyed any more, try again soon"
    )]
    Slow,
}

/// Publishes; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Publisher {
    connection: Arc<Mutex<Option<Connection>>>,
}

/// What one connection has to send. The order of `unsent` is the order of the client's queue,
/// because both are filled under one lock.
struct Connection {
    client: AsyncClient,
    unsent: VecDeque<oneshot::Sender<()>>,
    /// Cancelled when the broker was too slow.
    given_up: CancellationToken,
}

impl Publisher {
    /// Publishes, and waits until the broker has taken it.
    ///
    /// # Errors
    /// [`Unpublished`]; whatever became of the action, no robot obeys it any more.
    pub(crate) async fn publish(&self, topic: String, payload: Vec<u8>) -> Result<(), Unpublished> {
        let (acknowledged, given_up) = {
            let mut connection = self.connection();
            let connection = connection.as_mut().ok_or(Unpublished::Away)?;
            let (acknowledge, acknowledged) = oneshot::channel();
            connection
                .client
                .try_publish(topic, QoS::AtLeastOnce, false, payload)
                .map_err(|_| Unpublished::Slow)?;
            connection.unsent.push_back(acknowledge);
            (acknowledged, connection.given_up.clone())
        };
        tokio::select! {
            // When its connection ends, an action that has been sent may still arrive.
            Ok(()) = acknowledged => Ok(()),
            () = tokio::time::sleep(PUBLISH_TIMEOUT) => {
                given_up.cancel();
                Err(Unpublished::Slow)
            }
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection().is_some()
    }

    fn connection(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client, connected until the station stops.
pub(crate) struct Client {
    /// A change is followed at the next connection.
    pub broker: watch::Receiver<BrokerAddress>,
    /// Signs our own certificate.
    pub ca: Arc<Ca>,
    /// Publishes through this client.
    pub publisher: Publisher,
    /// Telemetry: topic and payload.
    pub inbox: mpsc::Sender<(String, Bytes)>,
    pub connected: watch::Sender<bool>,
    /// Counted up when a broker that is there answers no more.
    pub silences: watch::Sender<u64>,
}

impl Client {
    /// Connects, again and again, until `shutdown`.
    ///
    /// # Errors
    /// When our own certificate cannot be made.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = RECONNECT;
        let mut warned = false;
        let mut timeouts = 0;
        loop {
            let broker = self.broker.borrow().clone();
            let (client, mut events) = self.connect(&broker)?;
            let given_up = CancellationToken::new();
            let outcome = tokio::select! {
                outcome = self.exchange(client, &mut events, &given_up) => outcome,
                () = given_up.cancelled() => Err(ConnectionError::NetworkTimeout),
                () = shutdown.cancelled() => Ok(()),
            };
            let was_connected = self.connected.send_replace(false);
            self.publisher.connection().take();
            drop(events);
            if shutdown.is_cancelled() {
                return Ok(());
            }
            if was_connected {
                backoff.reset();
                (warned, timeouts) = (false, 0);
            }
            let wait = backoff.next_wait(0.5);
            if let Err(error) = outcome {
                timeouts = if is_silence(&error) { timeouts + 1 } else { 0 };
                // One that starts may once be slow to greet, and one that is slow to take an
                // action is asked again.
                let asked_again = !was_connected || given_up.is_cancelled();
                if timeouts > 1 || timeouts == 1 && !asked_again {
                    self.silences.send_modify(|silences| *silences += 1);
                }
                // A broker that starts beside us is refused a few times; that is no news.
                if !warned && (was_connected || wait >= WORTH_A_WARNING) {
                    warn!(%broker, %error, "no MQTT connection; trying again");
                    warned = true;
                } else {
                    debug!(%broker, %error, "no MQTT connection");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }

    fn connect(&self, broker: &BrokerAddress) -> anyhow::Result<(AsyncClient, EventLoop)> {
        let mut options = MqttOptions::new(OWN_NAME, broker.connect_host(), broker.port);
        let max_packet = MAX_PACKET_BYTES as usize;
        options
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
                Arc::new(self.tls().context("our own certificate for the broker")?),
            )))
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(true)
            .set_inflight(MAX_IN_FLIGHT)
            .set_max_packet_size(max_packet, max_packet);
        let (client, mut events) = AsyncClient::new(options, usize::from(MAX_IN_FLIGHT));
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(CONNECT_TIMEOUT_S);
        events.set_network_options(network);
        Ok((client, events))
    }

    fn tls(&self) -> anyhow::Result<rustls::ClientConfig> {
        let key = KeyPair::generate()?;
        let certificate = self.ca.issue(
            OWN_NAME,
            &key,
            &Purpose::Client,
            CERTIFICATE_LIFETIME,
            clock::utc(),
        )?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca.der().clone())?;
        Ok(rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.pem.as_bytes())?],
                PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())?,
            )?)
    }

    /// One connection, from its first word to its last.
    async fn exchange(
        &self,
        client: AsyncClient,
        events: &mut EventLoop,
        given_up: &CancellationToken,
    ) -> Result<(), ConnectionError> {
        let mut unacknowledged: HashMap<u16, oneshot::Sender<()>> = HashMap::new();
        loop {
            match events.poll().await? {
                Event::Incoming(Incoming::ConnAck(_)) => {
                    // The queue is empty, so this cannot fail; if it does, nothing would be
                    // heard of the robots, and the connection is worth nothing.
                    client
                        .try_subscribe("+/telemetry", QoS::AtMostOnce)
                        .map_err(|_| ConnectionError::RequestsDone)?;
                    self.publisher.connection().replace(Connection {
                        client: client.clone(),
                        unsent: VecDeque::new(),
                        given_up: given_up.clone(),
                    });
                }
                Event::Incoming(Incoming::SubAck(_)) => {
                    info!(broker = %*self.broker.borrow(), "MQTT connected");
                    self.connected.send_replace(true);
                }
                Event::Outgoing(Outgoing::Publish(id)) => {
                    let mut connection = self.publisher.connection();
                    let sent = connection.as_mut().and_then(|c| c.unsent.pop_front());
                    if let Some(acknowledge) = sent {
                        unacknowledged.insert(id, acknowledge);
                    }
                }
                Event::Incoming(Incoming::PubAck(ack)) => {
                    if let Some(acknowledge) = unacknowledged.remove(&ack.pkid) {
                        // Whoever waited may have given up.
                        let _ = acknowledge.send(());
                    }
                }
                Event::Incoming(Incoming::Publish(publish)) => self.forward(publish),
                _ => {}
            }
        }
    }

    /// Never waits: telemetry that nobody has time for is replaced by the next anyway.
    fn forward(&self, publish: Publish) {
        if self
            .inbox
            .try_send((publish.topic, publish.payload))
            .is_err()
        {
            debug!("telemetry dropped: the inbox is full");
        }
    }
}

/// Whether the broker took a connection and then did not answer: the kernel takes connections for a
/// process that hangs, while one that is gone or that refuses says so.
fn is_silence(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::NetworkTimeout
            | ConnectionError::FlushTimeout
            | ConnectionError::MqttState(StateError::AwaitPingResp)
    )
}
