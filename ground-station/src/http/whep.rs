//! WHEP (draft-ietf-wish-whep): a robot is watched by one POST of an offer, for players that know no
//! signaling of AWS'. The answer comes by the robot's channel, on which the player is a viewer like
//! any other; it is there only while it is answered.

use super::app_state::AppState;
use super::body::{self, Limits};
use super::error::Refusal;
use crate::auth::{Caller, CredentialIssuer, Principal};
use crate::clock;
use crate::hex;
use crate::signaling::Signaling;
use crate::signaling::channels::{ConnectionId, Receiver, Side};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use wire::signaling::{
    Candidate, Content, Description, MAX_PAYLOAD_BYTES, MessageType, ToService, decode_payload,
    encode_payload,
};

/// How long the robot has to answer: it does so in tens of milliseconds, or it is away.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long the answer waits for candidates that the robot tells after it. Players take no later
/// ones. A relay over UDP is there in half of that.
const CANDIDATES_WITHIN: Duration = Duration::from_millis(400);

/// Of a session's name: so many by lot, and as many by which it is known whose it is. Telemetry tells
/// everybody who may watch the name of a session that drives.
const ID_BYTES: usize = 16;

/// Most candidates of one PATCH; a player sends them one by one, or some ten at once.
const MAX_CANDIDATES: usize = 32;

/// One viewer on a robot's channel, while this lives.
struct ViewerConnection {
    signaling: Arc<Signaling>,
    id: ConnectionId,
    receiver: Receiver,
}

impl Drop for ViewerConnection {
    fn drop(&mut self) {
        self.signaling.channels().leave(&self.id, clock::instant());
    }
}

fn side(id: &str, of: &Principal) -> Side {
    Side::Viewer {
        id: id.to_owned(),
        principal: of.told(),
    }
}

impl ViewerConnection {
    fn join(app: &AppState, robot: &str, id: &str, of: &Principal) -> Result<Self, Refusal> {
        let signaling = Arc::clone(&app.signaling);
        let joined = (signaling.channels()).join(robot, side(id, of), clock::instant());
        let (id, receiver) =
            joined.map_err(|full| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, full))?;
        Ok(Self {
            signaling,
            id,
            receiver,
        })
    }

    fn send<T: Serialize>(&self, action: Content, payload: &T) -> Result<(), Refusal> {
        send(&self.signaling, &self.id, action, payload)
    }

    /// The robot's answer, with the candidates that came soon after it.
    async fn answer(&mut self) -> Result<String, Refusal> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, async {
            while let Some(frame) = self.receiver.frames.recv().await {
                if frame.message_type == MessageType::SdpAnswer {
                    return frame.message_payload;
                }
            }
            None
        });
        let away = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the robot does not answer");
        let payload = answer.await.ok().flatten().ok_or_else(away)?;
        let mut answer: Description = decode_payload(&payload).map_err(Refusal::broken)?;
        if let Some(reason) = answer.reason {
            return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, reason));
        }
        let late = async {
            while let Some(frame) = self.receiver.frames.recv().await {
                let payload = frame.message_payload.unwrap_or_default();
                if let Ok(candidate) = decode_payload::<Candidate>(&payload) {
                    answer.sdp = with_candidate(&answer.sdp, &candidate);
                }
            }
        };
        let _ = tokio::time::timeout(CANDIDATES_WITHIN, late).await;
        Ok(answer.sdp)
    }
}

/// Sends a message as a viewer.
fn send<T: Serialize>(
    signaling: &Signaling,
    from: &ConnectionId,
    action: Content,
    payload: &T,
) -> Result<(), Refusal> {
    let message_payload = encode_payload(payload);
    if message_payload.len() > MAX_PAYLOAD_BYTES {
        let words = format!("in base64 this may have at most {MAX_PAYLOAD_BYTES} bytes");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, words));
    }
    let message = ToService {
        action,
        message_payload,
        recipient_client_id: None,
        correlation_id: None,
    };
    let said = (signaling.channels()).route(from, message, clock::instant());
    said.map_err(Refusal::bad)
}

/// `POST /robots/{name}/whep`
pub(super) async fn offer(
    State(app): State<Arc<AppState>>,
    Path(robot): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let sdp = read(&app, &robot, &caller, &headers, body, "application/sdp").await?;
    let id = new_id(&app.signaling.credentials, &robot, &caller.principal);
    let mut connection = ViewerConnection::join(&app, &robot, &id, &caller.principal)?;
    let offer = Description {
        kind: "offer".to_owned(),
        sdp,
        reason: None,
    };
    connection.send(Content::SdpOffer, &offer)?;
    let answer = connection.answer().await?;
    let headers = [
        (header::CONTENT_TYPE, "application/sdp".to_owned()),
        (header::LOCATION, format!("/robots/{robot}/whep/{id}")),
    ];
    Ok((StatusCode::CREATED, headers, answer).into_response())
}

/// `PATCH /robots/{name}/whep/{id}`: candidates of the player's (RFC 8840).
pub(super) async fn trickle(
    State(app): State<Arc<AppState>>,
    Path((robot, id)): Path<(String, String)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let kind = "application/trickle-ice-sdpfrag";
    let fragment = read(&app, &robot, &caller, &headers, body, kind).await?;
    let id = require_own(&app.signaling.credentials, &robot, id, &caller.principal)?;
    let side = side(&id, &caller.principal);
    let viewer = ConnectionId::unconnected(&robot, side);
    for candidate in candidates(&fragment).iter().take(MAX_CANDIDATES) {
        send(&app.signaling, &viewer, Content::IceCandidate, candidate)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /robots/{name}/whep/{id}`
pub(super) async fn leave(
    State(app): State<Arc<AppState>>,
    Path((robot, id)): Path<(String, String)>,
    caller: Caller,
) -> Result<StatusCode, Refusal> {
    caller.require_robot(&robot)?;
    app.require_known(&robot)?;
    let id = require_own(&app.signaling.credentials, &robot, id, &caller.principal)?;
    app.signaling.channels().viewer_left(&robot, &id);
    Ok(StatusCode::OK)
}

fn new_id(issuer: &CredentialIssuer, robot: &str, of: &Principal) -> String {
    let lot: [u8; ID_BYTES] = rand::random();
    let tag = issuer.tag(&lot, &whose(robot, of));
    format!("whep-{}{}", hex::encode(&lot), hex::encode(&tag))
}

fn whose(robot: &str, of: &Principal) -> String {
    format!("{robot}/{}", of.label())
}

/// No connection of another viewer, or of somebody else, is ended by its name.
fn require_own(
    issuer: &CredentialIssuer,
    robot: &str,
    id: String,
    of: &Principal,
) -> Result<String, Refusal> {
    let bytes = id.strip_prefix("whep-").and_then(hex::decode);
    let is_own = bytes.is_some_and(|bytes| {
        let lot = bytes.split_first_chunk::<ID_BYTES>();
        lot.is_some_and(|(lot, tag)| issuer.tag(lot, &whose(robot, of)) == tag)
    });
    is_own
        .then_some(id)
        .ok_or_else(|| Refusal::not_found("there is no such session"))
}

async fn read(
    app: &AppState,
    robot: &str,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
    kind: &str,
) -> Result<String, Refusal> {
    caller.require_robot(robot)?;
    app.require_known(robot)?;
    let said = headers
        .get(header::CONTENT_TYPE)
        .map(|said| said.as_bytes().to_ascii_lowercase());
    if !said.is_some_and(|said| said.starts_with(kind.as_bytes())) {
        let words = format!("Content-Type must be {kind}");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words));
    }
    let body = body::read(body, Limits::of(MAX_PAYLOAD_BYTES)).await?;
    String::from_utf8(body.into()).map_err(|_| Refusal::bad("the body is not UTF-8"))
}

/// `sdp` with one more candidate, in the section that it names.
fn with_candidate(sdp: &str, candidate: &Candidate) -> String {
    let line = format!("a={}\r\n", candidate.candidate);
    let index = usize::from(candidate.sdp_m_line_index.unwrap_or_default());
    let mut starts = sdp
        .match_indices("\nm=")
        .map(|(at, _)| at + 1)
        .skip(index + 1);
    let at = starts.next().unwrap_or(sdp.len());
    format!("{}{line}{}", &sdp[..at], &sdp[at..])
}

/// The candidates of a fragment, each with its section's name, if it has one.
fn candidates(fragment: &str) -> Vec<Candidate> {
    let (mut mid, mut index, mut ufrag) = (None, None, None);
    let mut found = Vec::new();
    for line in fragment.lines() {
        if line.starts_with("m=") {
            index = Some(index.map_or(0, |index: u16| index + 1));
        } else if let Some(value) = line.strip_prefix("a=mid:") {
            mid = Some(value.to_owned());
        } else if let Some(value) = line.strip_prefix("a=ice-ufrag:") {
            ufrag = Some(value.to_owned());
        } else if line.starts_with("a=candidate:") {
            found.push(Candidate {
                candidate: line["a=".len()..].to_owned(),
                sdp_mid: mid.clone(),
                sdp_m_line_index: index,
                username_fragment: ufrag.clone(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_goes_to_the_end_of_its_section() {
        let sdp = "v=0\r\nm=audio 9\r\na=mid:a\r\nm=video 9\r\na=mid:v\r\n";
        for (index, expected) in [
            (
                0,
                "v=0\r\nm=audio 9\r\na=mid:a\r\na=candidate:1\r\nm=video 9\r\na=mid:v\r\n",
            ),
            (
                1,
                "v=0\r\nm=audio 9\r\na=mid:a\r\nm=video 9\r\na=mid:v\r\na=candidate:1\r\n",
            ),
        ] {
            let candidate = Candidate {
                candidate: "candidate:1".to_owned(),
                sdp_m_line_index: Some(index),
                ..Candidate::default()
            };
            assert_eq!(with_candidate(sdp, &candidate), expected);
        }
    }

    #[test]
    fn a_fragment_names_section_and_credentials_of_its_candidates() {
        let fragment = "a=ice-ufrag:EsAw\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
            a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\nm=video 9 RTP/AVP 0\r\na=mid:1\r\n\
            a=candidate:2 1 udp 1 192.0.2.1 2 typ host\r\na=end-of-candidates\r\n";
        let found = candidates(fragment);
        let seen = found
            .iter()
            .map(|c| (c.sdp_mid.as_deref(), c.sdp_m_line_index));
        assert_eq!(
            seen.collect::<Vec<_>>(),
            [(Some("0"), Some(0)), (Some("1"), Some(1))]
        );
        assert_eq!(found[1].username_fragment.as_deref(), Some("EsAw"));
        assert!(found[1].candidate.starts_with("candidate:2 1 udp"));
    }

    #[test]
    fn a_session_is_ended_by_nobody_else() {
        let issuer = CredentialIssuer::new(&[7; 32]);
        let ann = Principal::User("ann".to_owned(), "1".to_owned());
        let id = new_id(&issuer, "rover", &ann);
        let own = |robot: &str, id: &str, of: &Principal| {
            require_own(&issuer, robot, id.to_owned(), of).is_ok()
        };
        assert!(own("rover", &id, &ann));
        assert!(!own("scout", &id, &ann));
        assert!(!own("rover", &id, &Principal::Key(1)));
        let guess = format!("whep-{}", "0f".repeat(2 * ID_BYTES));
        for other in ["anna", "whep-", "whep-0f", "whep-anna", "", &guess] {
            assert!(!own("rover", other, &ann), "{other}");
        }
    }
}
