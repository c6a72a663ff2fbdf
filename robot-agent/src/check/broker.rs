//! Does the broker let the robot in, and does it let it read its actions?

use std::time::Duration;

use daemon::check::Line;
use rumqttc::{Event, Packet, QoS, SubscribeReasonCode};
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::certificates::Certificates;
use crate::config::Config;
use crate::connect_error;
use crate::endpoint::Endpoint;
use crate::mqtt::{connection, disconnect};

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
    let mut reached = Reached::Nothing;
    let result = within_limit(session(config, certificates, &mut reached)).await;
    let address = &config.mqtt.endpoint;
    let topic = config.mqtt.action_topic();
    let accepted = || Line::ok("broker", format!("{address} accepts {}", config.robot));
    match (result, reached) {
        (Ok(()), _) => [
            accepted(),
            Line::ok("subscription", format!("{topic} is granted")),
        ],
        (Err(why), Reached::Nothing) => [
            broker_fault(address, &why),
            Line::skipped("subscription", "needs the broker"),
        ],
        (Err(why), Reached::Broker) => [
            accepted(),
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

async fn within_limit(asked: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let answer = tokio::time::timeout(ANSWER_LIMIT, asked).await;
    answer.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// How far the session got.
enum Reached {
    Nothing,
    Broker,
}

async fn session(
    config: &Config,
    certificates: &Certificates,
    reached: &mut Reached,
) -> Result<(), String> {
    let (client, mut events) = connection::prepare(&config.mqtt, certificates);
    let topic = config.mqtt.action_topic();
    let busy = |error: rumqttc::ClientError| error.to_string();
    loop {
        let event = events
            .poll()
            .await
            .map_err(|error| disconnect::reason(&error))?;
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                *reached = Reached::Broker;
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
            Event::Outgoing(rumqttc::Outgoing::Disconnect) => return Ok(()),
            _ => {}
        }
    }
}

/// A handshake without a name, which disturbs nobody.
async fn tls_only(config: &Config, certificates: &Certificates) -> [Line; 2] {
    let address = &config.mqtt.endpoint;
    let broker = match within_limit(handshake(config, certificates)).await {
        Ok(()) => Line::ok(
            "broker",
            format!("{address} accepts the certificate; a robot-agent runs, so it did not log in"),
        ),
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

async fn handshake(config: &Config, certificates: &Certificates) -> Result<(), String> {
    let endpoint = &config.mqtt.endpoint;
    let words = |error: std::io::Error| connect_error::reason(&error);
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(words)?;
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(certificates.client_config(endpoint.alpn_protocols()));
    let mut stream = connector.connect(name, stream).await.map_err(words)?;
    match tokio::time::timeout(REFUSAL_LIMIT, stream.read_u8()).await {
        Ok(Err(error)) => Err(words(error)),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}
