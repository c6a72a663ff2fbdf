//! Does the broker let the robot in, and does it let it read its actions?

use std::time::Duration;

use rumqttc::{Event, Packet, QoS, SubscribeReasonCode};
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Line, PATIENCE};
use crate::certificates::Certificates;
use crate::config::Config;
use crate::connect_error;
use crate::mqtt;

/// A server that refuses a client's certificate says so right after the handshake; one
/// that accepts it waits. A round trip to the other side of the world fits.
const REFUSAL: Duration = Duration::from_millis(500);

/// The broker and the subscription.
pub(super) async fn look(config: &Config, certificates: &Certificates, running: bool) -> [Line; 2] {
    if running {
        return greet(config, certificates).await;
    }
    let mut stage = Stage::Broker;
    let session = session(config, certificates, &mut stage);
    let problem = match tokio::time::timeout(PATIENCE, session).await {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) => Some("no answer in time".to_owned()),
    };
    let address = &config.mqtt.endpoint;
    let topic = wire::topic::action(&config.robot);
    let welcome = || Line::ok("broker", format!("{address} welcomes {}", config.robot));
    match (problem, stage) {
        (None, _) => [
            welcome(),
            Line::ok("subscription", format!("{topic} is granted")),
        ],
        (Some(why), Stage::Broker) => [
            Line::fault(
                "broker",
                format!("{address}: {why}"),
                "IOT_CORE_ENDPOINT says where it is",
            ),
            Line::skipped("subscription", "needs the broker"),
        ],
        (Some(why), Stage::Subscription) => [
            welcome(),
            Line::fault(
                "subscription",
                format!("{topic}: {why}"),
                "with AWS IoT, the certificate needs a policy that allows iot:Subscribe and \
                 iot:Receive on that topic",
            ),
        ],
    }
}

/// How far the session got.
enum Stage {
    Broker,
    Subscription,
}

async fn session(
    config: &Config,
    certificates: &Certificates,
    stage: &mut Stage,
) -> Result<(), String> {
    let (client, mut events) = mqtt::connection(&config.mqtt, certificates);
    let topic = wire::topic::action(&config.robot);
    let busy = |error: rumqttc::ClientError| error.to_string();
    loop {
        let event = events
            .poll()
            .await
            .map_err(|error| connect_error::reason(&error))?;
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                *stage = Stage::Subscription;
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
async fn greet(config: &Config, certificates: &Certificates) -> [Line; 2] {
    let address = &config.mqtt.endpoint;
    let greeting = match tokio::time::timeout(PATIENCE, handshake(config, certificates)).await {
        Ok(greeting) => greeting,
        Err(_) => Err("no answer in time".to_owned()),
    };
    let broker = match greeting {
        Ok(()) => Line::ok(
            "broker",
            format!("{address} accepts the certificate; a robot-agent runs, so it did not log in"),
        ),
        Err(why) => Line::fault(
            "broker",
            format!("{address}: {why}"),
            "IOT_CORE_ENDPOINT says where it is",
        ),
    };
    [
        broker,
        Line::skipped(
            "subscription",
            "not tried: a robot-agent runs and would be thrown out; its log says whether it is \
             online",
        ),
    ]
}

async fn handshake(config: &Config, certificates: &Certificates) -> Result<(), String> {
    let endpoint = &config.mqtt.endpoint;
    let words = |error: std::io::Error| connect_error::innermost(&error);
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(words)?;
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(certificates.client_config(endpoint.protocols()));
    let mut stream = connector.connect(name, stream).await.map_err(words)?;
    match tokio::time::timeout(REFUSAL, stream.read_u8()).await {
        Ok(Err(error)) => Err(words(error)),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}
