//! The messages of a Kinesis Video Streams signaling socket: text frames of JSON.
//!
//! Clients send [`ToService`] in either casing (the C SDK writes `MessagePayload`, all
//! others `messagePayload`); the service sends [`FromService`] in camelCase. Payloads are
//! base64 of JSON: [`encode_payload`] and [`decode_payload`]. Unknown fields are ignored in
//! both directions.
//!
//! [`control`] has the shapes of the calls that lead to the socket, [`permitted`] what a ground
//! station tells a robot-agent beyond that protocol.
//! `examples/signaling.json` holds frames as the public documentation shows them.

pub mod control;
pub mod permitted;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// Longest `messagePayload`, in characters of base64: the service's documented 10K.
pub const MAX_PAYLOAD_BYTES: usize = 10 * 1024;

/// Longest text frame: a full payload, two ids of [`MAX_ID_BYTES`] and the JSON around them.
pub const MAX_FRAME_BYTES: usize = MAX_PAYLOAD_BYTES + 2 * 1024;

/// Longest payload of a [`permitted::Permitted`], in characters of base64.
const MAX_LIST_PAYLOAD_BYTES: usize = 64 * 1024;

/// Longest text frame from a service that may be a ground station: such a list, and the JSON
/// around it.
pub const MAX_SERVICE_FRAME_BYTES: usize = MAX_LIST_PAYLOAD_BYTES + 1024;

/// Longest client id and correlation id, as documented.
pub const MAX_ID_BYTES: usize = 256;

/// What the official clients call a sender that the service does not name: the master.
pub const MASTER: &str = "MASTER";

/// The service's name in every SigV4 scope, for the control plane and the sockets alike.
pub const SIGNING_NAME: &str = "kinesisvideo";

/// A frame from a client to the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToService {
    /// What the payload is.
    #[serde(alias = "Action")]
    pub action: Content,
    /// The encoded payload.
    #[serde(alias = "MessagePayload")]
    pub message_payload: String,
    /// For whom; needed from a master, ignored from a viewer.
    #[serde(
        default,
        alias = "RecipientClientId",
        deserialize_with = "not_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub recipient_client_id: Option<String>,
    /// With it, an error comes back as a [`StatusResponse`]; without it, nothing does.
    #[serde(
        default,
        alias = "CorrelationId",
        deserialize_with = "not_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub correlation_id: Option<String>,
}

/// What two peers tell each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Content {
    /// A [`Description`] with `type` `offer`.
    SdpOffer,
    /// A [`Description`] with `type` `answer`.
    SdpAnswer,
    /// A [`Candidate`].
    IceCandidate,
}

/// A frame from the service to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FromService {
    /// What this is about.
    #[serde(alias = "MessageType")]
    pub message_type: MessageType,
    /// From whom; absent from the service itself, and to a viewer, who hears only the master.
    #[serde(
        default,
        alias = "SenderClientId",
        deserialize_with = "not_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub sender_client_id: Option<String>,
    /// Who makes this offer, as [`permitted`] lists them; told to a robot-agent by a ground
    /// station, and to nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The encoded payload; absent where there is nothing to say.
    #[serde(
        default,
        alias = "MessagePayload",
        deserialize_with = "not_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub message_payload: Option<String>,
    /// What became of a message sent with a correlation id.
    #[serde(
        default,
        alias = "StatusResponse",
        skip_serializing_if = "Option::is_none"
    )]
    pub status_response: Option<StatusResponse>,
}

/// What a frame from the service is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageType {
    /// A peer's offer.
    SdpOffer,
    /// A peer's answer.
    SdpAnswer,
    /// A peer's candidate.
    IceCandidate,
    /// This socket closes soon: connect anew.
    GoAway,
    /// The relay goes: get ICE servers anew.
    ReconnectIceServer,
    /// A message of ours was refused.
    StatusResponse,
    /// A [`permitted::Permitted`], from a ground station to a robot-agent.
    Permitted,
    /// A viewer whose connection is to be ended, from a ground station to a robot-agent.
    ViewerLeft,
    /// Something newer than this list; to be ignored.
    #[serde(other)]
    Unknown,
}

/// What became of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusResponse {
    /// The correlation id of that message.
    #[serde(alias = "CorrelationId")]
    pub correlation_id: String,
    /// The error's name, such as `InvalidArgumentException`.
    #[serde(alias = "ErrorType", skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// An HTTP status, as a string.
    #[serde(alias = "StatusCode", skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// What went wrong, in words.
    #[serde(alias = "Description", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The payload of an offer or an answer: a browser's `RTCSessionDescriptionInit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// `offer` or `answer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The session description.
    pub sdp: String,
    /// Why an answer takes nothing of the offer, where it does not; an addition of ours that
    /// other clients ignore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The payload of a candidate: a browser's `RTCIceCandidateInit`. All but the first may be
/// null or missing; an empty candidate says that there will be no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// `candidate:…`, or empty.
    pub candidate: String,
    /// The media section's `mid`.
    #[serde(default)]
    pub sdp_mid: Option<String>,
    /// The media section's position.
    #[serde(default)]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE generation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// Why a frame or a payload cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than its limit.
    #[error("a {what} has at most {limit} bytes, this has {found}")]
    TooLong {
        /// `frame` or `payload`.
        what: &'static str,
        /// Its limit.
        limit: usize,
        /// What it has.
        found: usize,
    },
    /// A payload that is not base64.
    #[error("the payload is not base64: {0}")]
    NotBase64(String),
    /// Not JSON, or JSON of another shape.
    #[error("the {0} is not what it should be: {1}")]
    Shape(&'static str, String),
}

impl ToService {
    /// Reads a frame; the payload stays encoded.
    ///
    /// # Errors
    /// [`Malformed`] for a frame that is too long or of another shape.
    pub fn from_json(frame: &str) -> Result<Self, Malformed> {
        from_json(frame, MAX_FRAME_BYTES)
    }

    /// The frame to send.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl FromService {
    /// A frame about `message_type` that says nothing more.
    pub fn bare(message_type: MessageType) -> Self {
        Self {
            message_type,
            sender_client_id: None,
            principal: None,
            message_payload: None,
            status_response: None,
        }
    }

    /// Reads a frame; the payload stays encoded. `None` for the empty frames that the service
    /// sends now and then, which mean nothing.
    ///
    /// # Errors
    /// [`Malformed`] for a frame that is too long or of another shape.
    pub fn from_json(frame: &str) -> Result<Option<Self>, Malformed> {
        if frame.trim().is_empty() {
            return Ok(None);
        }
        from_json(frame, MAX_SERVICE_FRAME_BYTES).map(Some)
    }

    /// The frame to send.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl From<Content> for MessageType {
    fn from(content: Content) -> Self {
        match content {
            Content::SdpOffer => Self::SdpOffer,
            Content::SdpAnswer => Self::SdpAnswer,
            Content::IceCandidate => Self::IceCandidate,
        }
    }
}

/// Whether `id` can be a client id or a correlation id: 1 to 256 of `[a-zA-Z0-9_.-]`.
pub fn is_id(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// A payload as it travels: base64 of JSON.
pub fn encode_payload(payload: &impl Serialize) -> String {
    BASE64.encode(to_json(payload))
}

/// The reverse of [`encode_payload`]; padding may be missing.
///
/// # Errors
/// [`Malformed`] for a payload that is too long, not base64, or of another shape.
pub fn decode_payload<T: DeserializeOwned>(payload: &str) -> Result<T, Malformed> {
    decode(payload, MAX_PAYLOAD_BYTES)
}

fn decode<T: DeserializeOwned>(payload: &str, limit: usize) -> Result<T, Malformed> {
    check_length("payload", payload, limit)?;
    let json = BASE64
        .decode(payload)
        .map_err(|e| Malformed::NotBase64(e.to_string()))?;
    serde_json::from_slice(&json).map_err(|e| Malformed::Shape("payload", e.to_string()))
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn from_json<T: DeserializeOwned>(frame: &str, limit: usize) -> Result<T, Malformed> {
    check_length("frame", frame, limit)?;
    serde_json::from_str(frame).map_err(|e| Malformed::Shape("frame", e.to_string()))
}

fn check_length(what: &'static str, text: &str, limit: usize) -> Result<(), Malformed> {
    let found = text.len();
    if found > limit {
        return Err(Malformed::TooLong { what, limit, found });
    }
    Ok(())
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings, numbers and options of them are always JSON")
}

/// An id that is empty or null is no id.
fn not_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.filter(|id| !id.is_empty()))
}

#[cfg(test)]
mod tests;
