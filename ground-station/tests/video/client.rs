//! A client of the channel: asks for credentials, signs with the official library, listens.

use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use axum::http::{HeaderMap, Request};
use futures::{SinkExt, StreamExt};
use ground_station::clock;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tests::Station;
use tests::process::PATIENCE;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};
use wire::signaling::control::{
    Credentials, DESCRIBE_PATH, ENDPOINT_PATH, Endpoints, ICE_PATH, IceServer, IceServers,
    RoleAliasCredentials,
};
use wire::signaling::{FromService, SIGNING_NAME};

pub(crate) const ROBOT_PATH: &str = "/role-aliases/outpost-robot/credentials";
pub(crate) const REGION: &str = "us-east-1";

/// Encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Debug + Send + Unpin> Stream for S {}

pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// The folder of certificates of a new robot.
pub(crate) async fn certs(station: &Station, robot: &str) -> PathBuf {
    station.new_robot(robot).await.path().join("certs")
}

/// An HTTPS client that trusts the station, with the certificate in `certs` if it is to have one.
pub(crate) fn https(certs: &Path, with_certificate: bool) -> reqwest::Client {
    let read = |file: &str| std::fs::read(certs.join(file)).unwrap();
    let ca = reqwest::Certificate::from_pem(&read("cacert.pem")).unwrap();
    let mut client = reqwest::Client::builder().tls_certs_only([ca]);
    if with_certificate {
        let pair = [read("certificate.pem"), read("private.pem.key")].concat();
        client = client.identity(reqwest::Identity::from_pem(&pair).unwrap());
    }
    client.build().unwrap()
}

/// The station's HTTPS under the name in its certificate.
pub(crate) fn secure_host(station: &Station) -> String {
    let (_, port) = station.ready.https.rsplit_once(':').unwrap();
    format!("localhost:{port}")
}

/// Status, error name and body.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let header = response.headers().get("x-amzn-errortype");
    let kind = header.map_or("", |kind| kind.to_str().unwrap()).to_owned();
    (status, kind, response.json().await.unwrap())
}

/// Credentials for the robot whose certificates are in `certs`.
pub(crate) async fn robot_credentials(station: &Station, certs: &Path) -> Credentials {
    let url = format!("https://{}{ROBOT_PATH}", secure_host(station));
    let (status, kind, body) = answer(https(certs, true).get(url)).await;
    assert_eq!(status, 200, "{kind}: {body}");
    let answer: RoleAliasCredentials = serde_json::from_value(body).unwrap();
    answer.credentials
}

/// A bearer token of a new user.
pub(crate) async fn token(station: &Station, arguments: &[&str]) -> String {
    let password = station
        .command(&[&["new-user", "ann"], arguments].concat())
        .await;
    let login = json!({"user": "ann", "password": password.trim()});
    let url = format!("http://{}/login", station.ready.http);
    let (status, _, body) = answer(station.client.post(url).json(&login)).await;
    assert_eq!(status, 200, "{body}");
    body["token"].as_str().unwrap().to_owned()
}

/// One end of a channel.
pub(crate) struct End {
    /// `https://host:port`, or `http://…`.
    pub(crate) endpoint: String,
    pub(crate) credentials: Credentials,
    pub(crate) role: &'static str,
    certs: PathBuf,
    http: reqwest::Client,
}

impl End {
    pub(crate) fn new(
        endpoint: String,
        credentials: Credentials,
        role: &'static str,
        certs: &Path,
    ) -> Self {
        Self {
            endpoint,
            credentials,
            role,
            certs: certs.to_owned(),
            http: https(certs, false),
        }
    }

    /// The robot whose certificates are in `certs`.
    pub(crate) async fn robot(station: &Station, certs: &Path) -> Self {
        let credentials = robot_credentials(station, certs).await;
        let endpoint = format!("https://{}", secure_host(station));
        Self::new(endpoint, credentials, "MASTER", certs)
    }

    /// Whoever signed in, over the listener at `base`.
    pub(crate) async fn viewer(base: &str, robot: &str, token: &str, certs: &Path) -> Self {
        let url = format!("{base}/robots/{robot}/viewer");
        let asked = https(certs, false).post(url).bearer_auth(token);
        let (status, _, body) = answer(asked).await;
        assert_eq!(status, 200, "{body}");
        let endpoint = body["endpoint"].as_str().unwrap().to_owned();
        assert_eq!(body["region"], REGION);
        let credentials = serde_json::from_value(body).unwrap();
        Self::new(endpoint, credentials, "VIEWER", certs)
    }

    pub(crate) async fn call(&self, path: &str, body: &Value) -> (u16, String, Value) {
        let request = Request::post(format!("{}{path}", self.endpoint))
            .header("content-type", "application/json")
            .body(body.to_string())
            .unwrap();
        let request = self.signed(request, SignatureLocation::Headers);
        let (parts, body) = request.into_parts();
        let asked = self.http.post(parts.uri.to_string()).body(body);
        answer(asked.headers(parts.headers)).await
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let (status, kind, answer) = self.call(path, body).await;
        assert_eq!(status, 200, "{path}: {kind}: {answer}");
        answer
    }

    pub(crate) async fn arn(&self, robot: &str) -> String {
        let answer = self
            .ask(DESCRIBE_PATH, &json!({"ChannelName": robot}))
            .await;
        answer["ChannelInfo"]["ChannelARN"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn ice_server(&self, arn: &str) -> IceServer {
        let answer = self.ask(ICE_PATH, &json!({"ChannelARN": arn})).await;
        let servers: IceServers = serde_json::from_value(answer).unwrap();
        servers.ice_server_list.into_iter().next().unwrap()
    }

    /// Opens the socket, asking for everything on the way as an agent does.
    pub(crate) async fn connect(
        &self,
        robot: &str,
        client_id: Option<&str>,
    ) -> Result<Socket, Box<tungstenite::Error>> {
        let arn = self.arn(robot).await;
        let configuration = json!({"Protocols": ["WSS", "HTTPS"], "Role": self.role});
        let body = json!({
            "ChannelARN": arn,
            "SingleMasterChannelEndpointConfiguration": configuration,
        });
        let endpoints: Endpoints =
            serde_json::from_value(self.ask(ENDPOINT_PATH, &body).await).unwrap();
        assert_eq!(endpoints.of("HTTPS"), Some(self.endpoint.as_str()));
        self.open(endpoints.of("WSS").unwrap(), &arn, client_id)
            .await
    }

    pub(crate) async fn open(
        &self,
        wss: &str,
        arn: &str,
        client_id: Option<&str>,
    ) -> Result<Socket, Box<tungstenite::Error>> {
        let mut url = url::Url::parse(wss).unwrap();
        url.query_pairs_mut().append_pair("X-Amz-ChannelARN", arn);
        if let Some(id) = client_id {
            url.query_pairs_mut().append_pair("X-Amz-ClientId", id);
        }
        let request = Request::get(url.as_str()).body(String::new()).unwrap();
        let url = self
            .signed(request, SignatureLocation::QueryParams)
            .uri()
            .to_string();
        let stream = self.stream().await;
        tokio_tungstenite::client_async(url, stream)
            .await
            .map(|(socket, _)| socket)
            .map_err(Box::new)
    }

    /// A connection to the endpoint, encrypted if it says so.
    async fn stream(&self) -> Box<dyn Stream> {
        let (scheme, host) = self.endpoint.split_once("://").unwrap();
        let stream = TcpStream::connect(host).await.unwrap();
        if scheme == "http" {
            return Box::new(stream);
        }
        let mut roots = rustls::RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(self.certs.join("cacert.pem")).unwrap();
        roots.add(ca).unwrap();
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let connector = TlsConnector::from(Arc::new(tls));
        Box::new(connector.connect(name, stream).await.unwrap())
    }

    fn signed(&self, mut request: Request<String>, at: SignatureLocation) -> Request<String> {
        let Credentials {
            access_key_id,
            secret_access_key,
            session_token,
            ..
        } = &self.credentials;
        let identity = aws_credential_types::Credentials::new(
            access_key_id,
            secret_access_key,
            Some(session_token.clone()),
            None,
            "test",
        )
        .into();
        let mut settings = SigningSettings::default();
        settings.signature_location = at;
        if at == SignatureLocation::QueryParams {
            settings.expires_in = Some(Duration::from_secs(299));
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(SIGNING_NAME)
            .time(UNIX_EPOCH + Duration::from_secs(clock::unix_s()))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let uri = request.uri().to_string();
        let headers = request.headers().clone();
        let signable = SignableRequest::new(
            request.method().as_str(),
            uri,
            words(&headers),
            SignableBody::Bytes(request.body().as_bytes()),
        );
        let (instructions, _) = sign(signable.unwrap(), &parameters).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }
}

fn words(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
}

pub(crate) async fn say(socket: &mut Socket, frame: &Value) {
    let text = frame.to_string();
    socket.send(Message::Text(text.into())).await.unwrap();
}

/// The next frame that is not empty; `None` when the socket has closed.
pub(crate) async fn hear(socket: &mut Socket) -> Option<FromService> {
    let listening = async {
        loop {
            match socket.next().await? {
                Ok(Message::Text(text)) => {
                    if let Some(frame) = FromService::from_json(&text).unwrap() {
                        return Some(frame);
                    }
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, listening)
        .await
        .expect("something comes in time")
}
