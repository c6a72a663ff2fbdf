//! The master's socket: one connection to the service, frames in and out, and whether it is
//! still alive.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, WebSocketConfig};
use url::Url;
use wire::signaling::{Content, Description, MAX_FRAME_BYTES, ToService, seal};

use super::messages::{Heard, meaning};
use crate::address;
use crate::aws::error::{Fault, in_words, refused};
use crate::aws::server_clock::Clock;
use crate::clock::now;
use crate::video::messages::{Message, Outgoing};

/// How the socket is named in the log.
pub(super) const CALL: &str = "ConnectAsMaster";

/// How long connecting may take, with both handshakes.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a frame may take to leave. A network that is gone takes none.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// An open socket.
pub(super) struct Socket {
    stream: WebSocketStream<TlsStream<TcpStream>>,
    pub heard: Instant,
    pub pinged: Instant,
    pub opened: Instant,
    /// From where it was opened.
    from: Option<IpAddr>,
    sent: u64,
    bad: u64,
}

impl Socket {
    /// Connects to a signed URL.
    pub(super) async fn connect(
        url: &Url,
        tls: &TlsConnector,
        clock: &Clock,
    ) -> Result<Self, Fault> {
        match tokio::time::timeout(CONNECT_LIMIT, Self::open(url, tls, clock)).await {
            Ok(opened) => opened,
            Err(_) => Err(unreachable(format!("no answer within {CONNECT_LIMIT:?}"))),
        }
    }

    async fn open(url: &Url, tls: &TlsConnector, clock: &Clock) -> Result<Self, Fault> {
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().unwrap_or(443);
        let name = rustls::pki_types::ServerName::try_from(host.to_owned())
            .map_err(|_| unreachable(format!("{host:?} is no host")))?;
        let stream = TcpStream::connect((host, port))
            .await
            .map_err(|error| unreachable(in_words(&error)))?;
        let _ = stream.set_nodelay(true);
        let from = stream.local_addr().ok().map(|address| address.ip());
        let stream = tls
            .connect(name, stream)
            .await
            .map_err(|error| unreachable(in_words(&error)))?;
        let request = url
            .as_str()
            .into_client_request()
            .map_err(|error| unreachable(in_words(&error)))?;
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        let upgraded =
            tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await;
        match upgraded {
            Ok((stream, _)) => Ok(Self::new(stream, from)),
            Err(error) => Err(not_upgraded(&error, clock)),
        }
    }

    fn new(stream: WebSocketStream<TlsStream<TcpStream>>, from: Option<IpAddr>) -> Self {
        let now = now();
        Self {
            stream,
            heard: now,
            pinged: now,
            opened: now,
            from,
            sent: 0,
            bad: 0,
        }
    }

    /// The next frame's meaning; an error in words once the socket is gone. Losing this
    /// future loses no frame.
    pub(super) async fn next(&mut self) -> Result<Heard, String> {
        let frame = match self.stream.next().await {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Err(in_words(&error)),
            None => return Err("the connection ended".to_owned()),
        };
        self.heard = now();
        match frame {
            Frame::Text(text) => match meaning(&text) {
                Ok(heard) => Ok(heard),
                Err(why) => {
                    self.bad += 1;
                    if self.bad.is_power_of_two() {
                        tracing::warn!(frames = self.bad, "signaling: {why}");
                    }
                    Ok(Heard::Nothing)
                }
            },
            Frame::Close(Some(why)) => Err(format!("closed by the service: {why}")),
            Frame::Close(None) => Err("closed by the service".to_owned()),
            _ => Ok(Heard::Nothing),
        }
    }

    /// Whether this machine has lost the address from which the socket was opened. Then
    /// nothing comes over it any more, and nobody says so.
    pub(super) fn is_stranded(&self) -> bool {
        self.from.is_some_and(|from| !address::is_own(from))
    }

    /// Says something to a viewer.
    pub(super) async fn say(&mut self, outgoing: &Outgoing) -> Result<(), String> {
        self.sent += 1;
        let (action, payload) = match &outgoing.message {
            Message::Answer { sdp, refused } => (
                Content::SdpAnswer,
                seal(&Description {
                    kind: "answer".to_owned(),
                    sdp: sdp.clone(),
                    reason: refused.clone(),
                }),
            ),
            Message::Candidate(candidate) => (Content::IceCandidate, seal(candidate)),
        };
        let frame = ToService {
            action,
            message_payload: payload,
            recipient_client_id: Some(outgoing.viewer.clone()),
            // With it, a refusal comes back and can be logged.
            correlation_id: Some(self.sent.to_string()),
        };
        self.send(Frame::text(frame.to_json())).await
    }

    /// Asks for a sign of life.
    pub(super) async fn ping(&mut self) -> Result<(), String> {
        self.pinged = now();
        self.send(Frame::Ping(bytes::Bytes::new())).await
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        const GOODBYE: Duration = Duration::from_millis(500);
        let _ = tokio::time::timeout(GOODBYE, self.stream.close(None)).await;
    }

    async fn send(&mut self, frame: Frame) -> Result<(), String> {
        match tokio::time::timeout(SEND_LIMIT, self.stream.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(in_words(&error)),
            Err(_) => Err(format!("takes nothing for {SEND_LIMIT:?}")),
        }
    }
}

fn unreachable(why: String) -> Fault {
    Fault::Unreachable { call: CALL, why }
}

fn not_upgraded(error: &Error, clock: &Clock) -> Fault {
    let Error::Http(response) = error else {
        return unreachable(in_words(error));
    };
    let text = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    if let Some(date) = text("date") {
        clock.hear(&date);
    }
    let name = text(wire::signaling::control::ERROR_TYPE_HEADER);
    let body = response.body().as_deref().unwrap_or_default();
    refused(CALL, response.status().as_u16(), name.as_deref(), body)
}
