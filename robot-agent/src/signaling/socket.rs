//! The master's socket: one connection to the service, frames in and out.

use std::net::IpAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::header::{DATE, HeaderValue, USER_AGENT};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, WebSocketConfig};
use url::Url;
use wire::signaling::MAX_SERVICE_FRAME_BYTES;
use wire::signaling::control::ERROR_TYPE_HEADER;
use wire::signaling::permitted::REVOKED;

use super::messages::{self, Event};
use crate::aws::error::Error;
use crate::aws::http_client::HttpClient;
use crate::happy_eyeballs::{self, Attempt, Connected};
use crate::video::messages::Outgoing;
use crate::{address, connect_error};

/// How errors name the opening of the socket.
pub(super) const CALL: &str = "ConnectAsMaster";

/// Who connects. A ground station tells whoever says so of principals.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("robot-agent/", env!("CARGO_PKG_VERSION")));

/// How long connecting may take, with both handshakes.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a frame may take to leave. A network that is gone takes none.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// How long the closing handshake may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

pub(super) struct Socket {
    stream: WebSocketStream<TlsStream<TcpStream>>,
    /// This machine's address, on which the connection stands.
    local: Option<IpAddr>,
    sent: u64,
    bad: u64,
}

impl Socket {
    /// Connects to a signed URL. `http` learns the service's time from a refusal.
    pub(super) async fn connect(
        url: &Url,
        tls: &TlsConnector,
        http: &HttpClient,
    ) -> Result<Self, Error> {
        match tokio::time::timeout(CONNECT_LIMIT, Self::open(url, tls, http)).await {
            Ok(opened) => opened,
            Err(_) => Err(unreachable(format!("no answer within {CONNECT_LIMIT:?}"))),
        }
    }

    async fn open(url: &Url, tls: &TlsConnector, http: &HttpClient) -> Result<Self, Error> {
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().unwrap_or(443);
        let name = rustls::pki_types::ServerName::try_from(host.to_owned())
            .map_err(|_| unreachable(format!("{host:?} is no host")))?;
        let io_error = |error: std::io::Error| unreachable(connect_error::reason(&error));
        let connected = happy_eyeballs::connect(host, port, CONNECT_LIMIT).await;
        let Connected { stream, failed } = connected.map_err(io_error)?;
        for Attempt { address, error } in failed {
            tracing::debug!(%address, %error, "signaling: one address of several cannot be reached");
        }
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().ok().map(|address| address.ip());
        let stream = tls.connect(name, stream).await.map_err(io_error)?;
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_SERVICE_FRAME_BYTES))
            .max_frame_size(Some(MAX_SERVICE_FRAME_BYTES));
        let request = url.as_str().into_client_request();
        let mut request = request.map_err(|error| unreachable(connect_error::reason(&error)))?;
        request.headers_mut().insert(USER_AGENT, AGENT);
        let upgraded =
            tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await;
        match upgraded {
            Ok((stream, _)) => Ok(Self {
                stream,
                local,
                sent: 0,
                bad: 0,
            }),
            Err(error) => Err(refused(&error, http)),
        }
    }

    /// The next frame, decoded; an error in words once the socket is gone. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Event, String> {
        match self.stream.next().await {
            None => Err("the connection ended".to_owned()),
            Some(Err(error)) => Err(connect_error::reason(&error)),
            Some(Ok(Frame::Close(Some(why)))) if why.reason == REVOKED => Ok(Event::Revoked),
            Some(Ok(Frame::Close(Some(why)))) => Err(format!("closed by the service: {why}")),
            Some(Ok(Frame::Close(None))) => Err("closed by the service".to_owned()),
            Some(Ok(Frame::Text(text))) => Ok(self.decode(&text)),
            Some(Ok(_)) => Ok(Event::Nothing),
        }
    }

    fn decode(&mut self, text: &str) -> Event {
        messages::decode(text).unwrap_or_else(|error| {
            self.bad += 1;
            if self.bad.is_power_of_two() {
                tracing::warn!(frames = self.bad, "signaling: {error}");
            }
            Event::Nothing
        })
    }

    /// Whether this machine has lost the address from which the socket was opened. Then
    /// nothing comes over it any more, and nobody says so.
    pub(super) fn lost_its_address(&self) -> bool {
        self.local.is_some_and(|local| !address::is_own(local))
    }

    pub(super) async fn send(&mut self, outgoing: &Outgoing) -> Result<(), String> {
        self.sent += 1;
        let frame = messages::encode(outgoing, self.sent);
        self.send_frame(Frame::text(frame)).await
    }

    pub(super) async fn ping(&mut self) -> Result<(), String> {
        self.send_frame(Frame::Ping(bytes::Bytes::new())).await
    }

    pub(super) async fn close(mut self) {
        let _ = tokio::time::timeout(CLOSE_LIMIT, self.stream.close(None)).await;
    }

    async fn send_frame(&mut self, frame: Frame) -> Result<(), String> {
        match tokio::time::timeout(SEND_LIMIT, self.stream.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(connect_error::reason(&error)),
            Err(_) => Err(format!("takes nothing for {SEND_LIMIT:?}")),
        }
    }
}

fn unreachable(reason: String) -> Error {
    Error::Unreachable { call: CALL, reason }
}

fn refused(error: &tungstenite::Error, http: &HttpClient) -> Error {
    let tungstenite::Error::Http(response) = error else {
        return unreachable(connect_error::reason(error));
    };
    http.read_date(response.headers().get(DATE));
    let name = response.headers().get(ERROR_TYPE_HEADER);
    let name = name.and_then(|name| name.to_str().ok());
    let body = response.body().as_deref().unwrap_or_default();
    Error::from_response(CALL, response.status().as_u16(), name, body)
}

#[cfg(test)]
mod tests {
    use super::AGENT;

    #[test]
    fn a_ground_station_knows_the_robot_by_how_it_calls_itself() {
        let ours = wire::signaling::permitted::ROBOT_AGENT.as_bytes();
        assert!(AGENT.as_bytes().starts_with(ours));
    }
}
