//! Does the credentials provider give the robot temporary credentials for its video?

use std::error::Error;

use reqwest::header::DATE;
use serde::Deserialize;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{Line, PATIENCE};
use crate::certificates::Certificates;
use crate::config::{Cloud, Config, Source};
use crate::connect_error;

const NAME: &str = "credentials";

/// Longest answer that is looked at; one with credentials has about 2 kB.
const MAX_BYTES: usize = 64 * 1024;

/// What came of it.
pub(super) struct Looked {
    pub(super) line: Line,
    /// The server's clock.
    pub(super) date: Option<OffsetDateTime>,
}

impl Looked {
    pub(super) fn skipped(line: Line) -> Self {
        Self { line, date: None }
    }
}

/// Asks for credentials as the robot would, and throws them away.
pub(super) async fn look(config: &Config, certificates: &Certificates) -> Looked {
    let Some(cloud) = config
        .cloud
        .as_ref()
        .filter(|_| config.video.camera.source != Source::Off)
    else {
        return Looked::skipped(Line::skipped(NAME, "video is off"));
    };
    let asked = ask(&config.robot, cloud, certificates).await;
    match asked {
        Ok((status, date, body)) => Looked {
            line: judge(cloud, status, &body),
            date,
        },
        Err(error) => Looked::skipped(Line::fault(
            NAME,
            format!(
                "{}: {}",
                cloud.credentials,
                connect_error::innermost(error.as_ref())
            ),
            "IOT_GET_CREDENTIAL_ENDPOINT says where it is",
        )),
    }
}

type Answer = (u16, Option<OffsetDateTime>, Vec<u8>);

async fn ask(
    robot: &str,
    cloud: &Cloud,
    certificates: &Certificates,
) -> Result<Answer, Box<dyn Error>> {
    let tls = certificates.client_config(&[]);
    let client = reqwest::Client::builder()
        .use_preconfigured_tls((*tls).clone())
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()?;
    let url = format!(
        "https://{}/role-aliases/{}/credentials",
        cloud.credentials, cloud.role_alias
    );
    let mut response = client
        .get(url)
        .header("x-amzn-iot-thingname", robot)
        .send()
        .await?;
    let date = response
        .headers()
        .get(DATE)
        .and_then(|date| http_date(date.to_str().ok()?));
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await? {
        body.extend_from_slice(&part);
        if body.len() > MAX_BYTES {
            break;
        }
    }
    Ok((response.status().as_u16(), date, body))
}

/// RFC 9110, 5.6.7.
fn http_date(text: &str) -> Option<OffsetDateTime> {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    Some(PrimitiveDateTime::parse(text, format).ok()?.assume_utc())
}

fn judge(cloud: &Cloud, status: u16, body: &[u8]) -> Line {
    #[derive(Deserialize)]
    struct Granted {
        credentials: Credentials,
    }
    #[derive(Deserialize)]
    struct Credentials {
        expiration: String,
    }
    #[derive(Deserialize)]
    struct Refused {
        message: String,
    }
    if status == 200 {
        return match serde_json::from_slice::<Granted>(body) {
            Ok(granted) => Line::ok(
                NAME,
                format!(
                    "{} gives some until {}",
                    cloud.credentials, granted.credentials.expiration
                ),
            ),
            Err(_) => Line::fault(
                NAME,
                format!("{} answers, but not with credentials", cloud.credentials),
                "is IOT_GET_CREDENTIAL_ENDPOINT the credentials provider's?",
            ),
        };
    }
    let message = serde_json::from_slice::<Refused>(body)
        .map_or_else(|_| "no reason given".to_owned(), |refused| refused.message);
    let said = format!("{} answers {status}: {message}", cloud.credentials);
    Line::fault(NAME, said, advice(status, &message))
}

/// What an owner does about what the provider says.
fn advice(status: u16, message: &str) -> &'static str {
    let says = |words: &str| message.to_ascii_lowercase().contains(words);
    if says("role alias does not exist") {
        "ROLE_ALIAS must name an alias that exists in that account and region"
    } else if says("invalid thing name") {
        "the certificate must be attached to the thing IOT_THINGNAME"
    } else if says("certificate is invalid") {
        "the certificate must be active, and from the account of this endpoint"
    } else if says("access denied") {
        "the certificate's policy must allow iot:AssumeRoleWithCertificate on the role alias"
    } else if says("unable to assume the role") {
        "the alias' role must exist and trust credentials.iot.amazonaws.com"
    } else if says("maxsessionduration") || says("max session duration") {
        "the alias asks for longer than its role allows: shorten the alias' duration"
    } else if status == 404 {
        "is IOT_GET_CREDENTIAL_ENDPOINT the credentials provider's?"
    } else if status == 403 {
        "is this robot's certificate still good there?"
    } else {
        "try again later; the server's own log knows more"
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use time::macros::datetime;

    fn cloud() -> Cloud {
        Cloud {
            credentials: "station:8443".parse().unwrap(),
            role_alias: "outpost-robot".into(),
            region: "us-east-1".into(),
            kvs: None,
        }
    }

    #[test]
    fn every_refusal_of_the_provider_comes_with_advice() {
        for (status, message, says) in [
            (404, "Role alias does not exist", "ROLE_ALIAS"),
            (403, "Invalid thing name passed", "IOT_THINGNAME"),
            (403, "Access Denied", "AssumeRoleWithCertificate"),
            (403, "Certificate is invalid on this endpoint", "active"),
            (
                400,
                "Unable to assume the role, or the role to assume does not exist",
                "trust credentials.iot",
            ),
            (
                400,
                "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role",
                "shorten",
            ),
            (500, "oh no", "own log"),
        ] {
            let body = serde_json::json!({ "message": message }).to_string();
            let line = judge(&cloud(), status, body.as_bytes());
            assert_eq!(line.verdict, Verdict::Fault);
            assert!(line.found.contains(message), "{line:?}");
            assert!(line.advice.as_deref().unwrap().contains(says), "{line:?}");
        }
    }

    #[test]
    fn credentials_are_told_from_other_answers_and_never_shown() {
        let body = br#"{"credentials":{"accessKeyId":"AKIA","secretAccessKey":"hush","sessionToken":"t","expiration":"2026-11-21T13:00:00Z"}}"#;
        let line = judge(&cloud(), 200, body);
        assert_eq!(line.verdict, Verdict::Ok);
        assert!(
            line.found.ends_with("until 2026-11-21T13:00:00Z"),
            "{line:?}"
        );
        assert!(!format!("{line:?}").contains("hush"));
        assert_eq!(judge(&cloud(), 200, b"<html>").verdict, Verdict::Fault);
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(
            http_date("Sat, 21 Nov 2026 12:00:01 GMT"),
            Some(datetime!(2026-11-21 12:00:01 UTC))
        );
        assert_eq!(http_date("yesterday"), None);
    }
}
