//! Why a connection failed or ended, in words that say what to do.
//!
//! Pure: turns the errors of the MQTT and TLS libraries into text for the log and for
//! `robot-agent check`.

use std::error::Error;
use std::io;

use rumqttc::{ConnectReturnCode, ConnectionError, StateError};
use rustls::{AlertDescription, CertificateError};

/// The reason behind `error`, for a log line.
pub(crate) fn reason(error: &ConnectionError) -> String {
    if let Some(tls) = tls_error(error) {
        return tls_reason(tls);
    }
    if let Some(io) = find::<io::Error>(error) {
        return io_reason(io);
    }
    match error {
        ConnectionError::NetworkTimeout => "no answer in time".into(),
        ConnectionError::FlushTimeout => "the broker takes no more data".into(),
        ConnectionError::ConnectionRefused(code) => refusal(*code).into(),
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            "the broker has gone silent: a ping was not answered within the keep-alive".into()
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "the broker closed the connection".into()
        }
        other => other.to_string(),
    }
}

/// Whether the broker itself ended the session, as it does with a client whose name is
/// taken over by another one.
pub(crate) fn is_by_broker(error: &ConnectionError) -> bool {
    if matches!(
        error,
        ConnectionError::MqttState(StateError::ConnectionAborted)
    ) {
        return true;
    }
    find::<io::Error>(error).is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
        )
    })
}

/// What a TLS failure means for the owner of the robot.
pub(crate) fn tls_reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => server_certificate(why),
        rustls::Error::AlertReceived(alert) => alert_reason(*alert),
        rustls::Error::InvalidMessage(_) => "the other side does not speak TLS on this port".into(),
        other => format!("TLS failed: {other}"),
    }
}

fn server_certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
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

fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::NotAuthorized | ConnectReturnCode::BadUserNamePassword => {
            "the broker does not let this certificate connect under this name"
        }
        ConnectReturnCode::BadClientId => "the broker does not accept this name",
        ConnectReturnCode::ServiceUnavailable => "the broker says it is unavailable",
        ConnectReturnCode::RefusedProtocolVersion => "the broker does not speak MQTT 3.1.1",
        ConnectReturnCode::Success => "the broker welcomed the robot",
    }
}

/// The TLS error anywhere in the chain of causes; `std` hides those wrapped by `io::Error`.
pub(crate) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    find::<rustls::Error>(error)
}

/// The cause of all, in the words that owners can act on.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    if let Some(tls) = tls_error(error) {
        return tls_reason(tls);
    }
    if let Some(io) = find::<io::Error>(error) {
        return io_reason(io);
    }
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(error: rustls::Error) -> ConnectionError {
        let io = io::Error::new(io::ErrorKind::InvalidData, error);
        ConnectionError::MqttState(StateError::Deserialization(rumqttc::mqttbytes::Error::Io(
            io,
        )))
    }

    #[test]
    fn a_tls_alert_is_found_however_deep_it_is_wrapped() {
        let error = wrapped(rustls::Error::AlertReceived(AlertDescription::UnknownCA));
        assert!(reason(&error).contains("does not know the CA"), "{error:?}");
        assert!(!is_by_broker(&error));
    }

    #[test]
    fn a_foreign_server_is_told_from_a_wrong_name() {
        let foreign = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(reason(&wrapped(foreign)).contains("cacert.pem"));
        let name = rustls::Error::InvalidCertificate(CertificateError::NotValidForName);
        assert!(reason(&wrapped(name)).contains("another host name"));
    }

    #[test]
    fn a_refused_connection_asks_whether_the_broker_runs() {
        let error = ConnectionError::Io(io::ErrorKind::ConnectionRefused.into());
        assert!(reason(&error).contains("is it running"));
        assert!(!is_by_broker(&error));
    }

    #[test]
    fn a_close_and_a_reset_are_the_brokers_doing_and_silence_is_not() {
        let by = |error| is_by_broker(&ConnectionError::MqttState(error));
        assert!(by(StateError::ConnectionAborted));
        assert!(by(StateError::Io(io::ErrorKind::ConnectionReset.into())));
        assert!(!by(StateError::AwaitPingResp));
        assert!(!is_by_broker(&ConnectionError::NetworkTimeout));
    }
}
