//! The MQTT session: connects with the robot's certificate, hands every action to whoever
//! asked for it the moment it is read, and sends reports.
//!
//! It does not know what a motor is, and no queue stands between the socket and the
//! function that gets the actions. `run` in `lib.rs` calls it; `check` makes its own short
//! session from the same options.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, Packet,
    Publish, QoS, SubAck, SubscribeReasonCode, TlsConfiguration, Transport,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use wire::{Action, telemetry, topic};

pub mod backoff;
pub mod certificates;
pub mod endpoint;
pub mod loss;
pub mod rejected;

pub use certificates::Certificates;
pub use endpoint::Endpoint;

use backoff::{Backoff, Ending};
use rejected::{Complaints, Line};

/// Largest packet that is read: AWS' payload limit of 128 KiB and room for the topic. A
/// larger one ends the session, so this is far above [`wire::action::MAX_BYTES`].
const MAX_PACKET_BYTES: usize = 160 * 1024;

/// Requests waiting for the socket: one subscription, one goodbye, a few reports. Reports
/// that do not fit are dropped; the next one says it all again.
const REQUESTS: usize = 8;

/// How long connecting, the TLS handshake and the broker's welcome may take together: a
/// Pi Zero on a weak network needs a few seconds.
const CONNECT_SECONDS: u64 = 10;

/// How long the goodbye may take; then the last will says it.
const GOODBYE: Duration = Duration::from_secs(1);

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
        ends.reports,
        ends.state.subscribe(),
    );
    let mut session = Session {
        action_topic: topic::action(&settings.robot),
        settings,
        client,
        on_action: ends.on_action,
        state: ends.state,
        rejected: ends.rejected,
        reconnects: ends.reconnects,
        backoff: Backoff::default(),
        complaints: Complaints::default(),
        connected: None,
        connections: 0,
    };
    tokio::select! {
        () = session.run(&mut events, &cancel) => {}
        () = publisher => {}
    }
}

/// A client and its event loop, with everything set but not yet connected.
pub fn connection(settings: &Settings, certificates: &Certificates) -> (AsyncClient, EventLoop) {
    let endpoint = &settings.endpoint;
    let mut options = MqttOptions::new(&settings.robot, &endpoint.host, endpoint.port);
    let alpn: &[&[u8]] = if endpoint.alpn {
        &[endpoint::ALPN_MQTT]
    } else {
        &[]
    };
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
            certificates.client_config(alpn),
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

struct Session {
    settings: Settings,
    action_topic: String,
    client: AsyncClient,
    on_action: Box<dyn FnMut(Action) + Send>,
    state: watch::Sender<State>,
    rejected: Arc<AtomicU64>,
    reconnects: Arc<AtomicU64>,
    backoff: Backoff,
    complaints: Complaints,
    /// When the broker welcomed us; none while not connected.
    connected: Option<Instant>,
    connections: u64,
}

impl Session {
    #[expect(
        clippy::disallowed_methods,
        reason = "this loop owns the session's clock"
    )]
    async fn run(&mut self, events: &mut EventLoop, cancel: &CancellationToken) {
        let mut cancelled = pin!(cancel.cancelled());
        loop {
            // Only the goodbye drops `poll`: a dropped attempt to connect starts anew.
            let event = tokio::select! {
                event = events.poll() => event,
                () = &mut cancelled => return self.goodbye(events).await,
            };
            let ended = match event {
                Ok(event) => self.handle(event, Instant::now()),
                Err(error) => {
                    self.hear_the_last_words(events, Instant::now());
                    Some(self.ended(&error))
                }
            };
            let Some(ended) = ended else { continue };
            // A refused subscription leaves a connection that is of no use.
            events.clean();
            let wait = self.lost(ended, Instant::now());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = &mut cancelled => return,
            }
        }
    }

    /// Does what `event` asks for; says why the session is of no use when it is not.
    fn handle(&mut self, event: Event, now: Instant) -> Option<Ended> {
        match event {
            Event::Incoming(Packet::Publish(message)) => self.received(&message, now),
            Event::Incoming(Packet::ConnAck(_)) => self.welcomed(now),
            Event::Incoming(Packet::SubAck(answer)) => return self.subscribed(&answer),
            _ => {}
        }
        None
    }

    fn welcomed(&mut self, now: Instant) {
        self.connected = Some(now);
        self.connections += 1;
        if self.connections > 1 {
            self.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        // The queue is empty on a new connection, so there is room for this request.
        if let Err(error) = self
            .client
            .try_subscribe(&self.action_topic, QoS::AtLeastOnce)
        {
            error!(%error, "cannot ask for actions");
        }
    }

    fn subscribed(&mut self, answer: &SubAck) -> Option<Ended> {
        if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
            return Some(Ended {
                reason: format!(
                    "the broker does not let this certificate read {}",
                    self.action_topic
                ),
                by_broker: false,
            });
        }
        info!(broker = %self.settings.endpoint, topic = %self.action_topic, "online");
        self.state.send_replace(State::Online);
        None
    }

    fn received(&mut self, message: &Publish, now: Instant) {
        if message.topic != self.action_topic {
            debug!(topic = %message.topic, "a message nobody asked for is ignored");
            return;
        }
        if message.retain {
            return self.complain(
                now,
                "it is retained, and a retained action never moves a robot",
            );
        }
        match Action::from_json(&message.payload) {
            Ok(action) => (self.on_action)(action),
            Err(rejected) => {
                self.rejected.fetch_add(1, Ordering::Relaxed);
                self.complain(now, &rejected.to_string());
            }
        }
    }

    /// What was read together with the end of the connection is still in the library's
    /// buffer. Left there, it would move the robot after the next connect.
    fn hear_the_last_words(&mut self, events: &mut EventLoop, now: Instant) {
        for event in std::mem::take(&mut events.state.events) {
            self.handle(event, now);
        }
    }

    fn ended(&self, error: &ConnectionError) -> Ended {
        let by_broker = loss::is_by_broker(error);
        let subscribing = self.connected.is_some() && *self.state.borrow() != State::Online;
        let reason = if subscribing && by_broker {
            format!(
                "the broker closed the connection when asked for {}: its policy probably does \
                 not let this certificate subscribe",
                self.action_topic
            )
        } else {
            loss::reason(error)
        };
        Ended { reason, by_broker }
    }

    fn complain(&mut self, now: Instant, reason: &str) {
        let topic = &self.action_topic;
        match self.complaints.next(now) {
            Line::Silent => {}
            Line::Log => warn!(%topic, reason, "message rejected"),
            Line::LogAfter(more) => {
                warn!(%topic, reason, "message rejected, and {more} before it");
            }
        }
    }

    /// Says how the session ended; returns how long to wait before the next attempt.
    fn lost(&mut self, ended: Ended, now: Instant) -> Duration {
        let was_online = *self.state.borrow() == State::Online;
        let ending = match self.connected.take() {
            Some(since) if was_online => Ending::Lost {
                lived: now.saturating_duration_since(since),
                by_broker: ended.by_broker,
            },
            _ => Ending::NeverConnected,
        };
        let retry = self.backoff.after(ending, rand::random());
        let Ended { mut reason, .. } = ended;
        if let Some(times) = retry.thrown_out {
            reason.push_str(&format!(
                ", {times} times in a row: another client probably connects as {:?}, but only \
                 one may use a name and its certificate",
                self.settings.robot
            ));
        }
        let (broker, retry_s) = (&self.settings.endpoint, retry.wait.as_secs_f32());
        warn!(%broker, reason, "offline; next attempt in {retry_s:.1} s");
        self.state.send_replace(State::Offline(reason));
        retry.wait
    }

    /// The last report and a proper end, so that the last will is not needed.
    async fn goodbye(&mut self, events: &mut EventLoop) {
        if self.connected.is_none() {
            return;
        }
        let topic = topic::telemetry(&self.settings.robot);
        let asked = self
            .client
            .try_publish(topic, QoS::AtMostOnce, false, telemetry::OFFLINE)
            .and_then(|()| self.client.try_disconnect());
        if asked.is_err() {
            return;
        }
        let said = async {
            while let Ok(event) = events.poll().await {
                if matches!(event, Event::Outgoing(rumqttc::Outgoing::Disconnect)) {
                    break;
                }
            }
        };
        if tokio::time::timeout(GOODBYE, said).await.is_err() {
            debug!("the broker did not take the goodbye; the last will says it");
        }
    }
}

/// Why a session is over.
struct Ended {
    reason: String,
    by_broker: bool,
}
