//! One signaling socket: from the presigned upgrade to the closing frame.

mod list;
mod member;
mod outgoing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use daemon::log_limit::SharedLogLimiter;
use wire::signaling::permitted::{EVERY, ROBOT_AGENT};
use wire::signaling::{FromService, MAX_FRAME_BYTES, MessageType, is_id};

use member::Member;
use outgoing::{Ended, close, send};

use super::authenticated::{Form, authenticate, not_authorized};
use super::sigv4;
use crate::auth::{Grant, Role};
use crate::clock;
use crate::http::error::Refusal;
use crate::signaling::channels::{Receiver, Side};
use crate::signaling::connection::{CloseReason, Connection, Due, RejectedMessage};
use crate::signaling::{Arn, Rejection, Signaling};
use crate::store::Directory;

/// Refused sockets that are logged one by one.
static REFUSED: SharedLogLimiter = SharedLogLimiter::new(20, Duration::from_secs(60));

/// And rejected messages.
static REJECTED: SharedLogLimiter = SharedLogLimiter::new(20, Duration::from_secs(60));

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
            if let Some(suppressed) = REFUSED.allow(clock::instant()) {
                tracing::warn!(%refusal, suppressed, "signaling socket refused");
            }
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
    let side = side(&caller.grant, client_id)?;
    let is_ours = side == Side::Master && is_robot_agent(&parts.headers);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, signaling)
        .await
        .map_err(|rejection| {
            let status = rejection.into_response().status();
            Refusal::aws(status, "BadRequestException", "not a WebSocket handshake")
        })?;
    let upgrade = upgrade
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES);
    let now = clock::instant();
    let is_viewer = side != Side::Master;
    let joined = signaling.channels().join(&arn.robot, side, now);
    match joined {
        Ok((id, receiver)) => {
            let member = Member::new(Arc::clone(signaling), id, caller.grant, is_ours);
            Ok(upgrade.on_upgrade(move |socket| run(socket, member, receiver)))
        }
        Err(rejection) if is_viewer => {
            signaling.counters.denied.inc();
            if let Some(suppressed) = REFUSED.allow(now) {
                let robot = &arn.robot;
                tracing::warn!(%robot, %rejection, suppressed, "a viewer's signaling socket is refused");
            }
            Ok(upgrade.on_upgrade(move |socket| turn_away(socket, rejection)))
        }
        Err(rejection) => Err(rejection.into()),
    }
}

/// Says why in a frame, and closes: of a handshake that is refused, browsers show nobody the words.
async fn turn_away(mut socket: WebSocket, rejection: Rejection) {
    if send(&mut socket, rejection.status(String::new()).to_json())
        .await
        .is_ok()
    {
        close(&mut socket, CloseReason::Limit).await;
    }
}

/// A viewer has an id, a master has none; the credentials say which it is.
fn side(grant: &Grant, client_id: Option<String>) -> Result<Side, Refusal> {
    match (grant.role, client_id) {
        (Role::Master, None) => Ok(Side::Master),
        (Role::Master, Some(_)) => Err(not_authorized("connecting as a viewer")),
        (Role::Viewer, None) => Err(not_authorized("connecting as the master")),
        (Role::Viewer, Some(id)) if is_id(&id) => Ok(Side::Viewer {
            id,
            principal: grant.principal.told(),
        }),
        (Role::Viewer, Some(_)) => Err(Refusal::invalid_argument(
            "X-Amz-ClientId must be 1 to 256 of [a-zA-Z0-9_.-]",
        )),
    }
}

/// Whether a master is told who may watch it. To all others the protocol stays AWS' own.
fn is_robot_agent(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT);
    agent.is_some_and(|agent| agent.as_bytes().starts_with(ROBOT_AGENT.as_bytes()))
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
    let mut lists = tokio::time::interval(EVERY);
    lists.reset();
    // Before any offer.
    let now = directory.borrow_and_update().clone();
    if let Err(ended) = list::send(socket, member, &now).await {
        return ended;
    }
    loop {
        let deadline = tokio::time::Instant::from_std(connection.deadline());
        let step = tokio::select! {
            biased;
            () = member.signaling.shutdown.cancelled() => Err(Ended::Here(CloseReason::Stopping)),
            reason = receiver.close.reason() => Err(Ended::Here(reason)),
            Ok(()) = directory.changed() => {
                let now = directory.borrow_and_update().clone();
                follow(socket, member, &now).await
            }
            _ = lists.tick(), if member.is_ours => {
                list::send(socket, member, &member.signaling.directory()).await
            }
            Some(frame) = receiver.frames.recv() => {
                send(socket, member.readable(frame).to_json()).await
            }
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

/// Acts by a directory that has changed.
async fn follow(
    socket: &mut WebSocket,
    member: &Member,
    directory: &Directory,
) -> Result<(), Ended> {
    list::send(socket, member, directory).await?;
    if member.grant.holds(directory) {
        return Ok(());
    }
    list::wait_for_answer(socket, member, directory.revision).await;
    Err(Ended::Here(CloseReason::Revoked))
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
        Message::Ping(_) => return Ok(()),
        Message::Pong(answer) => {
            list::answered(member, &answer);
            return Ok(());
        }
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
    if let Some(suppressed) = REJECTED.allow(now) {
        let (robot, role) = (&member.grant.robot, member.grant.role.word());
        let rejection = &rejected.rejection;
        tracing::warn!(%robot, role, %rejection, suppressed, "signaling message rejected");
    }
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
