//! Temporary credentials for the robot's certificate, from the credentials provider of AWS
//! IoT: fetched by role alias, cached, and renewed before they expire.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Mutex;
use url::Url;
use wire::signaling::control::{Credentials, RoleAliasCredentials, THING_NAME_HEADER};

use super::config::AwsConfig;
use super::error::{CREDENTIALS_PROVIDER as CALL, Error};
use super::http_client::HttpClient;

/// How long before their end credentials are renewed, at most: several attempts fit in.
const MARGIN: Duration = Duration::from_secs(300);

/// And as a share of their life, where that is shorter.
const MARGIN_SHARE: u32 = 4;

#[derive(Clone, Debug)]
struct CachedCredentials {
    credentials: Credentials,
    renew_at: SystemTime,
    expires_at: SystemTime,
}

/// The credentials provider, and the credentials that it gave last.
pub(crate) struct CredentialsProvider {
    http: HttpClient,
    url: Url,
    thing: String,
    cached: Mutex<Option<CachedCredentials>>,
}

impl CredentialsProvider {
    /// The provider of `config`, asked in the name of `thing`.
    pub(crate) fn new(http: HttpClient, config: &AwsConfig, thing: &str) -> anyhow::Result<Self> {
        let mut url = Url::parse(&format!("https://{}/", config.credentials))?;
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("{} is no host", config.credentials))?
            .pop_if_empty()
            .extend(["role-aliases", &config.role_alias, "credentials"]);
        Ok(Self {
            http,
            url,
            thing: thing.to_owned(),
            cached: Mutex::new(None),
        })
    }

    /// Credentials that are good for a while. The cached ones serve on while they are good and
    /// no new ones can be had.
    pub(crate) async fn get(&self) -> Result<Credentials, Error> {
        let mut cached = self.cached.lock().await;
        let now = self.http.server_time();
        if let Some(fresh) = cached.as_ref().filter(|cached| now < cached.renew_at) {
            return Ok(fresh.credentials.clone());
        }
        match self.fetch().await {
            Ok(fetched) => {
                tracing::debug!(until = fetched.credentials.expiration, "credentials");
                Ok(cached.insert(fetched).credentials.clone())
            }
            Err(error) => match cached.as_ref().filter(|cached| now < cached.expires_at) {
                Some(old) => {
                    tracing::warn!("{error}; the cached credentials serve until they expire");
                    Ok(old.credentials.clone())
                }
                None => Err(error),
            },
        }
    }

    /// A service refused the cached credentials.
    pub(crate) async fn invalidate(&self) {
        *self.cached.lock().await = None;
    }

    async fn fetch(&self) -> Result<CachedCredentials, Error> {
        let mut request = reqwest::Request::new(reqwest::Method::GET, self.url.clone());
        let thing = self.thing.parse().map_err(|_| {
            Error::unreadable(CALL, format!("{:?} cannot be a thing's name", self.thing))
        })?;
        request.headers_mut().insert(THING_NAME_HEADER, thing);
        let body = self.http.send(CALL, request).await?;
        parse(&body, self.http.server_time()).map_err(|reason| Error::unreadable(CALL, reason))
    }
}

fn parse(body: &[u8], now: SystemTime) -> Result<CachedCredentials, String> {
    let RoleAliasCredentials { credentials } =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let expiration = &credentials.expiration;
    let expires_at: SystemTime = OffsetDateTime::parse(expiration, &Rfc3339)
        .map_err(|_| format!("{expiration:?} is no time of expiration"))?
        .into();
    let life = expires_at
        .duration_since(now)
        .map_err(|_| format!("they expired at {expiration}"))?;
    Ok(CachedCredentials {
        credentials,
        renew_at: expires_at - (life / MARGIN_SHARE).min(MARGIN),
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_s: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(unix_s)
    }

    fn body(expiration: &str) -> Vec<u8> {
        format!(
            "{{\"credentials\":{{\"accessKeyId\":\"a\",\"secretAccessKey\":\"s\",\
             \"sessionToken\":\"t\",\"expiration\":\"{expiration}\"}}}}"
        )
        .into_bytes()
    }

    #[test]
    fn credentials_are_renewed_before_they_expire() {
        // 2023-02-06T05:54:46Z
        let end = 1_675_662_886;
        let hour = parse(&body("2023-02-06T05:54:46Z"), at(end - 3600)).unwrap();
        assert_eq!((hour.renew_at, hour.expires_at), (at(end - 300), at(end)));
        let short = parse(&body("2023-02-06T05:54:46Z"), at(end - 20)).unwrap();
        assert_eq!(short.renew_at, at(end - 5));
    }

    #[test]
    fn credentials_that_are_none_are_refused_with_words() {
        for (body, word) in [
            (b"{}".to_vec(), "credentials"),
            (b"<html>".to_vec(), "expected"),
            (body("tomorrow"), "tomorrow"),
            (body("2023-02-06T05:54:46Z"), "expired at"),
        ] {
            let reason = parse(&body, at(1_800_000_000)).unwrap_err();
            assert!(reason.contains(word), "{reason}");
        }
    }
}
