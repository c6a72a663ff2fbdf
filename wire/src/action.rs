//! An action: what the wheels shall do now, as it travels on `<robot>/action` and on the data
//! channel `drive`.
//!
//! The five words are those of the AWS sample; `drive` carries a velocity as ROS' `Twist`
//! does: `linear` forward positive, `angular` counter-clockwise positive, both in [-1, 1].

mod fields;

use serde::Serialize;
use serde_json::{Map, Value};

use fields::{integer, kind, name, optional, shortened};

pub use fields::{MAX_BYTES, MAX_DURATION_MS, MAX_INTEGER, MAX_NAME_BYTES, Rejected};

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

#[cfg(test)]
mod tests;
