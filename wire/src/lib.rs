//! What both ends of an Outpost must agree on, and nothing else: no I/O, no clock.
//!
//! - [`action`]: what a robot can be told, and the one definition of a valid action.
//! - [`telemetry`]: what a robot says about itself.
//! - [`data_channel`]: what travels beside the video, straight between viewer and robot.
//! - [`topic`]: where both travel, and what a robot may be called.
//! - [`mars`]: the answer of the Mars API.
//! - [`signaling`]: the messages of a Kinesis Video Streams signaling socket.
//! - [`turn_stream`]: STUN and TURN over TCP or TLS.
//!
//! `examples/actions.json` and `examples/data_channel.json` list messages with what becomes of
//! them; this crate and the web console both test against them.

pub mod action;
pub mod data_channel;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod mars;
pub mod signaling;
pub mod telemetry;
pub mod topic;
pub mod turn_stream;

pub use action::{Action, Motion, Rejected};
pub use telemetry::Telemetry;
