//! One connection after the other: what arrives, how each ends, and when the next begins.
//! Everything that the log says about MQTT is said here.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use daemon::log_limit::LogLimiter;
use rumqttc::{AsyncClient, Event, Packet, Publish, QoS, SubAck, SubscribeReasonCode};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use wire::{Action, telemetry};

use super::connection::{Connection, Failure, MqttConfig, MqttState};
use super::disconnect;
use super::reconnect::{Ending, ReconnectPolicy};
use super::reports::Link;
use super::round_trips::RoundTrips;
use crate::address;
use crate::clock::now;

/// How long disconnecting may take; then the last will says it.
const DISCONNECT_LIMIT: Duration = Duration::from_secs(1);

/// A person can read so many lines about rejected messages in [`REJECTED_PERIOD`]; more would
/// only push out other lines.
const REJECTED_LINES: u32 = 5;
const REJECTED_PERIOD: Duration = Duration::from_secs(10);

/// Why a connection is given up whose broker acknowledges nothing any more.
const SILENT: &str = "the broker has gone silent: it acknowledges no report";

/// What the session shares with the rest of the robot.
pub struct MqttIo {
    /// Called with every action, from the loop that reads the socket: it must not block.
    /// The moment is the earliest at which the broker can have sent it, where that is known.
    pub on_action: Box<dyn FnMut(Action, Option<Instant>) + Send>,
    /// The newest report; sent when it changes, while online.
    pub reports: watch::Receiver<Arc<str>>,
    /// How the session is.
    pub state: watch::Sender<MqttState>,
    /// Raised for every payload that is no action.
    pub rejected: Arc<AtomicU64>,
    /// Raised for every connection after the first.
    pub reconnects: Arc<AtomicU64>,
}

pub(super) struct Session {
    config: MqttConfig,
    action_topic: String,
    client: AsyncClient,
    io: MqttIo,
    link: Arc<Link>,
    policy: ReconnectPolicy,
    rejected_log: LogLimiter,
    /// None while not connected.
    connected_since: Option<Instant>,
    connections: u64,
    /// Done, with the reason, when the connection is dead and the library does not know it yet.
    dead: Pin<Box<dyn Future<Output = &'static str> + Send>>,
}

impl Session {
    pub(super) fn new(
        config: MqttConfig,
        client: AsyncClient,
        io: MqttIo,
        link: Arc<Link>,
    ) -> Self {
        Self {
            action_topic: config.action_topic(),
            config,
            client,
            io,
            link,
            policy: ReconnectPolicy::default(),
            rejected_log: LogLimiter::new(REJECTED_LINES, REJECTED_PERIOD),
            connected_since: None,
            connections: 0,
            dead: Box::pin(std::future::pending()),
        }
    }

    pub(super) async fn run(&mut self, connection: &mut Connection, cancel: &CancellationToken) {
        let mut cancelled = pin!(cancel.cancelled());
        loop {
            // Only ends drop `poll`: a dropped attempt to connect begins again.
            let event = tokio::select! {
                event = connection.poll() => Ok(event),
                reason = &mut self.dead => Err(reason),
                () = &mut cancelled => return self.disconnect(connection).await,
            };
            let end = match event {
                Ok(Ok(event)) => self.handle(event, connection.local(), now()),
                Ok(Err(error)) => {
                    self.handle_buffered(connection, now());
                    Some(self.end_of(&error))
                }
                Err(reason) => {
                    self.handle_buffered(connection, now());
                    Some(SessionEnd {
                        reason: reason.to_owned(),
                        by_broker: false,
                    })
                }
            };
            let Some(end) = end else { continue };
            // A refused subscription leaves a connection that is of no use.
            connection.close();
            self.dead = Box::pin(std::future::pending());
            let wait = self.disconnected(end, now());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = &mut cancelled => return,
            }
        }
    }

    /// Does what `event` asks for; says why the session is of no use when it is not.
    fn handle(&mut self, event: Event, local: Option<IpAddr>, now: Instant) -> Option<SessionEnd> {
        match event {
            Event::Incoming(Packet::Publish(message)) => self.received(&message, now),
            Event::Incoming(Packet::PubAck(_)) => self.link.round_trips().acknowledged(now),
            Event::Incoming(Packet::ConnAck(_)) => self.connected(local, now),
            Event::Incoming(Packet::SubAck(answer)) => return self.subscribed(&answer),
            _ => {}
        }
        None
    }

    fn connected(&mut self, local: Option<IpAddr>, now: Instant) {
        let link = self.link.clone();
        *link.round_trips() = RoundTrips::default();
        self.dead = Box::pin(async move {
            tokio::select! {
                () = address::lost(local) => address::LOST,
                () = link.silent() => SILENT,
            }
        });
        self.connected_since = Some(now);
        self.connections += 1;
        if self.connections > 1 {
            self.io.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        // The queue is empty on a new connection, so there is room for this request.
        if let Err(error) = self
            .client
            .try_subscribe(&self.action_topic, QoS::AtLeastOnce)
        {
            error!(%error, "cannot ask for actions");
        }
    }

    fn subscribed(&mut self, answer: &SubAck) -> Option<SessionEnd> {
        if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
            return Some(SessionEnd {
                reason: format!(
                    "the broker does not let this certificate read {}",
                    self.action_topic
                ),
                by_broker: false,
            });
        }
        info!(broker = %self.config.endpoint, topic = %self.action_topic, "online");
        self.io.state.send_replace(MqttState::Online);
        None
    }

    fn received(&mut self, message: &Publish, now: Instant) {
        if message.topic != self.action_topic {
            debug!(topic = %message.topic, "a message nobody asked for is ignored");
            return;
        }
        if message.retain {
            return self.log_rejected(
                now,
                "it is retained, and a retained action never moves a robot",
            );
        }
        match Action::from_json(&message.payload) {
            Ok(action) => self.act(action, now),
            Err(rejected) => {
                self.io.rejected.fetch_add(1, Ordering::Relaxed);
                self.log_rejected(now, &rejected.to_string());
            }
        }
    }

    fn act(&mut self, action: Action, now: Instant) {
        let round_trips = self.link.round_trips();
        let sent_after = round_trips.sent_after(now);
        if action.clock_ms.is_none() && round_trips.wanted(now) {
            self.link.report.notify_one();
        }
        drop(round_trips);
        (self.io.on_action)(action, sent_after);
    }

    /// What was read together with the end of the connection is still in the library's
    /// buffer. Left there, it would move the robot after the next connect.
    fn handle_buffered(&mut self, connection: &mut Connection, now: Instant) {
        for event in connection.take_buffered() {
            self.handle(event, connection.local(), now);
        }
    }

    fn end_of(&self, error: &Failure) -> SessionEnd {
        let by_broker = disconnect::is_by_broker(error);
        let subscribing =
            self.connected_since.is_some() && *self.io.state.borrow() != MqttState::Online;
        let reason = if subscribing && by_broker {
            format!(
                "the broker closed the connection when asked for {}: its policy probably does \
                 not let this certificate subscribe",
                self.action_topic
            )
        } else {
            disconnect::reason(error)
        };
        SessionEnd { reason, by_broker }
    }

    fn log_rejected(&mut self, now: Instant, reason: &str) {
        let topic = &self.action_topic;
        match self.rejected_log.allow(now) {
            None => {}
            Some(0) => warn!(%topic, reason, "message rejected"),
            Some(more) => warn!(%topic, reason, "message rejected, and {more} before it"),
        }
    }

    /// Logs how the session ended; returns how long to wait before the next attempt.
    fn disconnected(&mut self, end: SessionEnd, now: Instant) -> Duration {
        let was_online = *self.io.state.borrow() == MqttState::Online;
        let ending = match self.connected_since.take() {
            Some(since) if was_online => Ending::Lost {
                lived: now.saturating_duration_since(since),
                by_broker: end.by_broker,
            },
            _ => Ending::NeverConnected,
        };
        let retry = self.policy.after(ending, rand::random());
        let mut reason = end.reason;
        if let Some(times) = retry.taken_over {
            reason.push_str(&format!(
                ", {times} times in a row: another client probably connects as {:?}, but only \
                 one may use a name and its certificate",
                self.config.robot
            ));
        }
        let (broker, retry_s) = (&self.config.endpoint, retry.wait.as_secs_f32());
        warn!(%broker, reason, "offline; next attempt in {retry_s:.1} s");
        self.io.state.send_replace(MqttState::Offline(reason));
        retry.wait
    }

    /// The last report and a proper end, so that the last will is not needed.
    async fn disconnect(&mut self, connection: &mut Connection) {
        if self.connected_since.is_none() {
            return;
        }
        let topic = self.config.telemetry_topic();
        let asked = self
            .client
            .try_publish(topic, QoS::AtMostOnce, false, telemetry::OFFLINE)
            .and_then(|()| self.client.try_disconnect());
        if asked.is_err() {
            return;
        }
        let sent = async {
            while let Ok(event) = connection.poll().await {
                if matches!(event, Event::Outgoing(rumqttc::Outgoing::Disconnect)) {
                    break;
                }
            }
            connection.finish().await;
        };
        if tokio::time::timeout(DISCONNECT_LIMIT, sent).await.is_err() {
            debug!("the broker took no DISCONNECT; the last will says it");
        }
    }
}

/// Why a session is over.
struct SessionEnd {
    reason: String,
    by_broker: bool,
}
