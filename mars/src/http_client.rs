//! One bounded question to a server on the internet: so many bytes, so much time, so many
//! redirects, and never from an encrypted address down to a plain one.
//!
//! Knows nothing of Mars.

use std::time::{Duration, UNIX_EPOCH};

use crate::clock::unix_s;
use futures::StreamExt;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};
use url::Url;

use super::settings::Patience;

/// NASA's feeds answer directly or after one redirect; more is a loop.
const MAX_REDIRECTS: usize = 3;
/// A server that asks for more patience than a day is not taken at its word.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{host} cannot be reached: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("{host} answered {status}")]
    Status {
        host: String,
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    #[error("{host} sent more than {limit} bytes")]
    TooLarge { host: String, limit: usize },
    #[error("{0}")]
    Content(String),
}

impl Fault {
    /// How long the server asked to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The client for everything upstream. On a machine without the internet's root certificates
/// there is none, which is a fault of every question and of nothing else.
#[derive(Clone)]
pub(super) struct Upstream {
    client: Result<Client, String>,
}

impl Upstream {
    pub(super) fn new(patience: Patience) -> Self {
        // The process has one crypto provider; whoever comes second finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!(
                "outpost-ground-station/",
                env!("CARGO_PKG_VERSION")
            ))
            .connect_timeout(patience.connect)
            .read_timeout(patience.idle)
            .timeout(patience.total)
            .redirect(redirect::Policy::custom(follow))
            .build();
        let client = client.map_err(|error| {
            format!(
                "no TLS client, is ca-certificates installed? {}",
                in_words(error)
            )
        });
        Self { client }
    }

    /// The body at `url`, if it is there and has at most `limit` bytes.
    pub(super) async fn get(&self, url: &Url, limit: usize) -> Result<Vec<u8>, Fault> {
        let host = url
            .host_str()
            .unwrap_or("a server without a name")
            .to_owned();
        let lost = |error: reqwest::Error| Fault::Unreachable {
            host: host.clone(),
            reason: in_words(error),
        };
        let client = self.client.as_ref().map_err(|reason| Fault::Unreachable {
            host: host.clone(),
            reason: reason.clone(),
        })?;
        let answer = client.get(url.clone()).send().await.map_err(lost)?;
        let status = answer.status();
        if !status.is_success() {
            let retry_after = retry_after(answer.headers());
            return Err(Fault::Status {
                host,
                status,
                retry_after,
            });
        }
        let announced = answer.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(Fault::TooLarge { host, limit });
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(lost)?;
            if body.len() + piece.len() > limit {
                return Err(Fault::TooLarge { host, limit });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let was_encrypted = attempt
        .previous()
        .last()
        .is_some_and(|url| url.scheme() == "https");
    if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error("it redirects without end")
    } else if was_encrypted && attempt.url().scheme() != "https" {
        attempt.error("it redirects from https to http")
    } else {
        attempt.follow()
    }
}

/// The error and its causes in one line, without the address, which may carry a key.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(text).ok()?;
            until
                .duration_since(UNIX_EPOCH + Duration::from_secs(unix_s()))
                .unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_machine_without_root_certificates_says_so_when_it_is_asked() {
        let upstream = Upstream {
            client: Err("no TLS client: no root certificates".to_owned()),
        };
        let url = Url::parse("https://mars.nasa.gov/").expect("a constant");
        let fault = upstream.get(&url, 1).await.unwrap_err();
        assert_eq!(
            fault.to_string(),
            "mars.nasa.gov cannot be reached: no TLS client: no root certificates"
        );
    }
}
