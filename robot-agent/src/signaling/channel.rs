//! The calls that lead to the robot's channel: its resource name, its endpoints, and its ICE
//! servers.

use std::sync::Arc;

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

use super::ice_servers::{FetchedIceServers, domain};
use super::socket::{self, Socket};
use crate::aws::credentials::CredentialsProvider;
use crate::aws::error::Error;
use crate::aws::http_client::HttpClient;
use crate::aws::sigv4::Signer;
use crate::aws::{AwsConfig, tls_config};
use crate::certificates::Certificates;

/// The name under which the C SDK's master asks for ICE servers.
const CLIENT_ID: &str = "ProducerMaster";

/// How long the service keeps a message for a viewer; what the C SDK asks for.
const MESSAGE_TTL_S: u32 = 60;

/// Which channel, and who asks.
#[derive(Clone, Debug)]
pub(crate) struct ChannelConfig {
    /// The robot's name, which is the channel's too.
    pub(crate) robot: String,
    pub(crate) aws: AwsConfig,
    /// The robot's certificate, and whose servers it trusts.
    pub(crate) tls: Arc<rustls::ClientConfig>,
}

impl ChannelConfig {
    pub(crate) fn new(robot: String, aws: AwsConfig, certificates: &Certificates) -> Self {
        let tls = tls_config(certificates);
        Self { robot, aws, tls }
    }
}

pub(super) struct Channel {
    pub(super) name: String,
    aws: AwsConfig,
    http: HttpClient,
    credentials: CredentialsProvider,
    /// Once it is known.
    arn: Mutex<Option<String>>,
    tls: TlsConnector,
}

/// Where the channel is.
struct ChannelEndpoints {
    arn: String,
    https: Url,
    wss: String,
}

impl Channel {
    /// The channel that is meant; nothing is called yet.
    pub(super) fn new(config: ChannelConfig) -> anyhow::Result<Self> {
        let ChannelConfig { robot, aws, tls } = config;
        let http = HttpClient::new(&tls)?;
        Ok(Self {
            credentials: CredentialsProvider::new(http.clone(), &aws, &robot)?,
            name: robot,
            aws,
            http,
            arn: Mutex::new(None),
            tls: tls.into(),
        })
    }

    /// A new socket, with all the calls that it takes.
    pub(super) async fn connect(&self) -> Result<Socket, Error> {
        let connected = self.try_connect().await;
        self.forget_refused(connected.as_ref().err()).await;
        connected
    }

    pub(super) async fn ice_servers(&self) -> Result<FetchedIceServers, Error> {
        let fetched = self.try_ice_servers().await;
        self.forget_refused(fetched.as_ref().err()).await;
        fetched
    }

    /// What is known and was refused is not used again.
    async fn forget_refused(&self, error: Option<&Error>) {
        if error.is_some_and(Error::is_denied) {
            self.credentials.invalidate().await;
        }
        if error.is_some_and(Error::is_not_found) {
            *self.arn.lock().await = None;
        }
    }

    async fn try_connect(&self) -> Result<Socket, Error> {
        let endpoints = self.endpoints().await?;
        let credentials = self.credentials.get().await?;
        let signer = Signer {
            credentials: &credentials,
            region: &self.aws.region,
            now: self.http.server_time(),
        };
        let url = signer
            .presigned_socket_url(&endpoints.wss, &endpoints.arn)
            .map_err(|error| Error::unreadable(socket::CALL, format!("{error:#}")))?;
        Socket::connect(&url, &self.tls, &self.http).await
    }

    async fn try_ice_servers(&self) -> Result<FetchedIceServers, Error> {
        const CALL: &str = "GetIceServerConfig";
        let endpoints = self.endpoints().await?;
        let request = GetIceServers {
            channel_arn: endpoints.arn,
            client_id: Some(CLIENT_ID.to_owned()),
            service: Some("TURN".to_owned()),
            username: None,
        };
        let answer: IceServers = self
            .call(CALL, &endpoints.https, ICE_PATH, &request)
            .await?;
        let AwsConfig { kvs, region, .. } = &self.aws;
        Ok(FetchedIceServers::new(answer, kvs.as_ref(), region))
    }

    async fn endpoints(&self) -> Result<ChannelEndpoints, Error> {
        const CALL: &str = "GetSignalingChannelEndpoint";
        let control_plane = self.control_plane()?;
        let arn = self.arn(&control_plane).await?;
        let request = GetEndpoint {
            channel_arn: arn.clone(),
            configuration: Some(EndpointConfiguration {
                protocols: vec!["WSS".to_owned(), "HTTPS".to_owned()],
                role: Some("MASTER".to_owned()),
            }),
        };
        let answer: Endpoints = self
            .call(CALL, &control_plane, ENDPOINT_PATH, &request)
            .await?;
        let of = |protocol: &str| {
            answer
                .of(protocol)
                .ok_or_else(|| Error::unreadable(CALL, format!("it has no {protocol} endpoint")))
        };
        let https = Url::parse(of("HTTPS")?);
        Ok(ChannelEndpoints {
            wss: of("WSS")?.to_owned(),
            https: https.map_err(|error| Error::unreadable(CALL, error.to_string()))?,
            arn,
        })
    }

    /// The channel's resource name. A channel that is not there is made, as the sample's
    /// master does.
    async fn arn(&self, control_plane: &Url) -> Result<String, Error> {
        const DESCRIBE: &str = "DescribeSignalingChannel";
        let mut known = self.arn.lock().await;
        if let Some(arn) = known.as_ref() {
            return Ok(arn.clone());
        }
        let request = DescribeChannel {
            channel_name: Some(self.name.clone()),
            channel_arn: None,
        };
        let described = self
            .call(DESCRIBE, control_plane, DESCRIBE_PATH, &request)
            .await;
        let arn = match described {
            Ok(DescribedChannel { channel_info }) => channel_info.channel_arn,
            Err(error) if error.is_not_found() => self.create(control_plane).await?,
            Err(error) => return Err(error),
        };
        Ok(known.insert(arn).clone())
    }

    async fn create(&self, control_plane: &Url) -> Result<String, Error> {
        tracing::info!(channel = self.name, "there is no such channel, making it");
        let request = CreateChannel {
            channel_name: self.name.clone(),
            channel_type: Some("SINGLE_MASTER".to_owned()),
            single_master_configuration: Some(SingleMaster {
                message_ttl_seconds: Some(MESSAGE_TTL_S),
            }),
        };
        let created: CreatedChannel = self
            .call(
                "CreateSignalingChannel",
                control_plane,
                CREATE_PATH,
                &request,
            )
            .await?;
        Ok(created.channel_arn)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        call: &'static str,
        base: &Url,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let credentials = self.credentials.get().await?;
        let mut url = base.clone();
        url.set_path(path);
        let signer = Signer {
            credentials: &credentials,
            region: &self.aws.region,
            now: self.http.server_time(),
        };
        let request = serde_json::to_vec(body)
            .map_err(Into::into)
            .and_then(|body| signer.signed_post(url, body))
            .map_err(|error| Error::unreadable(call, format!("{error:#}")))?;
        let answer = self.http.send(call, request).await?;
        serde_json::from_slice(&answer).map_err(|error| Error::unreadable(call, error.to_string()))
    }

    fn control_plane(&self) -> Result<Url, Error> {
        let AwsConfig { kvs, region, .. } = &self.aws;
        if let Some(url) = kvs {
            return Ok(url.clone());
        }
        Url::parse(&format!(
            "https://kinesisvideo.{region}.{}/",
            domain(region)
        ))
        .map_err(|error| Error::unreadable("control plane", error.to_string()))
    }
}
