//! The service over real connections: calls by an HTTP client, sockets by a WebSocket
//! client, all signed by the official library.

mod calls;
mod limits;
mod lists;
mod sockets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::Request;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use wire::signaling::control::Credentials;
use wire::signaling::{FromService, SIGNING_NAME, encode_payload};

use super::authenticated::Form;
use super::sigv4::Scope;
use super::*;

use crate::auth::{CredentialIssuer, Grant, Principal, Role};
use crate::clock;
use crate::http::origin;
use crate::signaling::connection::CloseReason;
use crate::signaling::{Settings, Times};
use crate::store::Directory;
use crate::store::User;
use crate::turn::{External, Relay};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const REGION: &str = "us-east-1";
const CREATED_MS: u64 = 1_763_690_000_123;
const TIMEOUT: Duration = Duration::from_secs(20);

struct Bench {
    signaling: Arc<Signaling>,
    directory: watch::Sender<Arc<Directory>>,
    host: String,
    shutdown: CancellationToken,
    _tasks: JoinSet<std::io::Result<()>>,
}

/// A service with two robots, and ann who may watch `rover`.
async fn bench(times: Times) -> Bench {
    bench_behind(&[], times).await
}

/// The same behind proxies.
async fn bench_behind(trusted: &[&str], times: Times) -> Bench {
    let trusted: Arc<[_]> = trusted.iter().map(|net| net.parse().unwrap()).collect();
    let ann = User {
        password: String::new(),
        robots: vec!["rover".to_owned()].into(),
        password_version: "1".into(),
    };
    let directory = watch::Sender::new(Arc::new(Directory {
        robots: ["rover".to_owned(), "other".to_owned()].into(),
        users: [("ann".to_owned(), ann)].into(),
        revoked: BTreeMap::new(),
        ..Directory::default()
    }));
    let shutdown = CancellationToken::new();
    let settings = Settings {
        region: REGION.into(),
        created_ms: CREATED_MS,
        times,
    };
    let signaling = Arc::new(Signaling::new(
        settings,
        CredentialIssuer::new(&[7; 32]),
        directory.subscribe(),
        Relay::external(
            External {
                address: "192.0.2.7:3478".into(),
                tls: None,
            },
            "secret",
        ),
        shutdown.clone(),
    ));
    let app = with_sockets(calls(&signaling), &signaling)
        .layer(middleware::from_fn_with_state(trusted, origin::note));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let mut tasks = JoinSet::new();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tasks.spawn(async move { axum::serve(listener, app).await });
    Bench {
        signaling,
        directory,
        host,
        shutdown,
        _tasks: tasks,
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Bench {
    fn credentials(&self, role: Role, robot: &str) -> Credentials {
        self.signaling
            .credentials
            .issue(grant(role, robot), clock::unix_s() + 3600)
    }

    fn arn(&self, robot: &str) -> String {
        self.signaling.arn(robot).to_string()
    }

    /// Status, error name and body of a call.
    async fn call(&self, who: &Credentials, path: &str, body: &Value) -> (u16, String, Value) {
        self.call_at(who, path, body.to_string(), now()).await
    }

    async fn call_at(
        &self,
        who: &Credentials,
        path: &str,
        body: String,
        at: SystemTime,
    ) -> (u16, String, Value) {
        let mut request = Request::post(format!("http://{}{path}", self.host))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        official::sign(&mut request, who, SCOPE, at, Form::Header);
        send(request).await
    }

    /// The URL of a socket as `who`; a client id makes it a viewer's.
    fn url(&self, who: &Credentials, arn: &str, client_id: Option<&str>, at: SystemTime) -> String {
        let mut url = url::Url::parse(&format!("ws://{}/", self.host)).unwrap();
        url.query_pairs_mut().append_pair("X-Amz-ChannelARN", arn);
        if let Some(id) = client_id {
            url.query_pairs_mut().append_pair("X-Amz-ClientId", id);
        }
        let mut request = Request::get(url.as_str()).body("").unwrap();
        official::sign(&mut request, who, SCOPE, at, Form::Query);
        request.uri().to_string()
    }

    async fn connect(&self, url: &str) -> Result<Socket, Box<tungstenite::Error>> {
        let (socket, _) = tokio_tungstenite::connect_async(url)
            .await
            .map_err(Box::new)?;
        Ok(socket)
    }

    async fn master(&self) -> Socket {
        let who = self.credentials(Role::Master, "rover");
        let url = self.url(&who, &self.arn("rover"), None, now());
        self.connect(&url).await.expect("the master is let in")
    }

    /// A master that calls itself so.
    async fn master_named(&self, agent: &'static str) -> Socket {
        let who = self.credentials(Role::Master, "rover");
        let url = self.url(&who, &self.arn("rover"), None, now());
        let mut request = url.into_client_request().unwrap();
        let agent = axum::http::HeaderValue::from_static(agent);
        request.headers_mut().insert("user-agent", agent);
        let connected = tokio_tungstenite::connect_async(request).await;
        connected.expect("the master is let in").0
    }

    async fn viewer(&self, id: &str) -> Result<Socket, Box<tungstenite::Error>> {
        let who = self.credentials(Role::Viewer, "rover");
        let url = self.url(&who, &self.arn("rover"), Some(id), now());
        self.connect(&url).await
    }
}

fn grant(role: Role, robot: &str) -> Grant {
    Grant {
        role,
        robot: robot.into(),
        principal: match role {
            Role::Master => Principal::Certificate("0a".into(), robot.into()),
            Role::Viewer => Principal::User("ann".into(), "1".into()),
        },
    }
}

const SCOPE: Scope = Scope {
    region: REGION,
    service: SIGNING_NAME,
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(clock::unix_s())
}

async fn send(request: Request<String>) -> (u16, String, Value) {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (parts, body) = request.into_parts();
    let response = reqwest::Client::new()
        .post(parts.uri.to_string())
        .headers(parts.headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let status = response.status().as_u16();
    let header = response.headers().get("x-amzn-errortype");
    let kind = header.map_or("", |kind| kind.to_str().unwrap()).to_owned();
    let body = response.bytes().await.unwrap();
    (
        status,
        kind,
        serde_json::from_slice(&body).unwrap_or(Value::Null),
    )
}

/// Status and error name with which a socket was refused.
fn refused(result: Result<Socket, Box<tungstenite::Error>>) -> (u16, String) {
    match result.map_err(|error| *error) {
        Err(tungstenite::Error::Http(response)) => {
            let header = response.headers().get("x-amzn-errortype");
            let kind = header.map_or("", |kind| kind.to_str().unwrap());
            (response.status().as_u16(), kind.to_owned())
        }
        Err(other) => panic!("refused in another way: {other}"),
        Ok(_) => panic!("let in"),
    }
}

async fn send_frame(socket: &mut Socket, frame: &Value) {
    let text = frame.to_string();
    socket.send(Message::Text(text.into())).await.unwrap();
}

/// The next frame that is not empty.
async fn receive(socket: &mut Socket) -> FromService {
    loop {
        match next(socket).await {
            Message::Text(text) => {
                if let Some(frame) = FromService::from_json(&text).unwrap() {
                    return frame;
                }
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("expected a text frame, got {other:?}"),
        }
    }
}

/// Why the other end closes.
async fn closed(socket: &mut Socket) -> String {
    loop {
        if let Message::Close(frame) = next(socket).await {
            return frame.map_or_else(String::new, |frame| frame.reason.to_string());
        }
    }
}

async fn next(socket: &mut Socket) -> Message {
    tokio::time::timeout(TIMEOUT, socket.next())
        .await
        .expect("something comes in time")
        .expect("the socket is open")
        .expect("the socket is whole")
}

fn offer(payload: &str) -> Value {
    json!({"action": "SDP_OFFER", "messagePayload": encode_payload(&payload)})
}

fn answer(to: &str) -> Value {
    json!({"action": "SDP_ANSWER", "recipientClientId": to, "messagePayload": encode_payload(&"answer")})
}
