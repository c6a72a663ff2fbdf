//! A service for tests: the calls that lead to a socket, and the socket as a raw stream, so
//! that a test can be as bad as it likes on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures::{SinkExt, StreamExt};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, Role};
use wire::signaling::{Content, ToService};

pub(super) type Raw = TlsStream<TcpStream>;

pub(super) const TIME_LIMIT: Duration = Duration::from_secs(30);

pub(super) const ARN: &str = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/rover/1";

/// What the service saw and how it behaves.
#[derive(Default)]
pub(super) struct State {
    /// Calls so far, by path.
    pub calls: HashMap<String, u32>,
    /// The last head of each call.
    pub heads: HashMap<String, String>,
    /// How often each path still fails, and how.
    pub failing: HashMap<String, (u32, u16, &'static str)>,
    /// How far the service's clock is ahead.
    pub ahead_s: i64,
    /// Life of relays and of credentials.
    pub ice_ttl_s: u64,
    pub credentials_life_s: u64,
}

pub(super) struct Service {
    pub port: u16,
    pub state: Arc<Mutex<State>>,
    pub sockets: mpsc::UnboundedReceiver<Raw>,
    pub trust: Arc<rustls::ClientConfig>,
    _tasks: JoinSet<()>,
}

impl Service {
    pub(super) async fn start() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let acceptor = acceptor(&key, certificate.der().clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            ice_ttl_s: 300,
            credentials_life_s: 3600,
            ..State::default()
        }));
        let (to, sockets) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state, to) = (acceptor.clone(), Arc::clone(&shared), to.clone());
                connections.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, port, &state, &to).await;
                    }
                });
            }
        });
        Self {
            port,
            state,
            sockets,
            trust: trust(certificate.der().clone()),
            _tasks: tasks,
        }
    }

    /// The next socket that the robot opens, before any frame.
    pub(super) async fn next_raw(&mut self) -> Raw {
        tokio::time::timeout(TIME_LIMIT, self.sockets.recv())
            .await
            .expect("a socket in time")
            .expect("a socket")
    }

    pub(super) async fn next(&mut self) -> ServiceSocket {
        ServiceSocket::new(self.next_raw().await).await
    }

    pub(super) fn calls(&self, path: &str) -> u32 {
        let state = self.state.lock().unwrap();
        state.calls.get(path).copied().unwrap_or(0)
    }
}

/// The robot's socket, seen from the service.
pub(super) struct ServiceSocket(WebSocketStream<Raw>);

impl ServiceSocket {
    pub(super) async fn new(raw: Raw) -> Self {
        Self(WebSocketStream::from_raw_socket(raw, Role::Server, None).await)
    }

    pub(super) async fn send(&mut self, frame: Frame) {
        self.0.send(frame).await.unwrap();
    }

    pub(super) async fn send_text(&mut self, text: &str) {
        self.send(Frame::text(text)).await;
    }

    /// The next message of the robot, opened.
    pub(super) async fn next(&mut self) -> (Content, String, serde_json::Value) {
        tokio::time::timeout(TIME_LIMIT, async {
            loop {
                if let Frame::Text(text) = self.0.next().await.unwrap().unwrap() {
                    let frame = ToService::from_json(&text).unwrap();
                    let payload = wire::signaling::decode_payload(&frame.message_payload).unwrap();
                    return (frame.action, frame.recipient_client_id.unwrap(), payload);
                }
            }
        })
        .await
        .expect("a message in time")
    }

    /// Whether a ping with that payload is answered, and the socket not closed before.
    pub(super) async fn answers(&mut self, payload: &str) -> bool {
        let answer = async {
            while let Some(Ok(frame)) = self.0.next().await {
                if matches!(&frame, Frame::Pong(pong) if **pong == *payload.as_bytes()) {
                    return true;
                }
            }
            false
        };
        tokio::time::timeout(TIME_LIMIT, answer)
            .await
            .expect("answered or closed in time")
    }

    /// Until the robot closes it.
    pub(super) async fn closed(&mut self) {
        let closing = async { while let Some(Ok(_)) = self.0.next().await {} };
        tokio::time::timeout(TIME_LIMIT, closing)
            .await
            .expect("closed in time");
    }
}

fn acceptor(key: &KeyPair, certificate: CertificateDer<'static>) -> TlsAcceptor {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

pub(super) fn trust(certificate: CertificateDer<'static>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

async fn serve(mut stream: Raw, port: u16, state: &Mutex<State>, to: &mpsc::UnboundedSender<Raw>) {
    while let Some((head, _body)) = read_request(&mut stream).await {
        let path = head
            .split_whitespace()
            .nth(1)
            .and_then(|target| target.split('?').next())
            .unwrap_or_default()
            .to_owned();
        let (status, body) = answer(state, &path, &head, port);
        let date = httpdate::fmt_http_date(time(state));
        if status == 101 {
            let key = head
                .lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("sec-websocket-key")
                        .then(|| derive_accept_key(value.trim().as_bytes()))
                })
                .unwrap();
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-accept: {key}\r\ndate: {date}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let _ = to.send(stream);
            return;
        }
        let answer = format!(
            "HTTP/1.1 {status} Whatever\r\ndate: {date}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn time(state: &Mutex<State>) -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "the service has a clock")]
    let now = SystemTime::now();
    let ahead = state.lock().unwrap().ahead_s;
    let by = Duration::from_secs(ahead.unsigned_abs());
    if ahead < 0 { now - by } else { now + by }
}

fn answer(state: &Mutex<State>, path: &str, head: &str, port: u16) -> (u16, String) {
    let now = time(state);
    let mut state = state.lock().unwrap();
    *state.calls.entry(path.to_owned()).or_default() += 1;
    state.heads.insert(path.to_owned(), head.to_owned());
    if let Some((left, status, body)) = state.failing.get_mut(path)
        && *left > 0
    {
        *left -= 1;
        return (*status, (*body).to_owned());
    }
    let end = now + Duration::from_secs(state.credentials_life_s);
    let end = ::time::OffsetDateTime::from(end)
        .format(&::time::format_description::well_known::Rfc3339)
        .unwrap();
    let ttl = state.ice_ttl_s;
    let body = match path {
        "/" => return (101, String::new()),
        "/role-aliases/outpost-robot/credentials" => format!(
            "{{\"credentials\":{{\"accessKeyId\":\"AKIA\",\"secretAccessKey\":\"s\",\
             \"sessionToken\":\"t/+=\",\"expiration\":\"{end}\"}}}}"
        ),
        "/describeSignalingChannel" => {
            format!("{{\"ChannelInfo\":{{\"ChannelARN\":\"{ARN}\",\"ChannelName\":\"rover\"}}}}")
        }
        "/createSignalingChannel" => format!("{{\"ChannelARN\":\"{ARN}\"}}"),
        "/getSignalingChannelEndpoint" => format!(
            "{{\"ResourceEndpointList\":[\
             {{\"Protocol\":\"HTTPS\",\"ResourceEndpoint\":\"https://localhost:{port}\"}},\
             {{\"Protocol\":\"WSS\",\"ResourceEndpoint\":\"wss://localhost:{port}\"}}]}}"
        ),
        "/v1/get-ice-server-config" => format!(
            "{{\"IceServerList\":[{{\"Password\":\"p+/=\",\"Ttl\":{ttl},\"Uris\":[\
             \"turn:127.0.0.1:3478?transport=udp\"],\"Username\":\"u\"}}]}}"
        ),
        _ => return (404, String::new()),
    };
    (200, body)
}

async fn read_request(stream: &mut Raw) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            return None;
        }
        bytes.push(byte[0]);
        if bytes.ends_with(b"\r\n\r\n") {
            break bytes.len();
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let length = head
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
