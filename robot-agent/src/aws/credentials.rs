//! Temporary credentials for the robot's certificate, from the credentials provider of AWS
//! IoT: fetched by role alias, kept, and renewed before they expire.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Mutex;
use url::Url;
use wire::signaling::control::{Credentials, RoleAliasCredentials, THING_NAME_HEADER};

use super::error::Fault;
use super::http_client::Line;

/// How the call is named in the log.
pub(crate) const CALL: &str = "credentials provider";

/// How long before their end credentials are renewed, at most: several attempts fit in.
const MARGIN: Duration = Duration::from_secs(300);

/// And as a share of their life, where that is shorter.
const MARGIN_SHARE: u32 = 4;

/// Credentials and their time.
#[derive(Clone, Debug)]
struct Lease {
    credentials: Credentials,
    renew: SystemTime,
    end: SystemTime,
}

/// Who gives them, and those given last.
pub(crate) struct Provider {
    line: Line,
    url: Url,
    thing: String,
    kept: Mutex<Option<Lease>>,
}

impl Provider {
    /// The provider at `host:port`.
    pub(crate) fn new(
        line: Line,
        (host, port): (&str, u16),
        role_alias: &str,
        thing: &str,
    ) -> anyhow::Result<Self> {
        let mut url = Url::parse(&format!("https://{host}:{port}/"))?;
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("{host} is no host"))?
            .pop_if_empty()
            .extend(["role-aliases", role_alias, "credentials"]);
        Ok(Self {
            line,
            url,
            thing: thing.to_owned(),
            kept: Mutex::new(None),
        })
    }

    /// Credentials that are good for a while. Those at hand serve on while they are good and
    /// no new ones can be had.
    pub(crate) async fn get(&self) -> Result<Credentials, Fault> {
        let mut kept = self.kept.lock().await;
        let now = self.line.clock.now();
        if let Some(lease) = kept.as_ref().filter(|lease| now < lease.renew) {
            return Ok(lease.credentials.clone());
        }
        match self.fetch().await {
            Ok(lease) => {
                tracing::debug!(until = lease.credentials.expiration, "credentials");
                Ok(kept.insert(lease).credentials.clone())
            }
            Err(fault) => match kept.as_ref().filter(|lease| now < lease.end) {
                Some(lease) => {
                    tracing::warn!("{fault}; the credentials at hand serve until they expire");
                    Ok(lease.credentials.clone())
                }
                None => Err(fault),
            },
        }
    }

    /// The service does not take what is at hand.
    pub(crate) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    async fn fetch(&self) -> Result<Lease, Fault> {
        let mut request = reqwest::Request::new(reqwest::Method::GET, self.url.clone());
        let thing = self.thing.parse().map_err(|_| Fault::Unreadable {
            call: CALL,
            why: format!("{:?} cannot be a thing's name", self.thing),
        })?;
        request.headers_mut().insert(THING_NAME_HEADER, thing);
        let body = self.line.call(CALL, request).await?;
        lease(&body, self.line.clock.now())
    }
}

fn lease(body: &[u8], now: SystemTime) -> Result<Lease, Fault> {
    let unreadable = |why: String| Fault::Unreadable { call: CALL, why };
    let RoleAliasCredentials { credentials } =
        serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
    let end = OffsetDateTime::parse(&credentials.expiration, &Rfc3339)
        .map(SystemTime::from)
        .map_err(|_| {
            unreadable(format!(
                "{:?} is no time of expiration",
                credentials.expiration
            ))
        })?;
    let life = end
        .duration_since(now)
        .map_err(|_| unreadable(format!("they expired at {}", credentials.expiration)))?;
    let margin = (life / MARGIN_SHARE).min(MARGIN);
    Ok(Lease {
        credentials,
        renew: end - margin,
        end,
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
        let hour = lease(&body("2023-02-06T05:54:46Z"), at(end - 3600)).unwrap();
        assert_eq!((hour.renew, hour.end), (at(end - 300), at(end)));
        let short = lease(&body("2023-02-06T05:54:46Z"), at(end - 20)).unwrap();
        assert_eq!(short.renew, at(end - 5));
    }

    #[test]
    fn credentials_that_are_none_are_refused_with_words() {
        for (body, word) in [
            (b"{}".to_vec(), "credentials"),
            (b"<html>".to_vec(), "expected"),
            (body("tomorrow"), "tomorrow"),
            (body("2023-02-06T05:54:46Z"), "expired at"),
        ] {
            let said = lease(&body, at(1_800_000_000)).unwrap_err().to_string();
            assert!(said.contains(word), "{said}");
        }
    }
}
