//! One signaling socket: from the presigned upgrade to the closing frame.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use wire::signaling::{FromService, MAX_FRAME_BYTES, MessageType, is_id};

use super::authenticated::{Form, identify, not_authorized};
use super::error::Refusal;
use super::kvs_calls::Arn;
use super::sigv4;
use crate::auth::{Grant, Role};
use crate::clock;
use crate::signaling::Signaling;
use crate::signaling::channels::{Ears, Place, Side};
use crate::signaling::connection::{Due, Foul, Reason, Session};

/// How long one frame may take to be written. Who needs longer for 12 KiB does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a goodbye may take; nothing depends on it.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes out the requests that open a signaling socket; everything else goes on.
pub(super) async fn intercept(
    State(signaling): State<Arc<Signaling>>,
    request: Request,
    next: Next,
) -> Response {
    if !opens_socket(&request) {
        return next.run(request).await;
    }
    match open(&signaling, request).await {
        Ok(response) => response,
        Err(refusal) => {
            signaling.counters.denied.inc();
            tracing::warn!(%refusal, "signaling socket refused");
            refusal.into_response()
        }
    }
}

fn opens_socket(request: &Request) -> bool {
    request.headers().contains_key(header::UPGRADE)
        && request
            .uri()
            .query()
            .is_some_and(|query| query.contains("X-Amz-"))
}

async fn open(signaling: &Arc<Signaling>, request: Request) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let known = identify(signaling, &parts, b"", Form::Query)?;
    let query = parts.uri.query().unwrap_or("").to_owned();
    let arn: Arn = sigv4::parameter(&query, "X-Amz-ChannelARN")?
        .ok_or_else(|| Refusal::invalid_argument("X-Amz-ChannelARN is missing"))?
        .parse()?;
    known.must_own(&arn, signaling)?;
    let client_id = sigv4::parameter(&query, "X-Amz-ClientId")?;
    let side = side(known.grant.role, client_id)?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, signaling)
        .await
        .map_err(|rejection| {
            let status = rejection.into_response().status();
            Refusal::gate(status, "BadRequestException", "not a WebSocket handshake")
        })?;
    let joined = signaling
        .switchboard()
        .join(&arn.robot, side, clock::instant());
    let (place, ears) = joined?;
    let seat = Seat::new(Arc::clone(signaling), place, known.grant);
    Ok(upgrade
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .on_upgrade(move |socket| run(socket, seat, ears)))
}

/// A viewer has an id, a master has none; the credentials say which it is.
fn side(role: Role, client_id: Option<String>) -> Result<Side, Refusal> {
    match (role, client_id) {
        (Role::Master, None) => Ok(Side::Master),
        (Role::Master, Some(_)) => Err(not_authorized("connecting as a viewer")),
        (Role::Viewer, None) => Err(not_authorized("connecting as the master")),
        (Role::Viewer, Some(id)) if is_id(&id) => Ok(Side::Viewer(id)),
        (Role::Viewer, Some(_)) => Err(Refusal::invalid_argument(
            "X-Amz-ClientId must be 1 to 256 of [a-zA-Z0-9_.-]",
        )),
    }
}

/// A place at the switchboard, given back by whatever road it is left: also by a client that
/// goes away between the upgrade and the first frame.
struct Seat {
    signaling: Arc<Signaling>,
    place: Place,
    grant: Grant,
}

impl Seat {
    fn new(signaling: Arc<Signaling>, place: Place, grant: Grant) -> Self {
        signaling.counters.connected(grant.role).inc();
        tracing::info!(robot = %grant.robot, role = grant.role.word(), "signaling socket opened");
        Self {
            signaling,
            place,
            grant,
        }
    }
}

impl Seat {
    fn still_holds(&self) -> Result<(), Ended> {
        if self.grant.holds(&self.signaling.directory()) {
            Ok(())
        } else {
            Err(Ended::Here(Reason::Revoked))
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.signaling.counters.connected(self.grant.role).dec();
        self.signaling.switchboard().leave(&self.place);
    }
}

/// Why a socket ended.
enum Ended {
    /// We close it.
    Here(Reason),
    /// The other end did, in order or not.
    There(&'static str),
}

async fn run(mut socket: WebSocket, seat: Seat, mut ears: Ears) {
    let now = clock::instant();
    let mut session = Session::new(seat.grant.role, *seat.signaling.times(), now);
    let words = match listen(&mut socket, &seat, &mut ears, &mut session).await {
        Ended::Here(reason) => {
            goodbye(&mut socket, reason).await;
            reason.words()
        }
        Ended::There(words) => words,
    };
    let role = seat.grant.role.word();
    tracing::info!(robot = %seat.grant.robot, role, "signaling socket closed: {words}");
}

async fn listen(
    socket: &mut WebSocket,
    seat: &Seat,
    ears: &mut Ears,
    session: &mut Session,
) -> Ended {
    let mut directory = seat.signaling.directory.clone();
    loop {
        let deadline = tokio::time::Instant::from_std(session.deadline());
        let step = tokio::select! {
            biased;
            () = seat.signaling.shutdown.cancelled() => Err(Ended::Here(Reason::Stopping)),
            reason = ears.end.reason() => Err(Ended::Here(reason)),
            Ok(()) = directory.changed() => seat.still_holds(),
            Some(frame) = ears.frames.recv() => say(socket, frame.to_json()).await,
            incoming = socket.recv() => match incoming {
                Some(Ok(message)) => hear(socket, seat, session, message).await,
                Some(Err(error)) => {
                    tracing::debug!(%error, "signaling socket failed");
                    Err(Ended::There("it broke"))
                }
                None => Err(Ended::There("the other end is gone")),
            },
            () = tokio::time::sleep_until(deadline) => due(socket, session).await,
        };
        if let Err(ended) = step {
            return ended;
        }
    }
}

/// One message of the other end.
async fn hear(
    socket: &mut WebSocket,
    seat: &Seat,
    session: &mut Session,
    message: Message,
) -> Result<(), Ended> {
    let now = clock::instant();
    session.heard(now);
    let foul = match message {
        Message::Ping(_) | Message::Pong(_) => return Ok(()),
        Message::Close(_) => return Err(Ended::There("the other end closed it")),
        Message::Binary(_) => Foul {
            correlation_id: None,
            refusal: Refusal::invalid_argument("messages are text frames"),
        },
        Message::Text(text) if text.trim().is_empty() => return Ok(()),
        Message::Text(text) => match pass_on(seat, session, &text) {
            Ok(()) => return Ok(()),
            Err(foul) => foul,
        },
    };
    seat.signaling.counters.refused.inc();
    let (robot, refusal) = (&seat.grant.robot, &foul.refusal);
    tracing::warn!(%robot, role = seat.grant.role.word(), %refusal, "signaling message refused");
    if !session.forgives(now) {
        return Err(Ended::Here(Reason::Fouls));
    }
    match foul.answer() {
        Some(answer) => say(socket, answer.to_json()).await,
        None => Ok(()),
    }
}

fn pass_on(seat: &Seat, session: &mut Session, text: &str) -> Result<(), Foul> {
    let now = clock::instant();
    let message = session.admit(text, now)?;
    let content = message.action;
    let correlation_id = message.correlation_id.clone();
    seat.signaling
        .switchboard()
        .route(&seat.place, message, now)
        .map_err(|refusal| Foul {
            correlation_id,
            refusal,
        })?;
    seat.signaling.counters.messages(content).inc();
    Ok(())
}

/// What the time demands.
async fn due(socket: &mut WebSocket, session: &mut Session) -> Result<(), Ended> {
    while let Some(due) = session.due(clock::instant()) {
        match due {
            Due::EmptyFrame => say(socket, String::new()).await?,
            Due::GoAway => {
                say(socket, FromService::bare(MessageType::GoAway).to_json()).await?;
            }
            Due::Close(reason) => return Err(Ended::Here(reason)),
        }
    }
    Ok(())
}

async fn say(socket: &mut WebSocket, text: String) -> Result<(), Ended> {
    let send = socket.send(Message::Text(Utf8Bytes::from(text)));
    match tokio::time::timeout(WRITE_TIMEOUT, send).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::There("it broke")),
        Err(_) => Err(Ended::Here(Reason::SlowReader)),
    }
}

async fn goodbye(socket: &mut WebSocket, reason: Reason) {
    let frame = CloseFrame {
        code: reason.code(),
        reason: Utf8Bytes::from_static(reason.words()),
    };
    let send = socket.send(Message::Close(Some(frame)));
    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, send).await;
}
