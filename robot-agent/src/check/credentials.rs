//! Does the credentials provider give the robot temporary credentials for its video?

use daemon::check::Line;
use time::Duration;
use wire::signaling::control::Credentials;

use crate::aws::credentials::CredentialsProvider;
use crate::aws::error::{Error, advice};
use crate::aws::http_client::HttpClient;
use crate::aws::{self, AwsConfig};
use crate::certificates::Certificates;
use crate::config::{Config, VideoSource};

const NAME: &str = "credentials";

/// Asks for credentials as the robot does, and throws them away. Returns also how far the
/// server's clock is ahead, if it answered.
pub(super) async fn line(config: &Config, certificates: &Certificates) -> (Line, Option<Duration>) {
    let shows_video = config.video.camera.source != VideoSource::Off;
    let Some(aws) = config.aws.as_ref().filter(|_| shows_video) else {
        return (Line::skipped(NAME, "video is off"), None);
    };
    let asked = async {
        let http = HttpClient::new(&aws::tls_config(certificates))?;
        let provider = CredentialsProvider::new(http.clone(), aws, &config.robot)?;
        anyhow::Ok((provider.get().await, http.server_ahead()))
    };
    match asked.await {
        Ok((answer, ahead)) => (answer_line(aws, answer), ahead),
        Err(error) => (Line::fault(NAME, format!("{error:#}"), ""), None),
    }
}

fn answer_line(aws: &AwsConfig, answer: Result<Credentials, Error>) -> Line {
    let provider = &aws.credentials;
    match answer {
        Ok(Credentials { expiration, .. }) => {
            Line::ok(NAME, format!("{provider} gives some until {expiration}"))
        }
        Err(Error::Unreachable { reason, .. }) => Line::fault(
            NAME,
            format!("{provider}: {reason}"),
            "IOT_GET_CREDENTIAL_ENDPOINT says where it is",
        ),
        Err(Error::Unreadable { reason, .. }) => Line::fault(
            NAME,
            format!("{provider} answers, but not with credentials: {reason}"),
            "is IOT_GET_CREDENTIAL_ENDPOINT the credentials provider's?",
        ),
        Err(Error::Refused {
            call,
            status,
            name,
            message,
        }) => Line::fault(
            NAME,
            format!("{provider} answers {status}: {message}"),
            advice(call, status, &name, &message),
        ),
    }
}

#[cfg(test)]
mod tests {
    use daemon::check::Verdict;

    use super::*;
    use crate::aws::error::CREDENTIALS_PROVIDER;

    fn line(answer: Result<Credentials, Error>) -> Line {
        let aws = AwsConfig {
            credentials: "station:8443".parse().unwrap(),
            role_alias: "outpost-robot".into(),
            region: "us-east-1".into(),
            kvs: None,
        };
        answer_line(&aws, answer)
    }

    #[test]
    fn credentials_are_told_by_their_end_and_never_shown() {
        let line = line(Ok(Credentials {
            access_key_id: "AKIA".into(),
            secret_access_key: "hush".into(),
            session_token: "t".into(),
            expiration: "2026-11-21T13:00:00Z".into(),
        }));
        assert_eq!(line.verdict, Verdict::Ok);
        assert!(
            line.found.ends_with("until 2026-11-21T13:00:00Z"),
            "{line:?}"
        );
        assert!(!format!("{line:?}").contains("hush"));
    }

    #[test]
    fn every_error_is_a_fault_with_advice() {
        let call = CREDENTIALS_PROVIDER;
        let body = br#"{"message":"Role alias does not exist"}"#;
        let reason = "nothing listens there".to_owned();
        for (error, found, advice) in [
            (
                Error::from_response(call, 404, None, body),
                "404: Role",
                "ROLE_ALIAS",
            ),
            (
                Error::from_response(call, 500, None, b""),
                "answers 500",
                "own log",
            ),
            (
                Error::unreadable(call, "expected value"),
                "but not with",
                "provider's?",
            ),
            (
                Error::Unreachable { call, reason },
                "nothing listens",
                "where it is",
            ),
        ] {
            let line = line(Err(error));
            assert_eq!(line.verdict, Verdict::Fault);
            assert!(line.found.contains(found), "{line:?}");
            assert!(line.advice.as_deref().unwrap().contains(advice), "{line:?}");
        }
    }
}
