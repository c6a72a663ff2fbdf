//! The rules of one connection: what may come over it, how often, and until when.
//!
//! Pure: the time is an argument, and it answers what to do. It does not know who else is there.

use std::time::Instant;

use wire::signaling::permitted::REVOKED;
use wire::signaling::{Content, FromService, MAX_PAYLOAD_BYTES, ToService, is_id};

use super::rejection::Rejection;
use super::times::Times;
use crate::auth::Role;
use daemon::rate_limit::{Rate, TokenBucket};

/// Candidates a second: the service's hard limit for one socket.
const CANDIDATES_PER_S: f64 = 20.0;

/// Offers and answers a second: the same.
const DESCRIPTIONS_PER_S: f64 = 5.0;

/// Rejected messages that are tolerated: twice what a peer with a hundred candidates and no
/// sense of rates would send, and a few in the long run.
const REJECTED: Rate = Rate {
    burst: 200.0,
    per_s: 5.0,
};

/// What the time demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send an empty text frame.
    EmptyFrame,
    /// Say that the socket will close.
    GoAway,
    Close(CloseReason),
}

/// Why a socket was closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// Nothing came over it for too long.
    Idle,
    /// It was told to go away, and did not.
    TimeUp,
    /// The same role, or the same client, connected anew.
    Replaced,
    /// It does not read what is sent to it.
    SlowReader,
    /// It sends what is rejected, again and again.
    TooManyRejected,
    /// Who holds it may no longer.
    Revoked,
    /// There are too many, or too many a second.
    Limit,
    /// Somebody asked for it.
    OnDemand,
    /// The ground station stops.
    Stopping,
}

impl CloseReason {
    /// The code of the closing frame (RFC 6455, section 7.4.1).
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::Idle | Self::TimeUp | Self::Replaced => 1000,
            Self::OnDemand | Self::Stopping => 1001,
            Self::Limit => 1013,
            Self::SlowReader | Self::TooManyRejected | Self::Revoked => 1008,
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Idle => "idle for too long",
            Self::TimeUp => "connected for too long",
            Self::Replaced => "replaced by a newer connection",
            Self::SlowReader => "reads too slowly",
            Self::TooManyRejected => "too many rejected messages",
            Self::Revoked => REVOKED,
            Self::Limit => "too many viewers, or too many at once: try again later",
            Self::OnDemand => "dropped on demand",
            Self::Stopping => "the ground station stops",
        }
    }
}

/// A message that is not passed on.
#[derive(Debug)]
pub(crate) struct RejectedMessage {
    /// The sender's name for the message; without, it is not told.
    pub correlation_id: Option<String>,
    /// What is wrong with it.
    pub rejection: Rejection,
}

impl RejectedMessage {
    /// What the sender is told.
    pub(crate) fn status(&self) -> Option<FromService> {
        let correlation_id = self.correlation_id.clone()?;
        Some(self.rejection.status(correlation_id))
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    role: Role,
    times: Times,
    received_at: Instant,
    go_away_at: Instant,
    close_at: Option<Instant>,
    empty_at: Instant,
    candidates: TokenBucket,
    descriptions: TokenBucket,
    rejected: TokenBucket,
}

impl Connection {
    /// One that opened at `now`.
    pub(crate) fn new(role: Role, times: Times, now: Instant) -> Self {
        let bucket = |per_s: f64| {
            TokenBucket::new(
                Rate {
                    burst: per_s,
                    per_s,
                },
                now,
            )
        };
        Self {
            role,
            times,
            received_at: now,
            go_away_at: now + times.session,
            close_at: None,
            empty_at: now + times.empty_frame,
            candidates: bucket(CANDIDATES_PER_S),
            descriptions: bucket(DESCRIPTIONS_PER_S),
            rejected: TokenBucket::new(REJECTED, now),
        }
    }

    /// Something came, whatever it was.
    pub(crate) fn received(&mut self, now: Instant) {
        self.received_at = now;
    }

    /// The message, if it may pass.
    pub(crate) fn parse(
        &mut self,
        frame: &str,
        now: Instant,
    ) -> Result<ToService, RejectedMessage> {
        let message = ToService::from_json(frame).map_err(|malformed| RejectedMessage {
            correlation_id: None,
            rejection: Rejection::invalid(malformed),
        })?;
        match self.check(&message, now) {
            Ok(()) => Ok(message),
            Err(rejection) => Err(RejectedMessage {
                correlation_id: message.correlation_id.filter(|id| is_id(id)),
                rejection,
            }),
        }
    }

    fn check(&mut self, message: &ToService, now: Instant) -> Result<(), Rejection> {
        let (bucket, rate) = match message.action {
            Content::IceCandidate => (&mut self.candidates, CANDIDATES_PER_S),
            Content::SdpOffer | Content::SdpAnswer => (&mut self.descriptions, DESCRIPTIONS_PER_S),
        };
        if !bucket.take(now) {
            return Err(Rejection::limit(format!(
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
            (Role::Master, None) => Err(Rejection::invalid(
                "a master must say for whom: recipientClientId is missing",
            )),
        }
    }

    /// Counts a rejected message; false when it was one too many.
    pub(crate) fn tolerates_rejected(&mut self, now: Instant) -> bool {
        self.rejected.take(now)
    }

    /// What is due at `now`, one thing at a time.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        if self.close_at.is_some_and(|at| now >= at) {
            return Some(Due::Close(CloseReason::TimeUp));
        }
        if now >= self.received_at + self.times.idle {
            return Some(Due::Close(CloseReason::Idle));
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

    /// When to ask [`Connection::due`] again.
    pub(crate) fn deadline(&self) -> Instant {
        self.close_at
            .unwrap_or(self.go_away_at)
            .min(self.received_at + self.times.idle)
            .min(self.empty_at)
    }
}

/// As documented: up to 10K of base64's letters. Whether they decode is for the receiver to
/// find out, as with the real service, which forwards what it does not read.
fn check_payload(payload: &str) -> Result<(), Rejection> {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    if payload.is_empty() || !payload.bytes().all(letters) {
        return Err(Rejection::invalid("messagePayload is not base64"));
    }
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Rejection::invalid(format!(
            "messagePayload has {} bytes; {MAX_PAYLOAD_BYTES} are the most",
            payload.len()
        )));
    }
    Ok(())
}

fn not_an_id(what: &str) -> Rejection {
    Rejection::invalid(format!("{what} must be 1 to 256 of [a-zA-Z0-9_.-]"))
}

#[cfg(test)]
mod tests;
