//! An action: what the wheels shall do now, as it travels on `<robot>/action` and on the data
//! channel `drive`.
//!
//! The five words are those of the AWS sample; `drive` carries a velocity as ROS' `Twist`
//! does: `linear` forward positive, `angular` counter-clockwise positive, both in [-1, 1].

use serde::Serialize;
use serde_json::{Map, Value};

/// Longest payload that is looked at. The fullest valid action takes about 400 bytes.
pub const MAX_BYTES: usize = 1024;

/// Longest `id`, `sender` and `user`: a UUID with room to spare.
pub const MAX_NAME_BYTES: usize = 64;

/// Longest `duration_ms` that any robot may be configured to accept. A robot that drives
/// for ten seconds without hearing from anybody is out of control.
pub const MAX_DURATION_MS: u64 = 10_000;

/// Largest integer that survives a browser's `number`, the bound of `seq`, `sent_at` and
/// `clock_ms`.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// What the wheels shall do now. [`Action::from_json`] is the only way in from outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Action {
    /// Where to.
    #[serde(flatten)]
    pub motion: Motion,
    /// Fraction of full throttle in (0, 1]; the robot's `drive.speed` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// How long the motion holds; the robot's `drive.pulse_ms` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Position in the sender's order; one not above the last seen is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When it was sent, in Unix milliseconds by its sender's clock; ignored beside `clock_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<u64>,
    /// When it was given, by the robot's own clock: what its sender makes of
    /// [`Telemetry::clock_ms`](crate::Telemetry::clock_ms). Too old is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<u64>,
    /// Whose order `seq` counts; all who leave it out share one count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Who gave it, as the station knows them; what others write there is not passed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Echoed in telemetry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Where an action goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Motion {
    /// Both wheels forward.
    Forward,
    /// Both wheels backward; `backward` is accepted too.
    Backwards,
    /// Turn counter-clockwise on the spot.
    Left,
    /// Turn clockwise on the spot.
    Right,
    /// Both wheels at rest.
    Stop,
    /// Any mix of the above.
    Drive {
        /// Forward positive, in [-1, 1].
        linear: f64,
        /// Counter-clockwise positive, in [-1, 1].
        angular: f64,
    },
}

/// Why a payload is not an action, in words for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// More than [`MAX_BYTES`].
    #[error("an action has at most {MAX_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// Not a JSON text.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but no object.
    #[error("an action is a JSON object like {{\"action\":\"forward\"}}, this is {0}")]
    NotAnObject(&'static str),
    /// A field that must be there is not.
    #[error("\"{0}\" is missing: {1}")]
    Missing(&'static str, &'static str),
    /// `action` is none of the words.
    #[error("\"action\" is {0}: it must be forward, backwards, left, right, stop or drive")]
    UnknownAction(String),
    /// A field of the wrong type or out of range.
    #[error("\"{field}\" is {found}: it must be {expected}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it holds, shortened.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl Action {
    /// An action with nothing but a motion.
    pub fn new(motion: Motion) -> Self {
        Self {
            motion,
            speed: None,
            duration_ms: None,
            seq: None,
            sent_at: None,
            clock_ms: None,
            sender: None,
            user: None,
            id: None,
        }
    }

    /// Whether it says when it was given, or need not: rest is never too late.
    pub fn says_when(&self) -> bool {
        self.clock_ms.is_some() || self.sent_at.is_some() || self.motion.twist() == (0.0, 0.0)
    }

    /// Reads an action from a payload.
    ///
    /// # Errors
    /// [`Rejected`] with the field, what it holds and what would be right. Unknown fields
    /// are ignored, and in a `stop` wrong ones too.
    pub fn from_json(payload: &[u8]) -> Result<Self, Rejected> {
        if payload.len() > MAX_BYTES {
            return Err(Rejected::TooLong(payload.len()));
        }
        let value: Value = serde_json::from_slice(payload)
            .map_err(|error| Rejected::NotJson(error.to_string()))?;
        let Value::Object(fields) = value else {
            return Err(Rejected::NotAnObject(kind(&value)));
        };
        let motion = motion(&fields)?;
        if motion == Motion::Stop {
            return Ok(Self::stop(&fields));
        }
        Ok(Self {
            motion,
            speed: optional(&fields, "speed", "a number in (0, 1]", |value| {
                value.as_f64().filter(|speed| *speed > 0.0 && *speed <= 1.0)
            })?,
            duration_ms: optional(
                &fields,
                "duration_ms",
                "a whole number of milliseconds from 1 to 10000",
                |value| {
                    value
                        .as_u64()
                        .filter(|ms| (1..=MAX_DURATION_MS).contains(ms))
                },
            )?,
            seq: optional(&fields, "seq", "a whole number from 0 to 2^53 - 1", integer)?,
            sent_at: optional(
                &fields,
                "sent_at",
                "Unix time in whole milliseconds",
                integer,
            )?,
            clock_ms: optional(
                &fields,
                "clock_ms",
                "the robot's clock in whole milliseconds, as its telemetry has it",
                integer,
            )?,
            sender: optional(&fields, "sender", "a string of 1 to 64 bytes", name)?,
            user: optional(&fields, "user", "a string of 1 to 64 bytes", name)?,
            id: optional(&fields, "id", "a string of 1 to 64 bytes", name)?,
        })
    }

    /// A stop is obeyed whatever else the payload says, so nothing in it can be wrong.
    fn stop(fields: &Map<String, Value>) -> Self {
        let get = |field| fields.get(field);
        Self {
            seq: get("seq").and_then(integer),
            sent_at: get("sent_at").and_then(integer),
            clock_ms: get("clock_ms").and_then(integer),
            sender: get("sender").and_then(name),
            user: get("user").and_then(name),
            id: get("id").and_then(name),
            ..Self::new(Motion::Stop)
        }
    }

    /// The payload that [`Action::from_json`] reads back.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an action has only string keys and finite numbers")
    }
}

impl Motion {
    /// The word in the field `action`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backwards => "backwards",
            Self::Left => "left",
            Self::Right => "right",
            Self::Stop => "stop",
            Self::Drive { .. } => "drive",
        }
    }

    /// `(linear, angular)`, each in [-1, 1].
    pub fn twist(&self) -> (f64, f64) {
        match *self {
            Self::Forward => (1.0, 0.0),
            Self::Backwards => (-1.0, 0.0),
            Self::Left => (0.0, 1.0),
            Self::Right => (0.0, -1.0),
            Self::Stop => (0.0, 0.0),
            Self::Drive { linear, angular } => (linear, angular),
        }
    }
}

fn motion(fields: &Map<String, Value>) -> Result<Motion, Rejected> {
    let word = fields.get("action").ok_or(Rejected::Missing(
        "action",
        "it must be forward, backwards, left, right, stop or drive",
    ))?;
    match word.as_str() {
        Some("forward") => Ok(Motion::Forward),
        Some("backwards" | "backward") => Ok(Motion::Backwards),
        Some("left") => Ok(Motion::Left),
        Some("right") => Ok(Motion::Right),
        Some("stop") => Ok(Motion::Stop),
        Some("drive") => Ok(Motion::Drive {
            linear: velocity(fields, "linear")?,
            angular: velocity(fields, "angular")?,
        }),
        _ => Err(Rejected::UnknownAction(shortened(word))),
    }
}

fn velocity(fields: &Map<String, Value>, field: &'static str) -> Result<f64, Rejected> {
    let expected = "a number in [-1, 1]";
    optional(fields, field, expected, |value| {
        value.as_f64().filter(|v| (-1.0..=1.0).contains(v))
    })?
    .ok_or(Rejected::Missing(field, "drive needs a number in [-1, 1]"))
}

/// A field that may be absent or null, but not wrong.
fn optional<T>(
    fields: &Map<String, Value>,
    field: &'static str,
    expected: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, Rejected> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| Rejected::Field {
            field,
            found: shortened(value),
            expected,
        }),
    }
}

fn integer(value: &Value) -> Option<u64> {
    value.as_u64().filter(|n| *n <= MAX_INTEGER)
}

fn name(value: &Value) -> Option<String> {
    let name = value.as_str()?;
    (1..=MAX_NAME_BYTES)
        .contains(&name.len())
        .then(|| name.to_owned())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value as it stood in the payload, short enough for a log line.
fn shortened(value: &Value) -> String {
    const SHOWN_CHARS: usize = 40;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Examples {
        accepted: Vec<Accepted>,
        rejected: Vec<RejectedExample>,
    }

    #[derive(Deserialize)]
    struct Accepted {
        payload: Value,
        twist: (f64, f64),
    }

    #[derive(Deserialize)]
    struct RejectedExample {
        text: String,
        reason: String,
    }

    fn examples() -> Examples {
        serde_json::from_str(include_str!("../examples/actions.json")).unwrap()
    }

    #[test]
    fn every_accepted_example_is_an_action() {
        for example in examples().accepted {
            let text = example.payload.to_string();
            let action = Action::from_json(text.as_bytes())
                .unwrap_or_else(|rejected| panic!("{text}: {rejected}"));
            assert_eq!(action.motion.twist(), example.twist, "{text}");
        }
    }

    #[test]
    fn every_rejected_example_is_refused_with_its_reason() {
        for example in examples().rejected {
            let rejected = Action::from_json(example.text.as_bytes()).expect_err(&example.text);
            assert!(
                rejected.to_string().contains(&example.reason),
                "{}: said {rejected:?}, not {:?}",
                example.text,
                example.reason
            );
        }
    }

    #[test]
    fn one_byte_past_the_limit_is_refused_and_the_limit_itself_is_not() {
        let padded = |bytes: usize| {
            let head = r#"{"action":"stop","note":""#;
            format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
        };
        assert!(Action::from_json(padded(MAX_BYTES).as_bytes()).is_ok());
        assert_eq!(
            Action::from_json(padded(MAX_BYTES + 1).as_bytes()),
            Err(Rejected::TooLong(MAX_BYTES + 1))
        );
    }

    #[test]
    fn deep_nesting_is_refused_without_overflowing_the_stack() {
        let nested = format!("{}{}", "[".repeat(500), "]".repeat(500));
        assert!(matches!(
            Action::from_json(nested.as_bytes()),
            Err(Rejected::NotJson(_))
        ));
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Action::from_json(&payload);
        }

        #[test]
        fn what_is_written_is_read_back(
            linear in -1.0f64..=1.0,
            angular in -1.0f64..=1.0,
            speed in proptest::option::of(0.01f64..=1.0),
            duration_ms in proptest::option::of(1..=MAX_DURATION_MS),
            seq in proptest::option::of(0..=MAX_INTEGER),
        ) {
            let action = Action { speed, duration_ms, seq, ..Action::new(Motion::Drive { linear, angular }) };
            prop_assert_eq!(Action::from_json(action.to_json().as_bytes()), Ok(action));
        }
    }
}
