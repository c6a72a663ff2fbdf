//! One bounded request to a server on the internet: so many bytes, so much time, so many
//! redirects, and never from an encrypted address down to a plain one.
//!
//! Knows nothing of Mars.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, redirect};
use url::{Host, Url};

use crate::clock::unix_s;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the next bytes of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// NASA's feeds answer directly or after one redirect; more is a loop.
const MAX_REDIRECTS: usize = 3;
/// A server that asks to be left alone for more than a day is not taken at its word.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct FetchError {
    message: String,
    /// How long the server asked to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl From<String> for FetchError {
    fn from(message: String) -> Self {
        Self {
            message,
            retry_after: None,
        }
    }
}

/// The client for every feed and picture. On a machine without the internet's root certificates
/// there is none, which fails every request and nothing else.
pub(crate) struct HttpClient {
    client: Result<Client, String>,
}

impl HttpClient {
    pub(crate) fn new(timeout: Duration) -> Self {
        // The process has one crypto provider; whoever comes second finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!(
                "outpost-ground-station/",
                env!("CARGO_PKG_VERSION")
            ))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(timeout)
            .redirect(redirect::Policy::custom(redirected))
            .build();
        let client = client.map_err(|error| {
            let causes = with_causes(error);
            format!("no TLS client, is ca-certificates installed? {causes}")
        });
        Self { client }
    }

    /// The body at `url`, if it is there and has at most `limit` bytes.
    pub(crate) async fn get(&self, url: &Url, limit: usize) -> Result<Vec<u8>, FetchError> {
        let host = url.host_str().unwrap_or("a server without a name");
        let unreachable = |reason: &str| format!("{host} cannot be reached: {reason}");
        let lost = |error| unreachable(&with_causes(error));
        let client = self.client.as_ref().map_err(|reason| unreachable(reason))?;
        let mut response = client.get(url.clone()).send().await.map_err(lost)?;
        if !response.status().is_success() {
            return Err(FetchError {
                message: format!("{host} answered {}", response.status()),
                retry_after: retry_after(response.headers(), unix_s()),
            });
        }
        let too_large = || format!("{host} sent more than {limit} bytes");
        if response
            .content_length()
            .is_some_and(|announced| announced > limit as u64)
        {
            return Err(too_large().into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large().into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn redirected(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().last().map(Url::scheme);
    if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error("it redirects without end")
    } else if !(attempt.previous().first()).is_some_and(|asked| is_same_site(asked, attempt.url()))
    {
        attempt.error("it redirects to somebody else")
    } else if from == Some("https") && attempt.url().scheme() != "https" {
        attempt.error("it redirects from https to http")
    } else {
        attempt.follow()
    }
}

/// Whether `other` is of the same owner as `url`: the same host and port, or the same domain at
/// the usual ones. What a feed names is fetched from within the owner's network, and is not to name
/// what else there is.
pub(crate) fn is_same_site(url: &Url, other: &Url) -> bool {
    if url.host() == other.host() {
        return url.port() == other.port() || other.port().is_none();
    }
    let domain = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => {
            let mut labels = name.rsplit('.');
            let (top, second) = (labels.next()?, labels.next()?);
            Some(format!("{second}.{top}"))
        }
        _ => None,
    };
    let is_same = domain(url).is_some_and(|of| domain(other) == Some(of));
    is_same && other.port().is_none()
}

/// The error and its causes in one line, without the address, which may carry a key.
fn with_causes(error: reqwest::Error) -> String {
    format!("{:#}", anyhow::Error::from(error.without_url()))
}

fn retry_after(headers: &HeaderMap, now: u64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(text).ok()?;
            let now = UNIX_EPOCH + Duration::from_secs(now);
            until.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_machine_without_root_certificates_says_so_when_it_is_asked() {
        let client = HttpClient {
            client: Err("no TLS client: no root certificates".to_owned()),
        };
        let url = Url::parse("https://mars.nasa.gov/").expect("a constant");
        let error = client.get(&url, 1).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "mars.nasa.gov cannot be reached: no TLS client: no root certificates"
        );
    }

    #[test]
    fn a_wish_to_be_left_alone_is_read_as_seconds_or_as_a_date() {
        let cases = [
            ("120", Some(120)),
            ("Thu, 01 Jan 1970 00:16:40 GMT", Some(900)),
            ("Thu, 01 Jan 1970 00:00:10 GMT", Some(0)),
            ("99999999", Some(24 * 3600)),
            ("soon", None),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a plain header"));
            let wait = retry_after(&headers, 100).map(|wait| wait.as_secs());
            assert_eq!(wait, expected, "{text}");
        }
    }

    #[test]
    fn what_a_feed_names_is_of_the_feeds_owner() {
        let same = |one: &str, other: &str| {
            let url = |text| Url::parse(text).expect("a constant");
            is_same_site(&url(one), &url(other))
        };
        let nasa = "https://mars.nasa.gov/rss/api/";
        for good in [
            "https://mars.nasa.gov/a.jpg",
            "http://mars.jpl.nasa.gov/a.jpg",
            "https://science.nasa.gov/",
        ] {
            assert!(same(nasa, good), "{good}");
        }
        for bad in [
            "https://mars.nasa.gov:8443/a.jpg",
            "http://127.0.0.1/a.jpg",
            "http://[::1]:8080/metrics",
            "http://192.168.1.1/",
            "http://localhost/",
            "https://nasa.gov.example/",
            "https://gov/",
        ] {
            assert!(!same(nasa, bad), "{bad}");
        }
        assert!(same(
            "http://127.0.0.1:4000/feed",
            "http://127.0.0.1:4000/a.jpg"
        ));
        assert!(!same(
            "http://127.0.0.1:4000/feed",
            "http://127.0.0.1:22/a.jpg"
        ));
        assert!(!same("http://10.0.0.1/feed", "http://10.0.0.2/a.jpg"));
    }
}
