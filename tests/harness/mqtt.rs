//! An operator at a desk: an MQTT client with a certificate of its own.

use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS, TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A connected client.
pub struct Desk {
    client: AsyncClient,
    acknowledged: mpsc::UnboundedReceiver<()>,
    _session: JoinSet<()>,
}

impl Desk {
    /// Connects with the three files in `folder` to `address`.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn connect(folder: &Path, address: &str) -> Self {
        let port = address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        let mut options = MqttOptions::new(
            "desk",
            "localhost",
            port.expect("an address ends in a port"),
        );
        options
            .set_keep_alive(Duration::from_secs(30))
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
                Arc::new(tls(folder)),
            )));
        let (client, mut events) = AsyncClient::new(options, 100);
        let (connected, mut wait) = mpsc::unbounded_channel();
        let (acknowledge, acknowledged) = mpsc::unbounded_channel();
        let mut session = JoinSet::new();
        session.spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Incoming::ConnAck(_))) => drop(connected.send(Ok(()))),
                    Ok(Event::Incoming(Incoming::PubAck(_))) => drop(acknowledge.send(())),
                    Ok(_) => {}
                    Err(error) => return drop(connected.send(Err(error))),
                }
            }
        });
        wait.recv()
            .await
            .expect("the session says how it went")
            .expect("the broker accepts");
        Self {
            client,
            acknowledged,
            _session: session,
        }
    }

    /// Publishes; at QoS 1 the broker has it when this returns.
    ///
    /// # Panics
    /// When the connection is lost.
    pub async fn publish(&mut self, topic: &str, qos: QoS, retain: bool, payload: String) {
        self.client
            .publish(topic, qos, retain, payload)
            .await
            .expect("the session runs");
        if qos == QoS::AtLeastOnce {
            self.acknowledged
                .recv()
                .await
                .expect("the broker acknowledges");
        }
    }
}

/// The three files of a `certs` folder as a TLS client.
///
/// # Panics
/// When they are not what they should be.
pub fn tls(certs: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(certs.join("cacert.pem")).expect("a CA file") {
        roots.add(root.expect("a certificate")).expect("a CA");
    }
    let chain = CertificateDer::pem_file_iter(certs.join("certificate.pem"))
        .expect("a certificate file")
        .map(|certificate| certificate.expect("a certificate"))
        .collect();
    let key = PrivateKeyDer::from_pem_file(certs.join("private.pem.key")).expect("a key");
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .expect("key and certificate match")
}
