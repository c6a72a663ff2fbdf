//! The ways by which somebody drives: each order goes out at once, alone, and is never repeated.

use crate::faults::ledger::Ledger;
use crate::mqtt;
use crate::tls::{Identity, client};
use crate::{unix_ms, unix_ns};
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS, TlsConfiguration, Transport};
use serde_json::json;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// How long a client waits for an answer.
const ANSWER: Duration = Duration::from_secs(3);

/// From one attempt to connect to the next.
const RECONNECT: Duration = Duration::from_millis(300);

/// A way from a hand to the wheels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Road {
    /// `POST /publish`.
    Http,
    /// An operator's client at the broker.
    Mqtt,
    /// A viewer's data channel.
    DataChannel,
}

impl fmt::Display for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Mqtt => "MQTT",
            Self::DataChannel => "data channel",
        })
    }
}

/// The text of order `number`.
pub(super) fn text(
    throttle: f64,
    duration: Duration,
    (sender, user): (&str, &str),
    stamp: Option<u32>,
) -> String {
    let mut action = json!({
        "action": "drive", "linear": throttle, "angular": 0, "speed": 1,
        "duration_ms": u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        "sender": sender, "user": user,
    });
    if let Some(number) = stamp {
        action["sent_at"] = json!(unix_ms() as u64);
        action["seq"] = json!(number);
    }
    action.to_string()
}

/// A client of `/publish`, with a connection for each order, as `curl` does.
pub(super) struct HttpDriver {
    http: reqwest::Client,
    /// The whole address.
    pub url: String,
    /// The driver's key.
    pub key: String,
    posts: JoinSet<()>,
}

impl HttpDriver {
    pub(super) fn new(url: String, key: String) -> Self {
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .timeout(ANSWER);
        Self {
            http: http.build().expect("plain HTTP needs nothing"),
            url,
            key,
            posts: JoinSet::new(),
        }
    }

    /// Sends an order, and writes down if it is refused.
    pub(super) fn send(&mut self, number: u32, body: String, ledger: &Ledger) {
        while self.posts.try_join_next().is_some() {}
        let post = self.http.post(&self.url).header("x-api-key", &self.key);
        let (post, ledger) = (post.body(body).send(), ledger.clone());
        self.posts.spawn(async move {
            // Of an answer that does not come nothing is known.
            if let Ok(answer) = post.await
                && !answer.status().is_success()
            {
                ledger.refuse(number, unix_ns());
            }
        });
    }
}

/// An operator's client that connects again and again, and sends nothing while it is not connected.
pub(super) struct MqttDriver {
    client: Arc<Mutex<Option<AsyncClient>>>,
    connected: Arc<AtomicBool>,
    _connection: JoinSet<()>,
}

impl MqttDriver {
    /// A client by that id at the broker on `port`.
    pub(super) fn new(id: &str, port: u16, certs: &Path) -> Self {
        let tls = client(certs, Identity::Shown);
        let mut options = MqttOptions::new(id, "localhost", port);
        let tls = TlsConfiguration::Rustls(tls);
        options.set_transport(Transport::tls_with_config(tls));
        options.set_keep_alive(Duration::from_secs(5));
        let client = Arc::new(Mutex::new(None));
        let connected = Arc::new(AtomicBool::new(false));
        let mut connection = JoinSet::new();
        connection.spawn(connect(
            options,
            Arc::clone(&client),
            Arc::clone(&connected),
        ));
        Self {
            client,
            connected,
            _connection: connection,
        }
    }

    /// Whether the broker has accepted it.
    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Sends at QoS 0.
    pub(super) async fn send(&self, body: String) {
        if let Some(client) = &*self.client.lock().await {
            let _ = client.try_publish("rover/action", QoS::AtMostOnce, false, body);
        }
    }
}

async fn connect(
    options: MqttOptions,
    shared: Arc<Mutex<Option<AsyncClient>>>,
    connected: Arc<AtomicBool>,
) {
    loop {
        // What a connection has not sent goes with its client.
        let (client, mut events) = AsyncClient::new(options.clone(), mqtt::QUEUE);
        *shared.lock().await = Some(client);
        while let Ok(event) = events.poll().await {
            if let Event::Incoming(Incoming::ConnAck(_)) = event {
                connected.store(true, Ordering::Relaxed);
            }
        }
        connected.store(false, Ordering::Relaxed);
        *shared.lock().await = None;
        tokio::time::sleep(RECONNECT).await;
    }
}
