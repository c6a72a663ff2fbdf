//! An MQTT client with a certificate, and HTTP requests in few words.

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, LastWill, MqttOptions, Publish, QoS,
    TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tests::Station;
use tests::process::PATIENCE;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A client that is connected until it is dropped or thrown out.
pub(crate) struct Client {
    client: AsyncClient,
    events: mpsc::UnboundedReceiver<Event>,
    _connection: JoinSet<()>,
}

/// The TLS of whoever has the three files in `certs`.
pub(crate) fn tls(certs: &Path) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(certs.join("cacert.pem")).unwrap();
    roots.add(ca).unwrap();
    let certificate = CertificateDer::from_pem_file(certs.join("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(certs.join("private.pem.key")).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

/// What a client says of itself when it connects.
pub(crate) fn options(port: u16, tls: &Arc<ClientConfig>, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, "localhost", port);
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
        tls.clone(),
    )));
    options
}

/// The port of a station's broker.
pub(crate) fn mqtt_port(station: &Station) -> u16 {
    let (_, port) = station.ready.mqtt.rsplit_once(':').unwrap();
    port.parse().unwrap()
}

impl Client {
    /// Connects with the files in `certs`, under the name in them.
    pub(crate) async fn connect(station: &Station, certs: &Path) -> Self {
        Self::try_connect(options(mqtt_port(station), &tls(certs), "client"))
            .await
            .unwrap()
    }

    /// Connects, or says why not.
    pub(crate) async fn try_connect(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (client, mut events) = AsyncClient::new(options, 100);
        let greeted = tokio::time::timeout(PATIENCE, greeting(&mut events));
        greeted.await.expect("the broker answers in time")?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut connection = JoinSet::new();
        connection.spawn(async move {
            while let Ok(event) = events.poll().await {
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            client,
            events: receiver,
            _connection: connection,
        })
    }

    /// Subscribes, and waits for the broker's word.
    pub(crate) async fn subscribe(&mut self, topic: &str) {
        self.client
            .subscribe(topic, QoS::AtLeastOnce)
            .await
            .unwrap();
        self.until(|event| matches!(event, Event::Incoming(Incoming::SubAck(_))).then_some(()))
            .await;
    }

    /// Publishes, and waits for the broker's word.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str) {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .await
            .unwrap();
        self.until(|event| matches!(event, Event::Incoming(Incoming::PubAck(_))).then_some(()))
            .await;
    }

    /// Publishes without waiting for anything.
    pub(crate) async fn publish_and_forget(&mut self, topic: &str, payload: &str) {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .await
            .unwrap();
    }

    /// The next message: topic and payload.
    pub(crate) async fn message(&mut self) -> (String, String) {
        let publish = self.publish_packet().await;
        let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
        (publish.topic, payload)
    }

    /// The next message, whole.
    pub(crate) async fn publish_packet(&mut self) -> Publish {
        self.until(|event| match event {
            Event::Incoming(Incoming::Publish(publish)) => Some(publish),
            _ => None,
        })
        .await
    }

    /// Waits until the broker has ended the connection.
    pub(crate) async fn thrown_out(&mut self) {
        let ended = async { while self.events.recv().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the connection ends");
    }

    async fn until<T>(&mut self, found: impl Fn(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the connection stands");
                if let Some(found) = found(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .expect("the broker sends it in time")
    }
}

/// A last will.
pub(crate) fn will(topic: &str) -> LastWill {
    LastWill::new(topic, r#"{"online":false}"#, QoS::AtLeastOnce, false)
}

async fn greeting(events: &mut EventLoop) -> Result<(), ConnectionError> {
    loop {
        if let Event::Incoming(Incoming::ConnAck(_)) = events.poll().await? {
            return Ok(());
        }
    }
}

/// A request to the station's plain HTTP listener: status and answer.
pub(crate) async fn ask(
    station: &Station,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let url = format!("http://{}{path}", station.ready.http);
    let mut request = station
        .client
        .request(method.parse().unwrap(), url)
        .body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let answer = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{method} {path}: not JSON: {text:?}"));
    (status, answer)
}

/// What an answer says is wrong.
pub(crate) fn message(answer: &Value) -> &str {
    answer["message"]
        .as_str()
        .unwrap_or_else(|| panic!("no message in {answer}"))
}
