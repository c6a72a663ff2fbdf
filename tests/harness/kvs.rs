//! A client of Kinesis Video Streams' signaling: the master's end of a channel as robot-agent
//! has it, or a viewer's as the page has it.

use crate::robot::Folder;
use crate::sigv4::{SignatureLocation, sign};
use crate::station::json_answer;
use crate::tls::{self, Identity};
use crate::{Station, in_time, now, sdp};
use anyhow::{Context, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use wire::signaling::control::{
    Credentials, DESCRIBE_PATH, ENDPOINT_PATH, Endpoints, ICE_PATH, IceServer, IceServers,
    RoleAliasCredentials,
};
use wire::signaling::{
    Candidate, Content, Description, FromService, MessageType, SIGNING_NAME, ToService,
    decode_payload, encode_payload,
};

/// Where a robot asks for its credentials.
pub const CREDENTIALS_PATH: &str = "/role-aliases/outpost-robot/credentials";

const REGION: &str = "us-east-1";

/// By what a viewer is let in.
#[derive(Clone, Copy, Debug)]
pub enum Access<'a> {
    /// An API key.
    Key(&'a str),
    /// The token of a user who signed in.
    Token(&'a str),
}

/// One end of a robot's channel: temporary credentials, and where they are good.
pub struct Client {
    /// `https://host:port`, or `http://…`.
    pub endpoint: String,
    /// What requests are signed with.
    pub credentials: Credentials,
    robot: String,
    role: &'static str,
    http: reqwest::Client,
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// An open socket to the channel.
#[derive(Debug)]
pub struct Socket(WebSocketStream<Box<dyn Stream>>);

/// Encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin> Stream for S {}

/// Credentials for the robot of that folder, by its certificate.
///
/// # Panics
/// When it gets none.
pub async fn robot_credentials(station: &Station, robot: &Folder) -> Credentials {
    let url = format!("https://{}{CREDENTIALS_PATH}", station.secure_host());
    let asked = tls::http_client(&robot.certs(), Identity::Shown).get(url);
    let (status, kind, body) = json_answer(asked).await;
    assert_eq!(status, 200, "{kind}: {body}");
    let answer: RoleAliasCredentials = serde_json::from_value(body).expect("AWS' contract");
    answer.credentials
}

impl Client {
    /// The robot of that folder.
    ///
    /// # Panics
    /// When it gets no credentials.
    pub async fn master(station: &Station, robot: &Folder) -> Self {
        Self {
            endpoint: format!("https://{}", station.secure_host()),
            credentials: robot_credentials(station, robot).await,
            robot: robot.name(),
            role: "MASTER",
            http: tls::http_client(&robot.certs(), Identity::Hidden),
            tls: Some(tls::client(&robot.certs(), Identity::Hidden)),
        }
    }

    /// A viewer, over the station's plain HTTP at `host`.
    ///
    /// # Panics
    /// When it gets no credentials.
    pub async fn viewer(host: &str, robot: &str, access: Access<'_>) -> Self {
        tls::use_ring();
        // A connection for each call: none is left over where open files are counted.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build();
        let http = http.expect("plain HTTP needs nothing");
        Self::viewer_at(&format!("http://{host}"), robot, access, http, None).await
    }

    /// A viewer, over the station's HTTPS, which it trusts by the CA in `certs`.
    ///
    /// # Panics
    /// When it gets no credentials.
    pub async fn secure_viewer(
        station: &Station,
        robot: &str,
        access: Access<'_>,
        certs: &Path,
    ) -> Self {
        let base = format!("https://{}", station.secure_host());
        let http = tls::http_client(certs, Identity::Hidden);
        let tls = tls::client(certs, Identity::Hidden);
        Self::viewer_at(&base, robot, access, http, Some(tls)).await
    }

    async fn viewer_at(
        base: &str,
        robot: &str,
        access: Access<'_>,
        http: reqwest::Client,
        tls: Option<Arc<rustls::ClientConfig>>,
    ) -> Self {
        let asked = http.post(format!("{base}/robots/{robot}/viewer"));
        let asked = match access {
            Access::Key(key) => asked.header("x-api-key", key),
            Access::Token(token) => asked.bearer_auth(token),
        };
        let (status, _, body) = json_answer(asked).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["region"], REGION);
        Self {
            endpoint: body["endpoint"].as_str().expect("an endpoint").to_owned(),
            credentials: serde_json::from_value(body).expect("credentials"),
            robot: robot.to_owned(),
            role: "VIEWER",
            http,
            tls,
        }
    }

    /// A signed call: status, error name and body.
    pub async fn call(&self, path: &str, body: &Value) -> (u16, String, Value) {
        let request = Request::post(format!("{}{path}", self.endpoint))
            .header("content-type", "application/json")
            .body(body.to_string());
        let mut request = request.expect("a path");
        self.sign(&mut request, SignatureLocation::Headers);
        let (parts, body) = request.into_parts();
        let asked = self.http.post(parts.uri.to_string()).body(body);
        json_answer(asked.headers(parts.headers)).await
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let (status, kind, answer) = self.call(path, body).await;
        assert_eq!(status, 200, "{path}: {kind}: {answer}");
        answer
    }

    /// The name of its channel.
    ///
    /// # Panics
    /// When it is not told.
    pub async fn arn(&self) -> String {
        let body = json!({"ChannelName": self.robot});
        let answer = self.ask(DESCRIBE_PATH, &body).await;
        let arn = answer["ChannelInfo"]["ChannelARN"].as_str();
        arn.expect("AWS' contract").to_owned()
    }

    /// The relay of its channel.
    ///
    /// # Panics
    /// When there is none.
    pub async fn ice_server(&self) -> IceServer {
        let body = json!({"ChannelARN": self.arn().await});
        let answer = self.ask(ICE_PATH, &body).await;
        let servers: IceServers = serde_json::from_value(answer).expect("AWS' contract");
        let first = servers.ice_server_list.into_iter().next();
        first.expect("the station has a relay")
    }

    /// Opens a socket, asking for everything on the way as robot-agent does. Viewers have a name.
    ///
    /// # Errors
    /// When the socket is refused.
    ///
    /// # Panics
    /// When a call is.
    pub async fn connect(&self, name: Option<&str>) -> Result<Socket, Box<tungstenite::Error>> {
        let arn = self.arn().await;
        let configuration = json!({"Protocols": ["WSS", "HTTPS"], "Role": self.role});
        let body = json!({
            "ChannelARN": arn,
            "SingleMasterChannelEndpointConfiguration": configuration,
        });
        let endpoints = self.ask(ENDPOINT_PATH, &body).await;
        let endpoints: Endpoints = serde_json::from_value(endpoints).expect("AWS' contract");
        assert_eq!(endpoints.of("HTTPS"), Some(self.endpoint.as_str()));
        let wss = endpoints.of("WSS").expect("it was asked for");
        self.open(wss, &arn, name).await
    }

    /// Opens a socket of that channel at `wss`.
    ///
    /// # Errors
    /// When it is refused.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn open(
        &self,
        wss: &str,
        arn: &str,
        name: Option<&str>,
    ) -> Result<Socket, Box<tungstenite::Error>> {
        let mut url = url::Url::parse(wss).expect("a URL");
        url.query_pairs_mut().append_pair("X-Amz-ChannelARN", arn);
        if let Some(name) = name {
            url.query_pairs_mut().append_pair("X-Amz-ClientId", name);
        }
        let mut request = Request::get(url.as_str()).body("").expect("a URL");
        self.sign(&mut request, SignatureLocation::QueryParams);
        let stream = self.stream().await;
        let opened = client_async(request.uri().to_string(), stream).await;
        Ok(opened.map(|(socket, _)| Socket(socket))?)
    }

    /// A connection to the endpoint.
    async fn stream(&self) -> Box<dyn Stream> {
        let (_, host) = self.endpoint.split_once("://").expect("a URL");
        let stream = TcpStream::connect(host).await.expect("the station listens");
        match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = "localhost".try_into().expect("a host name");
                let connector = TlsConnector::from(tls.clone());
                Box::new(connector.connect(name, stream).await.expect("TLS"))
            }
        }
    }

    fn sign<B: AsRef<[u8]>>(&self, request: &mut Request<B>, location: SignatureLocation) {
        let scope = [REGION, SIGNING_NAME];
        sign(request, &self.credentials, scope, now(), location);
    }
}

impl Socket {
    /// Sends text of any kind.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// Keeps the socket from being idle.
    ///
    /// # Errors
    /// When it is closed.
    pub async fn ping(&mut self) -> anyhow::Result<()> {
        Ok(self.0.send(Message::Ping("".into())).await?)
    }

    /// The next frame that is not empty; `None` when the socket has closed.
    ///
    /// # Panics
    /// When none comes in time, or it is none of AWS'.
    pub async fn receive(&mut self) -> Option<FromService> {
        in_time(async {
            loop {
                match self.0.next().await? {
                    Ok(Message::Text(text)) => {
                        let frame = FromService::from_json(&text).expect("AWS' contract");
                        if frame.is_some() {
                            return frame;
                        }
                    }
                    Ok(Message::Close(_)) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        })
        .await
    }

    /// Sends an offer, and does not wait for what becomes of it.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn offer(&mut self, sdp: String) -> anyhow::Result<()> {
        let payload = encode_payload(&Description {
            kind: "offer".to_owned(),
            sdp,
            reason: None,
        });
        let frame = ToService {
            action: Content::SdpOffer,
            message_payload: payload,
            recipient_client_id: None,
            correlation_id: Some("offer".to_owned()),
        };
        self.send(&frame.to_json()).await
    }

    /// The robot's answer to `offer`, with at least one address of its own in it.
    ///
    /// # Errors
    /// With the robot's words when it refuses, and when there is no answer.
    pub async fn negotiate(&mut self, offer: String) -> anyhow::Result<String> {
        self.offer(offer).await?;
        let description: Description = self.payload(MessageType::SdpAnswer).await?;
        if let Some(reason) = description.reason {
            bail!("the robot refuses: {reason}");
        }
        let mut answer = description.sdp;
        while sdp::host(&answer).is_none() {
            let told: Candidate = self.payload(MessageType::IceCandidate).await?;
            let line = format!("a={}\r\n", told.candidate);
            if sdp::host(&line).is_some() {
                answer.push_str(&line);
            }
        }
        Ok(answer)
    }

    /// What is in the next message of that kind.
    async fn payload<P: serde::de::DeserializeOwned>(
        &mut self,
        kind: MessageType,
    ) -> anyhow::Result<P> {
        while let Some(frame) = self.receive().await {
            if frame.message_type == MessageType::StatusResponse {
                bail!("signaling refuses: {:?}", frame.status_response);
            }
            if frame.message_type == kind {
                let payload = frame.message_payload.context("a message has a payload")?;
                return Ok(decode_payload(&payload)?);
            }
        }
        bail!("the viewer's socket was closed")
    }
}
