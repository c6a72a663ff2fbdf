//! Why a connection failed or ended, in words that say what to do. Pure: `mqtt`, `aws`, `check`
//! and `enroll` turn the errors of TLS and of sockets into text with it.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::happy_eyeballs::AllFailed;

/// What went wrong, in words that owners can act on; where there are none, the error with all
/// its causes.
pub(crate) fn reason(error: &(dyn Error + 'static)) -> String {
    if let Some(tls) = find::<rustls::Error>(error) {
        return tls_reason(tls);
    }
    if let Some(AllFailed(attempts)) = find::<AllFailed>(error) {
        let each = attempts.iter();
        let each = each.map(|one| format!("{}: {}", one.address, io_reason(&one.error)));
        return each.collect::<Vec<_>>().join("; ");
    }
    if let Some(io) = find::<io::Error>(error) {
        return io_reason(io);
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// The cause of type `T` in the chain of causes; `std` hides those wrapped by `io::Error`.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn tls_reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => server_certificate(why),
        rustls::Error::AlertReceived(alert) => alert_reason(*alert),
        rustls::Error::InvalidMessage(_) => "the other side does not speak TLS on this port".into(),
        other => format!("TLS failed: {other}"),
    }
}

fn server_certificate(why: &CertificateError) -> String {
    match why {
        // The latter where a CA of the same name signed.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is not signed by any CA in cacert.pem: that file must hold the CA \
             of the server"
                .into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is made out for another host name: use the name that is in the \
             certificate"
                .into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired, or this computer's clock is ahead".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: this computer's clock is probably behind".into()
        }
        other => format!("its certificate is not acceptable: {other}"),
    }
}

/// What the server's TLS alert says about our certificate.
fn alert_reason(alert: AlertDescription) -> String {
    let advice = match alert {
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "it does not know the CA that signed certificate.pem: get a certificate made by this \
             server (robot-agent enroll)"
        }
        AlertDescription::CertificateExpired => {
            "it says that certificate.pem has expired: get a new one (robot-agent enroll --force)"
        }
        AlertDescription::CertificateRevoked => {
            "it says that certificate.pem was revoked: get a new one (robot-agent enroll --force)"
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied
        | AlertDescription::HandshakeFailure => {
            "it refuses certificate.pem: it may be revoked, inactive, or from another server"
        }
        AlertDescription::CertificateRequired => "it wants a client certificate and got none",
        AlertDescription::NoApplicationProtocol => {
            "it does not offer MQTT by name on this port: write the endpoint as host:port"
        }
        _ => return format!("TLS alert from the other side: {alert:?}"),
    };
    advice.into()
}

fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there (connection refused): is it running, is the port right?".into()
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            "the other side closed the connection".into()
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            format!("no way to it from here ({error}): is this computer on the network?")
        }
        io::ErrorKind::TimedOut => "no answer in time".into(),
        _ if error.to_string().contains("lookup address") => {
            format!("its name cannot be found ({error}): is the name right, is there a network?")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(error: rustls::Error) -> io::Error {
        io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn a_tls_alert_is_found_however_deep_it_is_wrapped() {
        let error = wrapped(rustls::Error::AlertReceived(AlertDescription::UnknownCA));
        assert!(reason(&error).contains("does not know the CA"), "{error:?}");
    }

    #[test]
    fn a_foreign_server_is_told_from_a_wrong_name() {
        let foreign = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(reason(&wrapped(foreign)).contains("cacert.pem"));
        let name = rustls::Error::InvalidCertificate(CertificateError::NotValidForName);
        assert!(reason(&wrapped(name)).contains("another host name"));
    }
}
