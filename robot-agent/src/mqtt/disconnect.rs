//! Why an MQTT session failed or ended: the errors of the library in words. Pure.

use std::io;

use rumqttc::{ConnectReturnCode, ConnectionError, StateError};

use super::connection::Failure;
use crate::connect_error;

/// The reason behind `failure`, for the log and for `robot-agent check`.
pub(crate) fn reason(failure: &Failure) -> String {
    let error = match failure {
        Failure::Io(error) => return connect_error::reason(error),
        Failure::Library(error) => error,
    };
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
        other => connect_error::reason(other),
    }
}

/// Whether the broker itself ended the session, as it does with a client whose name is
/// taken over by another one.
pub(crate) fn is_by_broker(failure: &Failure) -> bool {
    let error = match failure {
        Failure::Io(error) => return is_close(error),
        Failure::Library(error) => error,
    };
    if matches!(
        error,
        ConnectionError::MqttState(StateError::ConnectionAborted)
    ) {
        return true;
    }
    connect_error::find::<io::Error>(error).is_some_and(is_close)
}

fn is_close(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
    )
}

fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::NotAuthorized | ConnectReturnCode::BadUserNamePassword => {
            "the broker does not let this certificate connect under this name"
        }
        ConnectReturnCode::BadClientId => "the broker does not accept this name",
        ConnectReturnCode::ServiceUnavailable => "the broker says it is unavailable",
        ConnectReturnCode::RefusedProtocolVersion => "the broker does not speak MQTT 3.1.1",
        ConnectReturnCode::Success => "the broker accepted the connection",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_told_and_is_not_the_brokers_close() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::UnknownCA);
        let io = io::Error::new(io::ErrorKind::InvalidData, alert);
        let failure = Failure::Io(io);
        assert!(
            reason(&failure).contains("does not know the CA"),
            "{failure:?}"
        );
        assert!(!is_by_broker(&failure));
    }

    #[test]
    fn a_refused_connection_asks_whether_the_broker_runs() {
        let error = Failure::Io(io::ErrorKind::ConnectionRefused.into());
        assert!(reason(&error).contains("is it running"));
        assert!(!is_by_broker(&error));
    }

    #[test]
    fn a_close_and_a_reset_are_the_brokers_doing_and_silence_is_not() {
        let by = |error| is_by_broker(&Failure::Library(ConnectionError::MqttState(error)));
        assert!(by(StateError::ConnectionAborted));
        assert!(by(StateError::Io(io::ErrorKind::ConnectionReset.into())));
        assert!(!by(StateError::AwaitPingResp));
        let timeout = Failure::Library(ConnectionError::NetworkTimeout);
        assert!(!is_by_broker(&timeout));
        assert!(is_by_broker(&Failure::Io(
            io::ErrorKind::UnexpectedEof.into()
        )));
    }
}
