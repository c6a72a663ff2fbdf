//! A viewer's way to the robot: temporary credentials, the signed socket, the answer to an
//! offer.

use crate::tap::unix_ns;
use crate::{Station, process::PATIENCE};
use anyhow::{Context, bail};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wire::signaling::control::Credentials;
use wire::signaling::{
    Candidate, Content, Description, FromService, MessageType, SIGNING_NAME, ToService, open, seal,
};

/// How long a signed URL is good for; what the official clients say.
const URL_LIFE: Duration = Duration::from_secs(299);

/// Who may watch, and where.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pass {
    #[serde(flatten)]
    credentials: Credentials,
    region: String,
    #[serde(rename = "channelArn")]
    channel: String,
    endpoint: String,
}

/// A viewer's open socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Pass {
    /// What the station gives whoever has `key` for `robot`.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn of(station: &Station, robot: &str, key: &str) -> anyhow::Result<Self> {
        Self::at(&station.ready.http, robot, key).await
    }

    /// The same from the station that speaks HTTP at `address`.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn at(address: &str, robot: &str, key: &str) -> anyhow::Result<Self> {
        crate::use_ring();
        let url = format!("http://{address}/robots/{robot}/viewer");
        let request = reqwest::Client::new().post(url).header("x-api-key", key);
        let response = request.send().await?.error_for_status()?;
        Ok(response.json().await?)
    }

    /// Opens the socket for the viewer `name`.
    ///
    /// # Errors
    /// When the station refuses.
    pub async fn socket(&self, name: &str) -> anyhow::Result<Socket> {
        // Asked over plain HTTP on loopback, the station's sockets are plain too.
        let mut url = url::Url::parse(&self.endpoint.replacen("http", "ws", 1))?;
        url.query_pairs_mut()
            .append_pair("X-Amz-ChannelARN", &self.channel)
            .append_pair("X-Amz-ClientId", name);
        let signed = self.signed(url.as_str())?;
        let (socket, _) = connect_async(signed).await.context("the viewer's socket")?;
        Ok(Socket(socket))
    }

    fn signed(&self, url: &str) -> anyhow::Result<String> {
        let Credentials {
            access_key_id,
            secret_access_key,
            session_token,
            ..
        } = &self.credentials;
        let token = Some(session_token.clone());
        let identity = aws_credential_types::Credentials::new(
            access_key_id,
            secret_access_key,
            token,
            None,
            "viewer",
        )
        .into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(URL_LIFE);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SIGNING_NAME)
            .time(UNIX_EPOCH + Duration::from_nanos(unix_ns()))
            .settings(settings)
            .build()?
            .into();
        let body = SignableBody::Bytes(&[]);
        let signable = SignableRequest::new("GET", url, std::iter::empty(), body)?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = Request::get(url).body(())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request.uri().to_string())
    }
}

impl Socket {
    /// Sends something of a kind of its own.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// Sends an offer, and does not wait for what becomes of it.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn offer(&mut self, sdp: String) -> anyhow::Result<()> {
        let payload = seal(&Description {
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
        self.say(&frame.to_json()).await
    }

    /// The robot's answer to `offer`, with at least one address of its own in it.
    ///
    /// # Errors
    /// With the robot's words when it refuses, and when there is no answer.
    pub async fn meet(&mut self, offer: String) -> anyhow::Result<String> {
        self.offer(offer).await?;
        let mut answer = self.hear(MessageType::SdpAnswer, described).await?;
        while host(&answer).is_none() {
            let told: Candidate = self.hear(MessageType::IceCandidate, Ok).await?;
            let line = format!("a={}\r\n", told.candidate);
            if own_address(line.trim_end()).is_some() {
                answer.push_str(&line);
            }
        }
        Ok(answer)
    }

    /// The next message of that kind.
    async fn hear<P: serde::de::DeserializeOwned, T>(
        &mut self,
        kind: MessageType,
        read: impl Fn(P) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let listening = async {
            while let Some(message) = self.0.next().await {
                let Message::Text(text) = message? else {
                    continue;
                };
                let Some(frame) = FromService::from_json(&text)? else {
                    continue;
                };
                if frame.message_type == MessageType::StatusResponse {
                    bail!("signaling refuses: {:?}", frame.status_response);
                }
                if frame.message_type == kind {
                    let payload = frame.message_payload.context("a message has a payload")?;
                    return read(open(&payload)?);
                }
            }
            bail!("the viewer's socket was closed")
        };
        tokio::time::timeout(PATIENCE, listening)
            .await
            .context("the robot does not answer")?
    }
}

fn described(answer: Description) -> anyhow::Result<String> {
    match answer.reason {
        Some(reason) => bail!("the robot refuses: {reason}"),
        None => Ok(answer.sdp),
    }
}

/// The robot's own address in its answer.
pub fn host(answer: &str) -> Option<SocketAddr> {
    answer.lines().find_map(own_address)
}

/// `answer` with the robot's addresses replaced by one: the same machine's `port`.
pub fn through(answer: &str, port: u16) -> Option<String> {
    let mut first = true;
    let mut lines = Vec::new();
    for line in answer.lines() {
        if !line.starts_with("a=candidate:") {
            lines.push(line.to_owned());
        } else if let Some(address) = own_address(line).filter(|_| std::mem::take(&mut first)) {
            let old = format!("{} {}", address.ip(), address.port());
            lines.push(line.replacen(&old, &format!("{} {port}", address.ip()), 1));
        }
    }
    (!first).then(|| lines.join("\r\n") + "\r\n")
}

/// Of a line of the answer, if it tells an IPv4 address of the robot's own.
fn own_address(line: &str) -> Option<SocketAddr> {
    let words: Vec<_> = line
        .strip_prefix("a=candidate:")?
        .split_whitespace()
        .collect();
    let [_, "1", protocol, _, ip, port, "typ", "host", ..] = words[..] else {
        return None;
    };
    let ip: std::net::Ipv4Addr = ip.parse().ok()?;
    let udp = protocol.eq_ignore_ascii_case("udp");
    udp.then(|| SocketAddr::from((ip, port.parse().unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_address_is_left_and_it_is_the_relays() {
        let answer = "v=0\r\n\
            a=candidate:1 1 udp 9 fe80::1 4000 typ host\r\n\
            a=candidate:2 1 udp 8 192.0.2.7 4001 typ host\r\n\
            a=candidate:2 2 udp 8 192.0.2.7 4001 typ host\r\n\
            a=candidate:3 1 udp 7 198.51.100.2 4002 typ relay raddr 0.0.0.0 rport 1\r\n\
            a=mid:0\r\n";
        assert_eq!(host(answer), Some(([192, 0, 2, 7], 4001).into()));
        assert_eq!(
            through(answer, 5000).unwrap(),
            "v=0\r\na=candidate:2 1 udp 8 192.0.2.7 5000 typ host\r\na=mid:0\r\n"
        );
        assert_eq!(through("v=0\r\n", 5000), None);
    }
}
