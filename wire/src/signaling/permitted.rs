//! Who may watch and drive a robot now, as a ground station tells its robot-agents. No part of
//! AWS' protocol: only a master that calls itself [`ROBOT_AGENT`] is told.
//!
//! A principal is an opaque string. It names a user or a key with what makes their rights void,
//! a new password say, and holds no secret; what stands before its first `/` is a [`label`].

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FromService, MAX_LIST_PAYLOAD_BYTES, Malformed, MessageType, decode, encode_payload};

/// How the `User-Agent` of a master begins that understands all this.
pub const ROBOT_AGENT: &str = "robot-agent/";

/// The reason in the closing frame of a socket whose holder may no longer have it.
pub const REVOKED: &str = "no longer allowed";

/// How often a list is sent though nothing has changed.
pub const EVERY: Duration = Duration::from_secs(30);

/// How long a list holds. Ten are missed by then, so the station is out of reach and not merely
/// slow; a restart of it, or of a router, takes less.
pub const LIFE: Duration = Duration::from_secs(5 * 60);

/// Longest list, as JSON: the longest names fill it with 290, usual ones with more than a
/// thousand.
const MAX_LIST_BYTES: usize = MAX_LIST_PAYLOAD_BYTES / 4 * 3;

/// The payload of [`MessageType::Permitted`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permitted {
    /// All of them; nobody else may.
    pub principals: BTreeSet<String>,
}

impl Permitted {
    /// Those of `principals` that one list can hold, and how many it cannot.
    pub fn of(principals: impl IntoIterator<Item = String>) -> (Self, usize) {
        // `{"principals":[]}`; each with its quotes and a comma.
        let mut bytes = 17;
        let (principals, left_out): (BTreeSet<_>, BTreeSet<_>) = principals
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .partition(|principal| {
                bytes += principal.len() + 3;
                bytes <= MAX_LIST_BYTES
            });
        (Self { principals }, left_out.len())
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] for a payload that is too long, not base64, or of another shape.
    pub fn from_payload(payload: &str) -> Result<Self, Malformed> {
        decode(payload, MAX_LIST_PAYLOAD_BYTES)
    }

    /// The frame to send.
    pub fn to_frame(&self) -> FromService {
        FromService {
            message_payload: Some(encode_payload(self)),
            ..FromService::bare(MessageType::Permitted)
        }
    }
}

/// Who a principal is, as logs name them: `user-anna`, `key-4`.
pub fn label(principal: &str) -> &str {
    principal.split('/').next().unwrap_or(principal)
}

#[cfg(test)]
mod tests {
    use super::super::MAX_SERVICE_FRAME_BYTES;
    use super::*;
    use crate::topic::MAX_ROBOT_NAME_BYTES;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let (list, left_out) = Permitted::of(["user-anna/1f".to_owned(), "key-4".to_owned()]);
        assert_eq!(left_out, 0);
        let frame = list.to_frame().to_json();
        let read = FromService::from_json(&frame).unwrap().unwrap();
        assert_eq!(read.message_type, MessageType::Permitted);
        let payload = read.message_payload.unwrap();
        assert_eq!(Permitted::from_payload(&payload), Ok(list));
        assert_eq!(label("user-anna/1f"), "user-anna");
        assert_eq!(label("key-4"), "key-4");
    }

    #[test]
    fn what_is_too_much_for_a_list_is_left_out_and_counted() {
        let name = "n".repeat(MAX_ROBOT_NAME_BYTES - 4);
        let version = "f".repeat(32);
        let many = (1000..2000).map(|n| format!("user-{name}{n}/{version}"));
        let (list, left_out) = Permitted::of(many);
        assert!(list.principals.len() >= 280, "{}", list.principals.len());
        assert_eq!(list.principals.len() + left_out, 1000);
        let frame = list.to_frame();
        assert!(frame.to_json().len() <= MAX_SERVICE_FRAME_BYTES);
        let payload = frame.message_payload.unwrap();
        assert_eq!(Permitted::from_payload(&payload), Ok(list));
    }
}
