//! One session after the other: what arrives, how each ends, and when the next begins.
//!
//! Owns the clock of the link and everything that is said about it in the log.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Packet, Publish, QoS, SubAck,
    SubscribeReasonCode,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use wire::{Action, telemetry, topic};

use super::backoff::{Backoff, Ending};
use super::rejected::{Complaints, Line};
use super::{Ends, Settings, State};
use crate::clock::now;
use crate::{address, connect_error};

/// How long the goodbye may take; then the last will says it.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) struct Session {
    settings: Settings,
    action_topic: String,
    client: AsyncClient,
    ends: Ends,
    backoff: Backoff,
    complaints: Complaints,
    /// When the broker welcomed us; none while not connected.
    connected: Option<Instant>,
    connections: u64,
    /// Rung when this machine has lost the address that it is connected from.
    stranded: Arc<Notify>,
}

impl Session {
    pub(super) fn new(
        settings: Settings,
        client: AsyncClient,
        ends: Ends,
        stranded: Arc<Notify>,
    ) -> Self {
        Self {
            action_topic: topic::action(&settings.robot),
            settings,
            client,
            ends,
            backoff: Backoff::default(),
            complaints: Complaints::default(),
            connected: None,
            connections: 0,
            stranded,
        }
    }

    pub(super) async fn run(&mut self, events: &mut EventLoop, cancel: &CancellationToken) {
        let mut cancelled = pin!(cancel.cancelled());
        let stranded = Arc::clone(&self.stranded);
        loop {
            // Only ends drop `poll`: a dropped attempt to connect starts anew.
            let event = tokio::select! {
                event = events.poll() => Some(event),
                () = stranded.notified(), if self.connected.is_some() => None,
                () = &mut cancelled => return self.goodbye(events).await,
            };
            let ended = match event {
                Some(Ok(event)) => self.handle(event, now()),
                Some(Err(error)) => {
                    self.hear_the_last_words(events, now());
                    Some(self.ended(&error))
                }
                None => {
                    self.hear_the_last_words(events, now());
                    Some(Ended::stranded())
                }
            };
            let Some(ended) = ended else { continue };
            // A refused subscription leaves a connection that is of no use.
            events.clean();
            let wait = self.lost(ended, now());
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
            self.ends.reconnects.fetch_add(1, Ordering::Relaxed);
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
        self.ends.state.send_replace(State::Online);
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
            Ok(action) => (self.ends.on_action)(action),
            Err(rejected) => {
                self.ends.rejected.fetch_add(1, Ordering::Relaxed);
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
        let by_broker = connect_error::is_by_broker(error);
        let subscribing = self.connected.is_some() && *self.ends.state.borrow() != State::Online;
        let reason = if subscribing && by_broker {
            format!(
                "the broker closed the connection when asked for {}: its policy probably does \
                 not let this certificate subscribe",
                self.action_topic
            )
        } else {
            connect_error::reason(error)
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
        let was_online = *self.ends.state.borrow() == State::Online;
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
        self.ends.state.send_replace(State::Offline(reason));
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

impl Ended {
    fn stranded() -> Self {
        Self {
            reason: address::LOST.to_owned(),
            by_broker: false,
        }
    }
}
