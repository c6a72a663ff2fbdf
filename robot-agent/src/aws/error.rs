//! Why something with the cloud came to nothing, in words that say what to do. Pure.

use std::error::Error;

use wire::signaling::control::{Fault as Body, error_name};

use super::credentials;

/// Why a call, or a socket, came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// Nobody answered.
    #[error("{call}: {why}")]
    Unreachable {
        /// What was asked.
        call: &'static str,
        /// What went wrong, with what to do about it.
        why: String,
    },
    /// The service said no.
    #[error("{call}: {status} {name}: {message}{}", advice(.call, *.status, .name, .message))]
    Refused {
        /// What was asked.
        call: &'static str,
        /// HTTP status.
        status: u16,
        /// The error's name.
        name: String,
        /// The service's own words.
        message: String,
    },
    /// The answer is not what it should be.
    #[error("{call}: the answer cannot be read: {why}")]
    Unreadable {
        /// What was asked.
        call: &'static str,
        /// Why not.
        why: String,
    },
}

impl Fault {
    /// Whether other credentials may help.
    pub(crate) fn is_of_credentials(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 401 | 403,
                ..
            }
        )
    }

    /// Whether what was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, name, .. }
            if *status == 404 || name == "ResourceNotFoundException")
    }
}

/// Longest piece of a service's own words that is shown.
const SHOWN_CHARS: usize = 300;

/// An error as the service words it, in the header, the body, or neither.
pub(crate) fn refused(call: &'static str, status: u16, name: Option<&str>, body: &[u8]) -> Fault {
    let fault: Body = serde_json::from_slice(body).unwrap_or_default();
    let name = name.or(fault.kind.as_deref()).unwrap_or_default();
    let message = fault
        .message
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    Fault::Refused {
        call,
        status,
        name: error_name(name).chars().take(SHOWN_CHARS).collect(),
        message: message.trim().chars().take(SHOWN_CHARS).collect(),
    }
}

/// The error with all its causes, and what to do about the usual ones.
pub(crate) fn in_words(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = error.source();
    }
    let advice = if words.contains("UnknownIssuer") || words.contains("BadSignature") {
        "; cacert.pem is not of the CA that signed this server's certificate"
    } else if words.contains("NotValidYet") || words.contains("Expired") {
        "; if the server's certificate is good, this computer's clock is wrong"
    } else if words.contains("dns error") || words.contains("lookup address") {
        "; is there a network, and is the host's name right?"
    } else {
        ""
    };
    words + advice
}

/// What the owner can do about a refusal, by what AWS means by it.
fn advice(call: &str, status: u16, name: &str, message: &str) -> &'static str {
    let says = |text: &str| message.to_ascii_lowercase().contains(text);
    match (status, name) {
        (403, _) if says("invalid thing name") => {
            "; attach the certificate to the thing that IOT_THINGNAME names"
        }
        (403, _) if says("certificate is invalid") => {
            "; the certificate is inactive, revoked, or of another account than \
             IOT_GET_CREDENTIAL_ENDPOINT"
        }
        (403, _) if call == credentials::CALL => {
            "; the certificate's policy must allow iot:AssumeRoleWithCertificate on the role alias"
        }
        (403, _) if says("security token") => "; credentials are fetched anew",
        (403, _) if says("signature") || name.contains("Signature") => {
            "; if this goes on, look at this computer's clock and at AWS_DEFAULT_REGION"
        }
        (403, _) => "; the role must allow this call of kinesisvideo on the robot's channel",
        (404, _) if says("role alias") => "; look at ROLE_ALIAS and AWS_DEFAULT_REGION",
        (400, _) if says("assume the role") => {
            "; the role must trust credentials.iot.amazonaws.com"
        }
        (400, _) if says("credentialdurationseconds") => {
            "; shorten the role alias' duration, or raise the role's maximum"
        }
        (429, _) | (_, "ClientLimitExceededException") => "; too many calls, the next one waits",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_credentials_provider_becomes_advice() {
        for (status, message, advice) in [
            (403, "Invalid thing name passed", "IOT_THINGNAME"),
            (403, "Access Denied", "iot:AssumeRoleWithCertificate"),
            (403, "Certificate is invalid on this endpoint", "revoked"),
            (404, "Role alias does not exist", "ROLE_ALIAS"),
            (
                400,
                "Unable to assume the role, or the role to assume does not exist",
                "credentials.iot.amazonaws.com",
            ),
            (
                400,
                "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role",
                "duration",
            ),
        ] {
            let body = format!("{{\"message\":\"{message}\"}}");
            let said = refused(credentials::CALL, status, None, body.as_bytes()).to_string();
            assert!(said.contains(message) && said.contains(advice), "{said}");
        }
    }

    #[test]
    fn the_name_comes_from_the_header_or_the_body() {
        let header = Some("ResourceNotFoundException:http://example.com/");
        let by_header = refused("Describe", 404, header, b"{\"Message\":\"no\"}");
        let body = b"{\"__type\":\"com.example#ResourceNotFoundException\",\"message\":\"no\"}";
        assert_eq!(by_header, refused("Describe", 404, None, body));
        assert!(by_header.is_not_found());
    }

    #[test]
    fn an_answer_that_is_no_json_is_shown_shortened() {
        let page = format!("<html>{}</html>", "x".repeat(100_000));
        let said = refused("Describe", 500, None, page.as_bytes()).to_string();
        assert!(said.starts_with("Describe: 500 : <html>"), "{said}");
        assert!(said.len() < 1000, "{said}");
    }
}
