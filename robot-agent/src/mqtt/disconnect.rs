//! Why an MQTT session failed or ended: the errors of the library in words. Pure.

use std::io;

use rumqttc::{ConnectReturnCode, ConnectionError, StateError};

use crate::connect_error;

/// The reason behind `error`, for the log and for `robot-agent check`.
pub(crate) fn reason(error: &ConnectionError) -> String {
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
pub(crate) fn is_by_broker(error: &ConnectionError) -> bool {
    if matches!(
        error,
        ConnectionError::MqttState(StateError::ConnectionAborted)
    ) {
        return true;
    }
    connect_error::find::<io::Error>(error).is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
        )
    })
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
    fn an_alert_inside_a_packets_error_is_found_and_is_not_the_brokers_close() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::UnknownCA);
        let io = io::Error::new(io::ErrorKind::InvalidData, alert);
        let error = rumqttc::mqttbytes::Error::Io(io);
        let error = ConnectionError::MqttState(StateError::Deserialization(error));
        assert!(reason(&error).contains("does not know the CA"), "{error:?}");
        assert!(!is_by_broker(&error));
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
