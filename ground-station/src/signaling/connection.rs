//! The rules of one socket: what may come over it, how often, and until when.
//!
//! Pure: it is told the time and answers what to do. It does not know who else is there.

use std::time::Instant;

use wire::signaling::{
    Content, FromService, MAX_PAYLOAD_BYTES, MessageType, StatusResponse, ToService, is_id,
};

use super::bucket::Bucket;
use super::times::Times;
use crate::auth::Role;
use crate::http::aws::error::Refusal;

/// Candidates a second: the service's hard limit for one socket.
const CANDIDATES_PER_S: u32 = 20;

/// Offers and answers a second: the same.
const DESCRIPTIONS_PER_S: u32 = 5;

/// Refused frames that are forgiven at once: twice what a peer with a hundred candidates
/// and no sense of rates would send.
const FOULS: u32 = 200;

/// Refused frames that are forgiven in the long run.
const FOULS_PER_S: f64 = 5.0;

/// What the time demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send an empty text frame.
    EmptyFrame,
    /// Say that the socket will close.
    GoAway,
    /// Close.
    Close(Reason),
}

/// Why a socket was closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing came over it for too long.
    Idle,
    /// It was told to go away, and did not.
    TimeUp,
    /// The same role, or the same client, connected anew.
    Replaced,
    /// It does not read what is sent to it.
    SlowReader,
    /// It sends what is refused, again and again.
    Fouls,
    /// Who holds it may no longer.
    Revoked,
    /// Somebody asked for it.
    OnDemand,
    /// The ground station stops.
    Stopping,
}

impl Reason {
    /// The code of the closing frame (RFC 6455, section 7.4.1).
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::Idle | Self::TimeUp | Self::Replaced => 1000,
            Self::OnDemand | Self::Stopping => 1001,
            Self::SlowReader | Self::Fouls | Self::Revoked => 1008,
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Idle => "idle for too long",
            Self::TimeUp => "connected for too long",
            Self::Replaced => "replaced by a newer connection",
            Self::SlowReader => "reads too slowly",
            Self::Fouls => "too many refused messages",
            Self::Revoked => "no longer allowed",
            Self::OnDemand => "dropped on demand",
            Self::Stopping => "the ground station stops",
        }
    }
}

/// A frame that is not passed on.
#[derive(Debug)]
pub(crate) struct Foul {
    /// Whom to tell about which message; nobody is told about one without.
    pub correlation_id: Option<String>,
    /// Why.
    pub refusal: Refusal,
}

impl Foul {
    /// What the sender hears of it.
    pub(crate) fn answer(&self) -> Option<FromService> {
        let correlation_id = self.correlation_id.clone()?;
        Some(FromService {
            status_response: Some(StatusResponse {
                correlation_id,
                error_type: Some(self.refusal.kind.to_owned()),
                status_code: Some(self.refusal.status.as_u16().to_string()),
                description: Some(self.refusal.message.clone()),
            }),
            ..FromService::bare(MessageType::StatusResponse)
        })
    }
}

/// One socket.
#[derive(Debug)]
pub(crate) struct Session {
    role: Role,
    times: Times,
    heard: Instant,
    go_away_at: Instant,
    close_at: Option<Instant>,
    empty_at: Instant,
    candidates: Bucket,
    descriptions: Bucket,
    fouls: Bucket,
}

impl Session {
    pub(crate) fn new(role: Role, times: Times, now: Instant) -> Self {
        let rate = |per_s: u32| Bucket::new(per_s, f64::from(per_s), now);
        Self {
            role,
            times,
            heard: now,
            go_away_at: now + times.session,
            close_at: None,
            empty_at: now + times.empty_frame,
            candidates: rate(CANDIDATES_PER_S),
            descriptions: rate(DESCRIPTIONS_PER_S),
            fouls: Bucket::new(FOULS, FOULS_PER_S, now),
        }
    }

    /// Something came, whatever it was.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// The frame, if it may pass.
    pub(crate) fn admit(&mut self, frame: &str, now: Instant) -> Result<ToService, Foul> {
        let message = ToService::from_json(frame).map_err(|malformed| Foul {
            correlation_id: None,
            refusal: Refusal::invalid_argument(malformed.to_string()),
        })?;
        match self.check(&message, now) {
            Ok(()) => Ok(message),
            Err(refusal) => Err(Foul {
                correlation_id: message.correlation_id.filter(|id| is_id(id)),
                refusal,
            }),
        }
    }

    fn check(&mut self, message: &ToService, now: Instant) -> Result<(), Refusal> {
        let (bucket, rate) = match message.action {
            Content::IceCandidate => (&mut self.candidates, CANDIDATES_PER_S),
            Content::SdpOffer | Content::SdpAnswer => (&mut self.descriptions, DESCRIPTIONS_PER_S),
        };
        if !bucket.take(now) {
            return Err(Refusal::limit_exceeded(format!(
                "more than {rate} messages of this kind a second"
            )));
        }
        check_payload(&message.message_payload)?;
        if message
            .correlation_id
            .as_deref()
            .is_some_and(|id| !is_id(id))
        {
            return Err(not_an_id("correlationId"));
        }
        match (self.role, message.recipient_client_id.as_deref()) {
            (Role::Viewer, _) => Ok(()),
            (Role::Master, Some(id)) if is_id(id) => Ok(()),
            (Role::Master, Some(_)) => Err(not_an_id("recipientClientId")),
            (Role::Master, None) => Err(Refusal::invalid_argument(
                "a master must say for whom: recipientClientId is missing",
            )),
        }
    }

    /// Counts a refused frame; false when it was one too many.
    pub(crate) fn forgives(&mut self, now: Instant) -> bool {
        self.fouls.take(now)
    }

    /// What is due at `now`, one thing at a time.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        if self.close_at.is_some_and(|at| now >= at) {
            return Some(Due::Close(Reason::TimeUp));
        }
        if now >= self.heard + self.times.idle {
            return Some(Due::Close(Reason::Idle));
        }
        if self.close_at.is_none() && now >= self.go_away_at {
            self.close_at = Some(now + self.times.grace);
            return Some(Due::GoAway);
        }
        if now >= self.empty_at {
            self.empty_at = now + self.times.empty_frame;
            return Some(Due::EmptyFrame);
        }
        None
    }

    /// When to ask [`Session::due`] again.
    pub(crate) fn deadline(&self) -> Instant {
        self.close_at
            .unwrap_or(self.go_away_at)
            .min(self.heard + self.times.idle)
            .min(self.empty_at)
    }
}

/// As documented: up to 10K of base64's letters. Whether they decode is for the receiver to
/// find out, as with the real service, which forwards what it does not read.
fn check_payload(payload: &str) -> Result<(), Refusal> {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    if payload.is_empty() || !payload.bytes().all(letters) {
        return Err(Refusal::invalid_argument("messagePayload is not base64"));
    }
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Refusal::invalid_argument(format!(
            "messagePayload has {} bytes; {MAX_PAYLOAD_BYTES} are the most",
            payload.len()
        )));
    }
    Ok(())
}

fn not_an_id(what: &str) -> Refusal {
    Refusal::invalid_argument(format!("{what} must be 1 to 256 of [a-zA-Z0-9_.-]"))
}

#[cfg(test)]
mod tests;
