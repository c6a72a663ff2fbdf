//! Why a call of AWS failed, in words that say what to do. Pure.

use serde_json::from_slice;
use wire::signaling::control::{ErrorBody, error_name};

/// The call for temporary credentials, as errors name it; its refusals have advice of their own.
pub(crate) const CREDENTIALS_PROVIDER: &str = "credentials provider";

/// Why a call, or the opening of a socket, failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("{call}: {reason}")]
    Unreachable { call: &'static str, reason: String },
    /// By the service, with its own name for the error and its own message.
    #[error("{call}: {status} {name}: {message}{}", with_semicolon(advice(.call, *.status, .name, .message)))]
    Refused {
        call: &'static str,
        status: u16,
        name: String,
        message: String,
    },
    #[error("{call}: the answer cannot be read: {reason}")]
    Unreadable { call: &'static str, reason: String },
}

/// Longest piece of a service's own words that is shown.
const SHOWN_CHARS: usize = 300;

impl Error {
    pub(crate) fn unreadable(call: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Unreadable { call, reason }
    }

    /// An error as the service words it, in the header, the body, or neither.
    pub(crate) fn from_response(
        call: &'static str,
        status: u16,
        name: Option<&str>,
        body: &[u8],
    ) -> Self {
        let error: ErrorBody = from_slice(body).unwrap_or_default();
        let name = name.or(error.kind.as_deref()).unwrap_or_default();
        let message = error
            .message
            .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        Self::Refused {
            call,
            status,
            name: error_name(name).chars().take(SHOWN_CHARS).collect(),
            message: message.trim().chars().take(SHOWN_CHARS).collect(),
        }
    }

    /// Whether other credentials may help.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if [401, 403].contains(status))
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, name, .. }
            if *status == 404 || name == "ResourceNotFoundException")
    }
}

fn with_semicolon(advice: &str) -> String {
    if advice.is_empty() {
        return String::new();
    }
    format!("; {advice}")
}

/// What the owner can do about a refusal, by what AWS means by it.
pub(crate) fn advice(call: &str, status: u16, name: &str, message: &str) -> &'static str {
    let says = |text: &str| message.to_ascii_lowercase().contains(text);
    match (status, name) {
        (429, _) | (_, "ClientLimitExceededException") => "too many calls, the next one waits",
        _ if call == CREDENTIALS_PROVIDER => credentials_advice(status, says),
        (403, _) if says("security token") => "credentials are fetched again",
        (403, _) if says("signature") || name.contains("Signature") => {
            "if this goes on, look at this computer's clock and at AWS_DEFAULT_REGION"
        }
        (403, _) => "the role must allow this call of kinesisvideo on the robot's channel",
        _ => "",
    }
}

fn credentials_advice(status: u16, says: impl Fn(&str) -> bool) -> &'static str {
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
        "the server's own log knows more"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_the_credentials_provider_comes_with_advice() {
        for (status, message, advice) in [
            (404, "Role alias does not exist", "ROLE_ALIAS"),
            (403, "Invalid thing name passed", "IOT_THINGNAME"),
            (403, "Access Denied", "iot:AssumeRoleWithCertificate"),
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
            let error = Error::from_response(CREDENTIALS_PROVIDER, status, None, body.as_bytes());
            let text = error.to_string();
            assert!(text.contains(message) && text.contains(advice), "{text}");
        }
    }

    #[test]
    fn the_name_comes_from_the_header_or_the_body() {
        let header = Some("ResourceNotFoundException:http://example.com/");
        let by_header = Error::from_response("Describe", 404, header, b"{\"Message\":\"no\"}");
        let body = b"{\"__type\":\"com.example#ResourceNotFoundException\",\"message\":\"no\"}";
        assert_eq!(by_header, Error::from_response("Describe", 404, None, body));
        assert!(by_header.is_not_found());
    }

    #[test]
    fn an_answer_that_is_no_json_is_shown_shortened() {
        let page = format!("<html>{}</html>", "x".repeat(100_000));
        let text = Error::from_response("Describe", 500, None, page.as_bytes()).to_string();
        assert!(text.starts_with("Describe: 500 : <html>"), "{text}");
        assert!(text.len() < 1000, "{text}");
    }
}
