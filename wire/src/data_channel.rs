//! The two data channels of a peer connection. The viewer opens both, by these labels:
//!
//! | label | delivery | viewer → robot | robot → viewer |
//! |---|---|---|---|
//! | [`DRIVE`] | unordered, no retransmits | an [`Action`](crate::Action) | nothing |
//! | [`TELEMETRY`] | ordered, no retransmits | a [`Request`] | a [`Message`] |
//!
//! Over a channel of any other label, and over those that the viewer has negotiated by itself, an
//! action and a [`Request`] are taken alike; of those only a [`Message::Pong`] comes back.
//!
//! An action that moves says when it was given, by `clock_ms` or `sent_at`, as nobody else can tell: the
//! channel may deliver it seconds later. All are text frames of JSON. Unknown fields are ignored in both directions.
//! `examples/data_channel.json` lists messages of both directions with what becomes of them.

use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;

/// The channel that carries actions.
pub const DRIVE: &str = "drive";

/// The channel that carries pings, reports and who drives.
pub const TELEMETRY: &str = "telemetry";

/// Longest [`Request`] that is looked at; a ping takes 20 bytes.
pub const MAX_REQUEST_BYTES: usize = 256;

/// What a viewer sends on [`TELEMETRY`]: `{"ping":n}`, `{"release":true}`, `{"listen":true}`,
/// `{"talk":true}`. Several may stand in one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Any number; it comes back as [`Message::Pong`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping: Option<Number>,
    /// Lets others drive. If the sender drove, the wheels stop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub release: bool,
    /// Whether the sender wants to hear the robot. One that has offered to receive sound, and does not
    /// say within a second, does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<bool>,
    /// The sender talks, or is about to: as nobody is heard but who drives, they drive, unless somebody
    /// else does. To be said again as long as it lasts, at least every second.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub talk: bool,
}

/// Why a payload is no [`Request`], in words for whoever sent it.
#[derive(Debug, thiserror::Error)]
pub enum RejectedRequest {
    /// More than [`MAX_REQUEST_BYTES`].
    #[error("a message on telemetry has at most {MAX_REQUEST_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// No JSON, or a field of another type.
    #[error(
        "telemetry takes {{\"ping\":n}}, {{\"release\":true}}, {{\"listen\":true}} and {{\"talk\":true}}: {0}"
    )]
    Malformed(serde_json::Error),
}

/// What the robot sends on [`TELEMETRY`]: `{"pong":n}`, or ten times a second
/// `{"telemetry":{…},"driver":{"you":false,"name":"anna"}}`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Message<'a> {
    /// The answer to a ping, at once.
    Pong {
        /// The ping's number.
        pong: &'a Number,
    },
    /// How the robot is, and who drives it.
    Report {
        /// A [`Telemetry`](crate::Telemetry), written once for all viewers.
        telemetry: &'a RawValue,
        /// Differs from viewer to viewer.
        driver: Driver<'a>,
    },
}

/// Who drives, as one viewer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Driver<'a> {
    /// Whether it is the viewer that reads this.
    pub you: bool,
    /// The driver's client id; null while nobody drives.
    pub name: Option<&'a str>,
}

impl Request {
    /// Reads a request from a payload.
    ///
    /// # Errors
    /// [`RejectedRequest`] with what is wrong.
    pub fn from_json(payload: &[u8]) -> Result<Self, RejectedRequest> {
        if payload.len() > MAX_REQUEST_BYTES {
            return Err(RejectedRequest::TooLong(payload.len()));
        }
        serde_json::from_slice(payload).map_err(RejectedRequest::Malformed)
    }
}

impl<'a> Driver<'a> {
    /// What the viewer `reader` is told while `driver` drives; both are client ids.
    pub fn as_seen_by(reader: &str, driver: Option<&'a str>) -> Self {
        Self {
            you: driver == Some(reader),
            name: driver,
        }
    }
}

impl Message<'_> {
    /// The text frame.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a message has only string keys and finite numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[derive(Deserialize)]
    struct Examples {
        viewer_to_robot: FromViewer,
        robot_to_viewer: FromRobot,
    }

    #[derive(Deserialize)]
    struct FromViewer {
        accepted: Vec<Accepted>,
        rejected: Vec<Rejected>,
    }

    #[derive(Deserialize)]
    struct Accepted {
        text: String,
        request: Value,
    }

    #[derive(Deserialize)]
    struct Rejected {
        text: String,
        reason: String,
    }

    #[derive(Deserialize)]
    struct FromRobot {
        sent: Vec<Sent>,
    }

    #[derive(Deserialize)]
    struct Sent {
        text: String,
        reader: String,
        driver: Option<String>,
    }

    fn examples() -> Examples {
        serde_json::from_str(include_str!("../examples/data_channel.json")).unwrap()
    }

    #[test]
    fn every_accepted_example_is_a_request() {
        for Accepted { text, request } in examples().viewer_to_robot.accepted {
            let read = Request::from_json(text.as_bytes())
                .unwrap_or_else(|rejected| panic!("{text}: {rejected}"));
            assert_eq!(serde_json::to_value(&read).unwrap(), request, "{text}");
        }
    }

    #[test]
    fn every_rejected_example_is_refused_with_its_reason() {
        for Rejected { text, reason } in examples().viewer_to_robot.rejected {
            let rejected = Request::from_json(text.as_bytes()).expect_err(&text);
            assert!(
                rejected.to_string().contains(&reason),
                "{text}: said {rejected}, not {reason:?}"
            );
        }
    }

    #[test]
    fn every_example_of_the_robot_is_written_byte_for_byte() {
        for Sent {
            text,
            reader,
            driver,
        } in examples().robot_to_viewer.sent
        {
            let value: Value = serde_json::from_str(&text).unwrap();
            let telemetry: Option<crate::Telemetry> =
                serde_json::from_value(value["telemetry"].clone()).unwrap();
            let written = match (&value["pong"], telemetry) {
                (Value::Number(pong), None) => Message::Pong { pong }.to_json(),
                (Value::Null, Some(telemetry)) => Message::Report {
                    telemetry: &serde_json::value::to_raw_value(&telemetry).unwrap(),
                    driver: Driver::as_seen_by(&reader, driver.as_deref()),
                }
                .to_json(),
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!(written, text);
        }
    }

    #[test]
    fn one_byte_past_the_limit_is_refused_and_the_limit_itself_is_not() {
        let padded = |bytes: usize| format!("{:bytes$}", r#"{"ping":1}"#);
        assert!(Request::from_json(padded(MAX_REQUEST_BYTES).as_bytes()).is_ok());
        assert!(matches!(
            Request::from_json(padded(MAX_REQUEST_BYTES + 1).as_bytes()),
            Err(RejectedRequest::TooLong(257))
        ));
    }
}
