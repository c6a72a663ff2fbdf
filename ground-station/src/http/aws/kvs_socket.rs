//! One signaling socket: from the presigned upgrade to the closing frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use wire::signaling::{FromService, MAX_FRAME_BYTES, MessageType, is_id};

use super::authenticated::{Form, authenticate, not_authorized};
use super::sigv4;
use crate::auth::{Grant, Role};
use crate::clock;
use crate::http::error::Refusal;
use crate::signaling::channels::{ConnectionId, Receiver, Side};
use crate::signaling::connection::{CloseReason, Connection, Due, RejectedMessage};
use crate::signaling::{Arn, Rejection, Signaling};

/// How long one frame may take to be written. Who needs longer for 12 KiB does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a closing frame may take; nothing depends on it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

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
    let caller = authenticate(signaling, &parts, b"", Form::Query)?;
    let query = parts.uri.query().unwrap_or("").to_owned();
    let arn: Arn = sigv4::parameter(&query, "X-Amz-ChannelARN")?
        .ok_or_else(|| Refusal::invalid_argument("X-Amz-ChannelARN is missing"))?
        .parse()?;
    caller.require_channel(&arn, signaling)?;
    let client_id = sigv4::parameter(&query, "X-Amz-ClientId")?;
    let side = side(caller.grant.role, client_id)?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, signaling)
        .await
        .map_err(|rejection| {
            let status = rejection.into_response().status();
            Refusal::aws(status, "BadRequestException", "not a WebSocket handshake")
        })?;
    let now = clock::instant();
    let (id, receiver) = signaling.channels().join(&arn.robot, side, now)?;
    let member = Member::new(Arc::clone(signaling), id, caller.grant);
    Ok(upgrade
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .on_upgrade(move |socket| run(socket, member, receiver)))
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

/// A connection to a channel, which it leaves whatever ends it: also a client that goes away
/// between the upgrade and the first frame.
struct Member {
    signaling: Arc<Signaling>,
    id: ConnectionId,
    grant: Grant,
}

impl Member {
    fn new(signaling: Arc<Signaling>, id: ConnectionId, grant: Grant) -> Self {
        signaling.counters.connected(grant.role).inc();
        tracing::info!(robot = %grant.robot, role = grant.role.word(), "signaling socket opened");
        Self {
            signaling,
            id,
            grant,
        }
    }

    fn check_grant(&self) -> Result<(), Ended> {
        if self.grant.holds(&self.signaling.directory()) {
            Ok(())
        } else {
            Err(Ended::Here(CloseReason::Revoked))
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.signaling.counters.connected(self.grant.role).dec();
        self.signaling.channels().leave(&self.id);
    }
}

/// Why a socket ended.
enum Ended {
    Here(CloseReason),
    /// The other end did, in order or not.
    There(&'static str),
}

async fn run(mut socket: WebSocket, member: Member, mut receiver: Receiver) {
    let now = clock::instant();
    let mut connection = Connection::new(member.grant.role, *member.signaling.times(), now);
    let words = match serve(&mut socket, &member, &mut receiver, &mut connection).await {
        Ended::Here(reason) => {
            close(&mut socket, reason).await;
            reason.words()
        }
        Ended::There(words) => words,
    };
    let role = member.grant.role.word();
    tracing::info!(robot = %member.grant.robot, role, "signaling socket closed: {words}");
}

async fn serve(
    socket: &mut WebSocket,
    member: &Member,
    receiver: &mut Receiver,
    connection: &mut Connection,
) -> Ended {
    let mut directory = member.signaling.directory.clone();
    loop {
        let deadline = tokio::time::Instant::from_std(connection.deadline());
        let step = tokio::select! {
            biased;
            () = member.signaling.shutdown.cancelled() => Err(Ended::Here(CloseReason::Stopping)),
            reason = receiver.close.reason() => Err(Ended::Here(reason)),
            Ok(()) = directory.changed() => member.check_grant(),
            Some(frame) = receiver.frames.recv() => send(socket, frame.to_json()).await,
            incoming = socket.recv() => match incoming {
                Some(Ok(message)) => receive(socket, member, connection, message).await,
                Some(Err(error)) => {
                    tracing::debug!(%error, "signaling socket failed");
                    Err(Ended::There("it broke"))
                }
                None => Err(Ended::There("the other end is gone")),
            },
            () = tokio::time::sleep_until(deadline) => send_due(socket, connection).await,
        };
        if let Err(ended) = step {
            return ended;
        }
    }
}

/// One message of the other end.
async fn receive(
    socket: &mut WebSocket,
    member: &Member,
    connection: &mut Connection,
    message: Message,
) -> Result<(), Ended> {
    let now = clock::instant();
    connection.received(now);
    let rejected = match message {
        Message::Ping(_) | Message::Pong(_) => return Ok(()),
        Message::Close(_) => return Err(Ended::There("the other end closed it")),
        Message::Binary(_) => RejectedMessage {
            correlation_id: None,
            rejection: Rejection::InvalidArgument("messages are text frames".to_owned()),
        },
        Message::Text(text) if text.trim().is_empty() => return Ok(()),
        Message::Text(text) => match forward(member, connection, &text, now) {
            Ok(()) => return Ok(()),
            Err(rejected) => rejected,
        },
    };
    member.signaling.counters.refused.inc();
    let (robot, rejection) = (&member.grant.robot, &rejected.rejection);
    tracing::warn!(%robot, role = member.grant.role.word(), %rejection, "signaling message rejected");
    if !connection.tolerates_rejected(now) {
        return Err(Ended::Here(CloseReason::TooManyRejected));
    }
    match rejected.status() {
        Some(status) => send(socket, status.to_json()).await,
        None => Ok(()),
    }
}

fn forward(
    member: &Member,
    connection: &mut Connection,
    text: &str,
    now: Instant,
) -> Result<(), RejectedMessage> {
    let message = connection.parse(text, now)?;
    let content = message.action;
    let correlation_id = message.correlation_id.clone();
    member
        .signaling
        .channels()
        .route(&member.id, message, now)
        .map_err(|rejection| RejectedMessage {
            correlation_id,
            rejection,
        })?;
    member.signaling.counters.messages(content).inc();
    Ok(())
}

async fn send_due(socket: &mut WebSocket, connection: &mut Connection) -> Result<(), Ended> {
    while let Some(due) = connection.due(clock::instant()) {
        match due {
            Due::EmptyFrame => send(socket, String::new()).await?,
            Due::GoAway => {
                send(socket, FromService::bare(MessageType::GoAway).to_json()).await?;
            }
            Due::Close(reason) => return Err(Ended::Here(reason)),
        }
    }
    Ok(())
}

async fn send(socket: &mut WebSocket, text: String) -> Result<(), Ended> {
    let send = socket.send(Message::Text(Utf8Bytes::from(text)));
    match tokio::time::timeout(WRITE_TIMEOUT, send).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::There("it broke")),
        Err(_) => Err(Ended::Here(CloseReason::SlowReader)),
    }
}

async fn close(socket: &mut WebSocket, reason: CloseReason) {
    let frame = CloseFrame {
        code: reason.code(),
        reason: Utf8Bytes::from_static(reason.words()),
    };
    let send = socket.send(Message::Close(Some(frame)));
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, send).await;
}
