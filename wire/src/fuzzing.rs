//! What others may send, for the fuzzer: each function takes any bytes, and panics where a promise is broken.

use crate::action::Action;
use crate::data_channel::Request;
use crate::signaling::{Candidate, Description, FromService, ToService, decode_payload};
use crate::telemetry::Telemetry;
use crate::topic::{check_robot_name, robot_of_telemetry};
use crate::turn_stream::{Deframer, framed};

/// An order: what is taken is within bounds, and stays what it is.
pub fn action(data: &[u8]) {
    let Ok(action) = Action::from_json(data) else {
        return;
    };
    let (linear, angular) = action.motion.twist();
    assert!(linear.abs() <= 1.0 && angular.abs() <= 1.0, "{action:?}");
    assert!(action.speed.is_none_or(|speed| speed > 0.0 && speed <= 1.0));
    let again = Action::from_json(action.to_json().as_bytes());
    assert_eq!(again.as_ref(), Ok(&action));
}

/// What a viewer asks over the data channel.
pub fn data_channel(data: &[u8]) {
    let _ = Request::from_json(data);
}

/// Frames of the signaling socket, either way, and what they carry.
pub fn signaling(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(message) = ToService::from_json(&text) {
        let _ = decode_payload::<Description>(&message.message_payload);
        let _ = decode_payload::<Candidate>(&message.message_payload);
        assert!(ToService::from_json(&message.to_json()).is_ok());
    }
    if let Ok(Some(message)) = FromService::from_json(&text) {
        let payload = message.message_payload.as_deref().unwrap_or_default();
        let _ = decode_payload::<Description>(payload);
        assert!(FromService::from_json(&message.to_json()).is_ok());
    }
}

/// A robot's report, and the topic it came on.
pub fn telemetry(data: &[u8]) {
    if let Ok(telemetry) = serde_json::from_slice::<Telemetry>(data) {
        let text = serde_json::to_string(&telemetry).expect("a report can be written");
        assert!(serde_json::from_str::<Telemetry>(&text).is_ok(), "{text}");
    }
    let topic = String::from_utf8_lossy(data);
    if let Some(robot) = robot_of_telemetry(&topic) {
        assert!(check_robot_name(robot).is_ok(), "{robot:?}");
    }
}

/// STUN and TURN in a byte stream: each message is one that could be framed.
pub fn turn_stream(data: &[u8]) {
    let mut deframer = Deframer::default();
    for part in data.chunks(7) {
        deframer.push(part);
        while let Ok(Some(message)) = deframer.next_message() {
            assert!(framed(&message).is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use fuzz_inputs::short;

    #[test]
    fn no_input_breaks_a_promise() {
        short("action", super::action);
        short("data_channel", super::data_channel);
        short("signaling", super::signaling);
        short("telemetry", super::telemetry);
        short("turn_stream", super::turn_stream);
    }
}
