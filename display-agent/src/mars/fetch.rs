//! One GET: conditional, with a limit on time, bytes and redirects.
//!
//! Owns the HTTP client and the meaning of a status. The key goes only to the origin it was given
//! for, never along a redirect to somebody else. Knows nothing of what the bytes mean.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body};
use url::Url;

use super::error::{Error, Kind, Part};

/// The original's limit on one request, with all its redirects and its whole body.
pub const LIMIT: Duration = Duration::from_secs(30);
/// Redirects followed: a bucket's region and a switch to HTTPS make two.
const REDIRECTS_MAX: usize = 5;
/// Bytes of a response's headers; S3 sends about 500.
const HEADERS_MAX: usize = 16 * 1024;
/// Letters of a header that are worth remembering for the next request.
const VALIDATOR_MAX: usize = 512;

/// Asks one server on behalf of one key.
pub struct Fetcher {
    agent: Agent,
    key: Option<(Url, String)>,
    limit: Duration,
}

/// What makes the next request conditional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    etag: Option<String>,
    last_modified: Option<String>,
}

/// A successful request.
#[derive(Debug)]
pub enum Fetched {
    /// 304: what is here is still right.
    Unchanged {
        /// How old the server says its own copy is.
        age: Option<Duration>,
    },
    /// 200 with all of its body.
    Body {
        /// The body.
        bytes: Vec<u8>,
        /// What to send next time.
        validators: Validators,
        /// How old the server says its own copy is.
        age: Option<Duration>,
    },
}

impl Fetcher {
    /// A client that sends `key` to `api`'s origin, and trusts the system's certificate
    /// authorities, or only those in `ca` if there is such a file.
    pub fn new(
        api: &Url,
        key: Option<&str>,
        ca: Option<&Path>,
        limit: Duration,
    ) -> io::Result<Self> {
        let roots = match ca {
            None => RootCerts::PlatformVerifier,
            Some(path) => RootCerts::from(read_authorities(path)?),
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(roots)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEADERS_MAX)
            // The picture is mostly where the answer was, a moment later. Minutes pass until the next
            // poll, and a connection kept for that long is mostly a dead one.
            .max_idle_connections(1)
            .max_idle_age(Duration::from_secs(2))
            .user_agent(concat!("outpost-display/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let key = key.map(|key| (api.clone(), key.to_owned()));
        Ok(Self { agent, key, limit })
    }

    /// Asks for `url`, following redirects, and gives up at the limit or past `bytes_max`.
    pub fn get(
        &self,
        part: Part,
        url: &Url,
        known: Option<&Validators>,
        bytes_max: usize,
    ) -> Result<Fetched, Error> {
        let deadline = now() + self.limit;
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self
                .ask(&url, known, deadline)
                .map_err(|e| failed(part, &url, &e, self.limit))?;
            if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
                url = next_hop(part, &url, &response)?;
                continue;
            }
            return self.read(part, &url, response, bytes_max);
        }
        Err(Error::new(
            part,
            Kind::Nonsense,
            format!("{} redirects in a circle", host(&url)),
        ))
    }

    fn ask(
        &self,
        url: &Url,
        known: Option<&Validators>,
        deadline: Instant,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(url.as_str());
        if let Some((api, key)) = &self.key
            && api.origin() == url.origin()
        {
            request = request.header("x-api-key", key);
        }
        if let Some(etag) = known.and_then(|known| known.etag.as_ref()) {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = known.and_then(|known| known.last_modified.as_ref()) {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
        // A limit of zero would mean none.
        let left = deadline
            .saturating_duration_since(now())
            .max(Duration::from_millis(1));
        request.config().timeout_global(Some(left)).build().call()
    }

    fn read(
        &self,
        part: Part,
        url: &Url,
        mut response: Response<Body>,
        bytes_max: usize,
    ) -> Result<Fetched, Error> {
        let (status, headers) = (response.status(), response.headers().clone());
        let age = seconds(&headers, header::AGE);
        if status == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::Unchanged { age });
        }
        if status != StatusCode::OK {
            return Err(refused(part, url, status, &headers));
        }
        let too_long = || {
            let words = format!("{} sends more than {} kB", host(url), bytes_max / 1024);
            Error::new(part, Kind::Nonsense, words)
        };
        if response
            .body()
            .content_length()
            .is_some_and(|length| length > bytes_max as u64)
        {
            return Err(too_long());
        }
        let body = response
            .body_mut()
            .with_config()
            .limit(bytes_max as u64)
            .read_to_vec();
        let bytes = body.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => too_long(),
            error => failed(part, url, &error, self.limit),
        })?;
        Ok(Fetched::Body {
            bytes,
            validators: Validators::of(&headers),
            age,
        })
    }
}

impl Validators {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| {
            let value: &str = headers.get(name)?.to_str().ok()?;
            (value.len() <= VALIDATOR_MAX).then(|| value.to_owned())
        };
        Self {
            etag: text(header::ETAG),
            last_modified: text(header::LAST_MODIFIED),
        }
    }
}

fn read_authorities(path: &Path) -> io::Result<Vec<Certificate<'static>>> {
    let pem = std::fs::read(path)?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "no certificate in it",
        ));
    }
    Ok(certificates)
}

fn next_hop(part: Part, from: &Url, response: &Response<Body>) -> Result<Url, Error> {
    let location = response
        .headers()
        .get(header::LOCATION)
        .and_then(|to| to.to_str().ok());
    let to = location.and_then(|to| from.join(to).ok());
    to.filter(|to| matches!(to.scheme(), "http" | "https"))
        .ok_or_else(|| {
            let words = format!(
                "{} redirects to nowhere ({})",
                host(from),
                response.status().as_u16()
            );
            Error::new(part, Kind::Nonsense, words)
        })
}

fn refused(part: Part, url: &Url, status: StatusCode, headers: &HeaderMap) -> Error {
    let kind = match status.as_u16() {
        401 | 403 => Kind::Key,
        408 | 429 => Kind::Busy,
        400..=499 => Kind::Address,
        500..=599 => Kind::Server,
        _ => Kind::Nonsense,
    };
    let reason = status
        .canonical_reason()
        .map(|reason| format!(" {reason}"))
        .unwrap_or_default();
    let mut refused = Error::new(
        part,
        kind,
        format!("{} answers {}{reason}", host(url), status.as_u16()),
    );
    refused.retry_after = retry_after(headers);
    refused
}

/// Seconds, or a date to hold against the server's own.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let date = |name| {
        let text = headers.get(name)?.to_str().ok()?;
        jiff::fmt::rfc2822::parse(text)
            .ok()
            .map(|date| date.timestamp().as_second())
    };
    seconds(headers, header::RETRY_AFTER).or_else(|| {
        let wait = date(header::RETRY_AFTER)? - date(header::DATE)?;
        Some(Duration::from_secs(u64::try_from(wait).ok()?))
    })
}

fn seconds(headers: &HeaderMap, name: header::HeaderName) -> Option<Duration> {
    headers
        .get(name)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

fn failed(part: Part, url: &Url, error: &ureq::Error, limit: Duration) -> Error {
    let host = host(url);
    let (kind, words) = match error {
        ureq::Error::Timeout(_) => (
            Kind::TooSlow,
            format!("{host} took longer than {} s", limit.as_secs()),
        ),
        ureq::Error::HostNotFound => (Kind::Network, format!("no address for {host}")),
        ureq::Error::Io(error) => io_failed(&host, error),
        ureq::Error::Protocol(error) => (Kind::Network, format!("{host} broke off: {error}")),
        error => (Kind::Network, format!("{host}: {error}")),
    };
    Error::new(part, kind, words)
}

fn io_failed(host: &str, error: &io::Error) -> (Kind, String) {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(why)), _) => (
            Kind::Certificate,
            format!("the certificate of {host} is not good: {why}"),
        ),
        (Some(error), _) => (
            Kind::Network,
            format!("{host} speaks no TLS to us: {error}"),
        ),
        (None, io::ErrorKind::TimedOut) => (Kind::TooSlow, format!("{host} does not answer")),
        (None, io::ErrorKind::ConnectionRefused) => {
            (Kind::Network, format!("{host} refuses the connection"))
        }
        (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            (Kind::Network, format!("{host} broke off before the end"))
        }
        (None, _) if error.to_string().contains("failed to lookup address") => {
            (Kind::Network, format!("no address for {host}"))
        }
        (None, _) => (Kind::Network, format!("{host}: {error}")),
    }
}

fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.to_string(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a deadline on the network is a matter of real time"
)]
fn now() -> Instant {
    Instant::now()
}
