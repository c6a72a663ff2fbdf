//! HTTPS with the robot's certificate, every call bounded in time and size.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header;
use wire::signaling::control::ERROR_TYPE_HEADER;

use super::error::Error;
use super::server_clock::ServerClock;
use crate::{clock, connect_error};

/// How long a connection may take: a TLS handshake over a slow mobile network.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long a whole call may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next call. Calls come in bursts, minutes apart: one
/// kept for longer may lead out of a network that is gone, and a call over it takes its limit.
const IDLE_LIMIT: Duration = Duration::from_secs(1);

/// Longest answer that is read. Five relays with their passwords take some 4 kB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Clones share the connections and what is known of the server's clock.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    clock: Arc<ServerClock>,
}

impl HttpClient {
    pub(crate) fn new(tls: &rustls::ClientConfig) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(CALL_LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let clock = Arc::default();
        Ok(Self { client, clock })
    }

    pub(crate) fn server_time(&self) -> SystemTime {
        self.clock.at(clock::wall())
    }

    /// How far the server's clock is ahead by its last answer.
    pub(crate) fn server_ahead(&self) -> Option<time::Duration> {
        self.clock.measured()
    }

    /// Reads the `Date` header of an answer that just came.
    pub(crate) fn read_date(&self, date: Option<&header::HeaderValue>) {
        let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        if let Some(warning) = date.and_then(|date| self.clock.update(date, clock::wall())) {
            tracing::warn!("{warning}");
        }
    }

    /// Sends a request and returns the body of a good answer. Errors name the `call`.
    pub(crate) async fn send(
        &self,
        call: &'static str,
        request: reqwest::Request,
    ) -> Result<Vec<u8>, Error> {
        let unreachable = |error: reqwest::Error| Error::Unreachable {
            call,
            reason: connect_error::reason(&error.without_url()),
        };
        let mut response = self.client.execute(request).await.map_err(unreachable)?;
        self.read_date(response.headers().get(header::DATE));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER_BYTES {
                let reason = format!("it has more than {MAX_ANSWER_BYTES} bytes");
                return Err(Error::unreadable(call, reason));
            }
        }
        let status = response.status();
        if status.is_success() {
            return Ok(body);
        }
        let name = response.headers().get(ERROR_TYPE_HEADER);
        let name = name.and_then(|name| name.to_str().ok());
        Err(Error::from_response(call, status.as_u16(), name, &body))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use rustls::crypto::ring::default_provider;

    use super::*;

    #[test]
    fn only_a_date_changes_the_servers_time() {
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = HttpClient::new(&tls).unwrap();
        let read = |date: &'static str| http.read_date(Some(&date.parse().unwrap()));
        read("yesterday");
        http.read_date(None);
        assert_eq!(http.server_ahead(), None);
        read("Sat, 01 Jan 2000 00:00:00 GMT");
        let ahead = http.server_ahead();
        assert!(ahead.is_some_and(|ahead| ahead < -time::Duration::days(9000)));
        read("yesterday");
        http.read_date(None);
        assert_eq!(http.server_ahead(), ahead);
        let year_2000 = UNIX_EPOCH + Duration::from_secs(946_684_800);
        let since = http.server_time().duration_since(year_2000).unwrap();
        assert!(since < Duration::from_secs(3600), "{since:?}");
    }
}
