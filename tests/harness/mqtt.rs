//! An MQTT client with a certificate: an operator's, or a robot's in its place.

use crate::tls::{Identity, client};
use crate::{Station, in_time};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, LastWill, MqttOptions, Publish, QoS,
    TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Messages that wait in a client: more than any test sends at once.
pub const QUEUE: usize = 100;

/// A client that is connected until it is dropped or the broker ends it.
pub struct Client {
    client: AsyncClient,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    _connection: JoinSet<()>,
}

/// How a client connects to the broker of `station`.
pub fn options(station: &Station, tls: &Arc<ClientConfig>, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, "localhost", station.mqtt_port());
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
        tls.clone(),
    )));
    options
}

/// A last will that says offline.
pub fn will(topic: &str) -> LastWill {
    LastWill::new(topic, r#"{"online":false}"#, QoS::AtLeastOnce, false)
}

impl Client {
    /// Connects with the files in `certs`, under the name in them.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn connect(station: &Station, certs: &Path) -> Self {
        let options = options(station, &client(certs, Identity::Shown), "client");
        Self::try_connect(options)
            .await
            .expect("the broker accepts")
    }

    /// Connects.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn try_connect(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (client, mut events) = AsyncClient::new(options, QUEUE);
        in_time(connected(&mut events)).await?;
        let (sender, incoming) = mpsc::unbounded_channel();
        let mut connection = JoinSet::new();
        connection.spawn(async move {
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(packet) = event
                    && sender.send(packet).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self {
            client,
            incoming,
            _connection: connection,
        })
    }

    /// Subscribes, and waits for the broker's acknowledgement.
    pub async fn subscribe(&mut self, topic: &str) {
        let sent = self.client.subscribe(topic, QoS::AtLeastOnce).await;
        sent.expect("the session runs");
        self.next(|packet| matches!(packet, Incoming::SubAck(_)).then_some(()))
            .await;
    }

    /// Publishes at QoS 1, and waits for the broker's acknowledgement.
    pub async fn publish(&mut self, topic: &str, payload: &str) {
        self.send(topic, QoS::AtLeastOnce, payload).await;
        self.acknowledged().await;
    }

    /// The same, for the broker to keep.
    pub async fn publish_retained(&mut self, topic: &str, payload: &str) {
        let sent = self.client.publish(topic, QoS::AtLeastOnce, true, payload);
        sent.await.expect("the session runs");
        self.acknowledged().await;
    }

    /// Publishes without waiting for anything.
    pub async fn send(&self, topic: &str, qos: QoS, payload: &str) {
        let sent = self.client.publish(topic, qos, false, payload);
        sent.await.expect("the session runs");
    }

    /// The next message: topic and payload.
    pub async fn message(&mut self) -> (String, String) {
        let publish = self.publish_packet().await;
        let payload = String::from_utf8(publish.payload.to_vec());
        (publish.topic, payload.expect("the tests send text"))
    }

    /// The next message, whole.
    pub async fn publish_packet(&mut self) -> Publish {
        self.next(|packet| match packet {
            Incoming::Publish(publish) => Some(publish),
            _ => None,
        })
        .await
    }

    /// Waits until the broker has ended the connection.
    pub async fn disconnected(&mut self) {
        in_time(async { while self.incoming.recv().await.is_some() {} }).await;
    }

    async fn acknowledged(&mut self) {
        self.next(|packet| matches!(packet, Incoming::PubAck(_)).then_some(()))
            .await;
    }

    async fn next<T>(&mut self, found: impl Fn(Incoming) -> Option<T>) -> T {
        in_time(async {
            loop {
                let packet = self.incoming.recv().await;
                if let Some(found) = found(packet.expect("the connection stands")) {
                    return found;
                }
            }
        })
        .await
    }
}

async fn connected(events: &mut EventLoop) -> Result<(), ConnectionError> {
    loop {
        if let Event::Incoming(Incoming::ConnAck(_)) = events.poll().await? {
            return Ok(());
        }
    }
}
