//! Does the broker let the robot in, and does it let it read its actions?

use std::time::Duration;

use daemon::check::Line;
use rumqttc::{Event, Packet, QoS, SubscribeReasonCode};
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;

use crate::certificates::Certificates;
use crate::config::Config;
use crate::connect_error;
use crate::endpoint::Endpoint;
use crate::happy_eyeballs::{self, Attempt, Connected};
use crate::mqtt::connection::Connection;
use crate::mqtt::disconnect;

/// A server that refuses a client's certificate says so right after the handshake; one
/// that accepts it waits. A round trip to the other side of the world fits.
const REFUSAL_LIMIT: Duration = Duration::from_millis(500);

/// How long all of it may take; connecting has its own limit, which is shorter.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// The broker and the subscription.
pub(super) async fn lines(
    config: &Config,
    certificates: &Certificates,
    running: bool,
) -> [Line; 2] {
    if running {
        return tls_only(config, certificates).await;
    }
    // Once the broker has accepted: its addresses that were tried in vain.
    let mut unreachable = None;
    let result = within_limit(session(config, certificates, &mut unreachable)).await;
    let address = &config.mqtt.endpoint;
    let topic = config.mqtt.action_topic();
    let accepted =
        |failed: &[String]| accepted(format!("{address} accepts {}", config.robot), failed);
    match (result, unreachable) {
        (Ok(()), unreachable) => [
            accepted(&unreachable.unwrap_or_default()),
            Line::ok("subscription", format!("{topic} is granted")),
        ],
        (Err(why), None) => [
            broker_fault(address, &why),
            Line::skipped("subscription", "needs the broker"),
        ],
        (Err(why), Some(unreachable)) => [
            accepted(&unreachable),
            Line::fault(
                "subscription",
                format!("{topic}: {why}"),
                "with AWS IoT, the certificate needs a policy that allows iot:Subscribe and \
                 iot:Receive on that topic",
            ),
        ],
    }
}

fn broker_fault(address: &Endpoint, why: &str) -> Line {
    Line::fault(
        "broker",
        format!("{address}: {why}"),
        "IOT_CORE_ENDPOINT says where it is",
    )
}

async fn within_limit<T>(asked: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let answer = tokio::time::timeout(ANSWER_LIMIT, asked).await;
    answer.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// Each address that was tried in vain, and why.
fn named(failed: &[Attempt]) -> Vec<String> {
    let each = failed.iter();
    each.map(|Attempt { address, error }| format!("{address}: {}", connect_error::reason(error)))
        .collect()
}

/// The broker lets the robot in; `failed` are its addresses that do not answer.
fn accepted(found: String, failed: &[String]) -> Line {
    if failed.is_empty() {
        return Line::ok("broker", found);
    }
    Line::warning(
        "broker",
        format!(
            "{found}, but not by all of its addresses: {}",
            failed.join("; ")
        ),
        "each of them makes connecting a quarter of a second slower: take it out of the name's \
         records, or mend the way to it",
    )
}

async fn session(
    config: &Config,
    certificates: &Certificates,
    unreachable: &mut Option<Vec<String>>,
) -> Result<(), String> {
    let (client, mut connection) = Connection::prepare(&config.mqtt, certificates);
    let topic = config.mqtt.action_topic();
    let busy = |error: rumqttc::ClientError| error.to_string();
    loop {
        let event = connection
            .poll()
            .await
            .map_err(|error| disconnect::reason(&error))?;
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                *unreachable = Some(named(connection.unreachable()));
                client
                    .try_subscribe(&topic, QoS::AtLeastOnce)
                    .map_err(busy)?;
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return Err("the broker does not let this certificate read it".into());
                }
                client.try_disconnect().map_err(busy)?;
            }
            Event::Outgoing(rumqttc::Outgoing::Disconnect) => {
                connection.finish().await;
                return Ok(());
            }
            _ => {}
        }
    }
}

/// A handshake without a name, which disturbs nobody.
async fn tls_only(config: &Config, certificates: &Certificates) -> [Line; 2] {
    let address = &config.mqtt.endpoint;
    let broker = match within_limit(handshake(config, certificates)).await {
        Ok(unreachable) => {
            let found = "accepts the certificate; a robot-agent runs, so it did not log in";
            accepted(format!("{address} {found}"), &unreachable)
        }
        Err(why) => broker_fault(address, &why),
    };
    [
        broker,
        Line::skipped(
            "subscription",
            "not tried: a robot-agent runs and would be disconnected; its log says whether it is \
             online",
        ),
    ]
}

async fn handshake(config: &Config, certificates: &Certificates) -> Result<Vec<String>, String> {
    let endpoint = &config.mqtt.endpoint;
    let words = |error: std::io::Error| connect_error::reason(&error);
    let connected = happy_eyeballs::connect(&endpoint.host, endpoint.port, ANSWER_LIMIT);
    let Connected { stream, failed } = connected.await.map_err(words)?;
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(certificates.client_config(endpoint.alpn_protocols()));
    let mut stream = connector.connect(name, stream).await.map_err(words)?;
    match tokio::time::timeout(REFUSAL_LIMIT, stream.read_u8()).await {
        Ok(Err(error)) => Err(words(error)),
        Ok(Ok(_)) | Err(_) => Ok(named(&failed)),
    }
}
