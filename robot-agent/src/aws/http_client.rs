//! One HTTPS call to the cloud, bounded in time and size.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header;
use wire::signaling::control::ERROR_TYPE_HEADER;

use super::error::{Fault, in_words, refused};
use super::server_clock::Clock;

/// How long a connection may take: a TLS handshake over a slow mobile network.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long a whole call may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next call. Calls come in bursts, minutes apart: one
/// kept for longer may lead out of a network that is gone, and a call over it takes its limit.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// Longest answer that is read. Five relays with their passwords take some 4 kB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The way to the cloud, with the robot's certificate.
#[derive(Clone)]
pub(crate) struct Line {
    client: reqwest::Client,
    pub clock: Arc<Clock>,
}

impl Line {
    pub(crate) fn new(tls: &rustls::ClientConfig) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(CALL_LIMIT)
            .pool_idle_timeout(KEPT_FOR)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            clock: Arc::default(),
        })
    }

    /// Sends a request and returns the body of a good answer.
    pub(crate) async fn call(
        &self,
        call: &'static str,
        request: reqwest::Request,
    ) -> Result<Vec<u8>, Fault> {
        let unreachable = |error: reqwest::Error| Fault::Unreachable {
            call,
            why: in_words(&error.without_url()),
        };
        let mut response = self.client.execute(request).await.map_err(unreachable)?;
        let text = |response: &reqwest::Response, name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        if let Some(date) = text(&response, header::DATE.as_str()) {
            self.clock.hear(&date);
        }
        let (status, name) = (response.status(), text(&response, ERROR_TYPE_HEADER));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER_BYTES {
                let why = format!("it has more than {MAX_ANSWER_BYTES} bytes");
                return Err(Fault::Unreadable { call, why });
            }
        }
        if status.is_success() {
            return Ok(body);
        }
        Err(refused(call, status.as_u16(), name.as_deref(), &body))
    }
}
