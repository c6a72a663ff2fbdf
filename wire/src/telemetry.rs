//! What a robot says about itself on `<robot>/telemetry` and on the data channel
//! `telemetry`. What the machine cannot tell is absent, never zero.

use serde::{Deserialize, Serialize};

/// The last will: the robot's connection ended without a goodbye.
pub const OFFLINE: &str = r#"{"online":false}"#;

/// One report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Always true in a report; [`OFFLINE`] is the other.
    pub online: bool,
    /// Version of robot-agent.
    pub version: String,
    /// Seconds since robot-agent started.
    pub uptime_s: u64,
    /// The robot's own clock when this was written: milliseconds since a moment that differs
    /// from one start of robot-agent to the next. Actions are stamped by it.
    #[serde(default)]
    pub clock_ms: u64,
    /// What the wheels do now.
    pub wheels: Wheels,
    /// Absent while the motor board answers; else what is wrong with it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board_fault: Option<String>,
    /// The last action that was accepted; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_action: Option<LastAction>,
    /// Who drives; absent while nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// Who stopped the last driver; absent once that is no news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<StoppedBy>,
    /// What a slow network leaves of the speed; absent while it takes nothing away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_limit: Option<SpeedLimit>,
    /// Counts since robot-agent started.
    pub counters: Counters,
    /// Absent where video is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<Video>,
    /// Absent where sound is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Audio>,
    /// The computer.
    pub system: System,
    /// Where the robot stands; absent where nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pose: Option<Pose>,
    /// Volts, where the board can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_v: Option<f64>,
}

/// Throttles in [-1, 1], forward positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wheels {
    /// The left wheel.
    pub left: f64,
    /// The right wheel.
    pub right: f64,
}

/// Where a robot stands, as in ROS (REP 103): where it started is 0, 0, looking along x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Metres, forward of the start.
    pub x: f64,
    /// Metres, left of the start.
    pub y: f64,
    /// Radians, counter-clockwise, −π to π.
    pub theta: f64,
}

/// The last action that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastAction {
    /// The action's own `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its word.
    pub action: String,
    /// `mqtt`, or the id of the viewer it came from.
    pub source: String,
    /// Milliseconds since it was accepted.
    pub age_ms: u64,
}

/// The road that an action takes to the robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// The topic `<robot>/action`.
    Mqtt,
    /// The data channel `drive` of a viewer.
    DataChannel,
}

/// Who drives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    /// The viewer's client id, or the action's `sender`; `mqtt` for all who name none.
    pub id: String,
    /// Their name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How their last action came.
    pub via: Via,
    /// Milliseconds since their last action.
    pub age_ms: u64,
}

/// Who stopped somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedBy {
    /// As [`Driver::id`].
    pub id: String,
    /// Their name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How the stop came.
    pub via: Via,
}

/// What the robot took away from the speed of an action that was long on its way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeedLimit {
    /// What is left of the asked speed, in (0, 1].
    pub fraction: f64,
    /// Whether the robot only turns.
    pub turn_only: bool,
    /// How long the action was on its way, in milliseconds.
    pub age_ms: u64,
}

/// Counts since robot-agent started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Actions obeyed.
    pub accepted: u64,
    /// Payloads that were no action.
    pub rejected: u64,
    /// Actions sent too long ago.
    pub stale: u64,
    /// Actions overtaken by a later one of the same sender, or seen before.
    pub out_of_order: u64,
    /// Motions of somebody who does not drive, or whom another's stop holds.
    #[serde(default)]
    pub not_driver: u64,
    /// Failed attempts to open or write the motor board.
    pub bus_errors: u64,
    /// Connections to the broker after the first.
    pub reconnects: u64,
}

/// The camera and who watches it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Video {
    /// How many watch.
    pub viewers: u32,
    /// Frames encoded in the last second.
    pub fps: f64,
    /// What the encoder was asked for, in kbit/s.
    pub bitrate_kbps: u32,
    /// Key frames since the start.
    pub key_frames: u64,
    /// Encoders that work now, by GStreamer's names: one for H.264, one for VP8, as they are watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encoders: Vec<String>,
    /// Absent while the camera runs; else what is wrong with it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera_fault: Option<String>,
}

/// What the robot hears and says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// Whether there is a microphone.
    pub microphone: bool,
    /// Whether its owner has muted it, which nobody else can undo.
    pub muted: bool,
    /// What is wrong with it, in words; absent while nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microphone_fault: Option<String>,
    /// Whether there is a speaker.
    pub speaker: bool,
    /// What is wrong with it, in words; absent while nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker_fault: Option<String>,
    /// How many listen.
    pub listeners: u32,
    /// Who speaks by the robot: a viewer's client id; absent while nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talker: Option<String>,
}

/// The computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// Degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_temp_c: Option<f64>,
    /// Load average of the last minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load1: Option<f64>,
    /// Resident memory of robot-agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_kib: Option<u64>,
    /// Signal level of the wireless network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wifi_dbm: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_is_absent() {
        let text = serde_json::to_string(&Telemetry::default()).unwrap();
        for absent in [
            "battery_v",
            "cpu_temp_c",
            "video",
            "last_action",
            "\"driver\"",
            "stopped_by",
            "speed_limit",
            "board_fault",
            "null",
        ] {
            assert!(!text.contains(absent), "{text}");
        }
        assert_eq!(
            serde_json::from_str::<Telemetry>(&text).unwrap(),
            Telemetry::default()
        );
    }
}
