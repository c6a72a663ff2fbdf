//! The calls that lead to the robot's channel: what it is called, where its sockets are, and
//! which servers help viewers to find the robot.

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use url::Url;
use wire::signaling::control::{
    CREATE_PATH, CreateChannel, CreatedChannel, DESCRIBE_PATH, DescribeChannel, DescribedChannel,
    ENDPOINT_PATH, EndpointConfiguration, Endpoints, GetEndpoint, GetIceServers, ICE_PATH,
    IceServers, SingleMaster,
};

use super::Settings;
use super::ice_servers::{Servers, domain};
use super::socket::{self, Socket};
use crate::aws::credentials::Provider;
use crate::aws::error::Fault;
use crate::aws::http_client::Line;
use crate::aws::sigv4::Pen;

/// The name under which the C SDK's master asks for servers.
const CLIENT_ID: &str = "ProducerMaster";

/// How long the service keeps a message for a viewer; what the C SDK asks for.
const MESSAGE_TTL_S: u32 = 60;

/// The robot's channel.
pub(super) struct Channel {
    pub name: String,
    line: Line,
    provider: Provider,
    region: String,
    /// The control plane, if it is not that of AWS.
    endpoint: Option<Url>,
    /// The name it is known by, once it was found.
    arn: Mutex<Option<String>>,
    tls: TlsConnector,
}

/// Where the channel is.
struct Whereabouts {
    arn: String,
    https: Url,
    wss: String,
}

impl Channel {
    /// The channel that the settings mean; nothing is called yet.
    pub(super) fn new(settings: Settings) -> anyhow::Result<Self> {
        let line = Line::new(&settings.tls).context("no HTTPS can be spoken")?;
        let (host, port) = &settings.credentials;
        let provider = Provider::new(
            line.clone(),
            (host, *port),
            &settings.role_alias,
            &settings.robot,
        )?;
        Ok(Self {
            name: settings.robot,
            line,
            provider,
            region: settings.region,
            endpoint: settings.endpoint,
            arn: Mutex::new(None),
            tls: settings.tls.into(),
        })
    }

    /// A new socket. Fetches all that it takes.
    pub(super) async fn connect(&self) -> Result<Socket, Fault> {
        let connected = self.try_connect().await;
        self.learn(connected.as_ref().err()).await;
        connected
    }

    /// The servers that help viewers to find the robot.
    pub(super) async fn servers(&self) -> Result<Servers, Fault> {
        let servers = self.try_servers().await;
        self.learn(servers.as_ref().err()).await;
        servers
    }

    /// What is known and was refused is not used again.
    async fn learn(&self, fault: Option<&Fault>) {
        if fault.is_some_and(Fault::is_of_credentials) {
            self.provider.forget().await;
        }
        if fault.is_some_and(Fault::is_not_found) {
            *self.arn.lock().await = None;
        }
    }

    async fn try_connect(&self) -> Result<Socket, Fault> {
        let whereabouts = self.whereabouts().await?;
        let credentials = self.provider.get().await?;
        let pen = Pen {
            credentials: &credentials,
            region: &self.region,
            now: self.line.clock.now(),
        };
        let url = pen
            .socket_url(&whereabouts.wss, &whereabouts.arn)
            .map_err(|error| unreadable(socket::CALL, &error))?;
        Socket::connect(&url, &self.tls, &self.line.clock).await
    }

    async fn try_servers(&self) -> Result<Servers, Fault> {
        const CALL: &str = "GetIceServerConfig";
        let whereabouts = self.whereabouts().await?;
        let ask = GetIceServers {
            channel_arn: whereabouts.arn,
            client_id: Some(CLIENT_ID.to_owned()),
            service: Some("TURN".to_owned()),
            username: None,
        };
        let relays: IceServers = self.ask(CALL, &whereabouts.https, ICE_PATH, &ask).await?;
        Ok(Servers::new(relays, self.endpoint.as_ref(), &self.region))
    }

    async fn whereabouts(&self) -> Result<Whereabouts, Fault> {
        const CALL: &str = "GetSignalingChannelEndpoint";
        let control = self.control()?;
        let arn = self.arn(&control).await?;
        let ask = GetEndpoint {
            channel_arn: arn.clone(),
            configuration: Some(EndpointConfiguration {
                protocols: vec!["WSS".to_owned(), "HTTPS".to_owned()],
                role: Some("MASTER".to_owned()),
            }),
        };
        let endpoints: Endpoints = self.ask(CALL, &control, ENDPOINT_PATH, &ask).await?;
        let of = |protocol: &str| {
            endpoints.of(protocol).ok_or_else(|| Fault::Unreadable {
                call: CALL,
                why: format!("it has no {protocol} endpoint"),
            })
        };
        let https = Url::parse(of("HTTPS")?).map_err(|error| unreadable(CALL, &error.into()))?;
        Ok(Whereabouts {
            wss: of("WSS")?.to_owned(),
            https,
            arn,
        })
    }

    /// The channel's resource name. A channel that is not there is made, as the sample's
    /// master does.
    async fn arn(&self, control: &Url) -> Result<String, Fault> {
        const DESCRIBE: &str = "DescribeSignalingChannel";
        let mut known = self.arn.lock().await;
        if let Some(arn) = known.as_ref() {
            return Ok(arn.clone());
        }
        let ask = DescribeChannel {
            channel_name: Some(self.name.clone()),
            channel_arn: None,
        };
        let described = self.ask(DESCRIBE, control, DESCRIBE_PATH, &ask).await;
        let arn = match described {
            Ok(DescribedChannel { channel_info }) => channel_info.channel_arn,
            Err(fault) if fault.is_not_found() => self.create(control).await?,
            Err(fault) => return Err(fault),
        };
        Ok(known.insert(arn).clone())
    }

    async fn create(&self, control: &Url) -> Result<String, Fault> {
        tracing::info!(channel = self.name, "there is no such channel, making it");
        let ask = CreateChannel {
            channel_name: self.name.clone(),
            channel_type: Some("SINGLE_MASTER".to_owned()),
            single_master_configuration: Some(SingleMaster {
                message_ttl_seconds: Some(MESSAGE_TTL_S),
            }),
        };
        let created: CreatedChannel = self
            .ask("CreateSignalingChannel", control, CREATE_PATH, &ask)
            .await?;
        Ok(created.channel_arn)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        call: &'static str,
        base: &Url,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Fault> {
        let credentials = self.provider.get().await?;
        let mut url = base.clone();
        url.set_path(path);
        let pen = Pen {
            credentials: &credentials,
            region: &self.region,
            now: self.line.clock.now(),
        };
        let request = serde_json::to_vec(body)
            .map_err(Into::into)
            .and_then(|body| pen.post(url, body))
            .map_err(|error| unreadable(call, &error))?;
        let answer = self.line.call(call, request).await?;
        serde_json::from_slice(&answer).map_err(|error| unreadable(call, &error.into()))
    }

    fn control(&self) -> Result<Url, Fault> {
        match &self.endpoint {
            Some(url) => Ok(url.clone()),
            None => Url::parse(&format!(
                "https://kinesisvideo.{}.{}/",
                self.region,
                domain(&self.region)
            ))
            .map_err(|error| unreadable("control plane", &error.into())),
        }
    }
}

fn unreadable(call: &'static str, error: &anyhow::Error) -> Fault {
    Fault::Unreadable {
        call,
        why: format!("{error:#}"),
    }
}
