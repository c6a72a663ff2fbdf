//! The list of who may watch a robot, on its way to it, and its answer: a ping follows each
//! list, and a robot-agent reads the ping only once it acts by the list.

use std::str;

use axum::extract::ws::{Message, WebSocket};
use wire::signaling::permitted::Permitted;

use super::member::Member;
use super::outgoing::{self, Ended, write};
use crate::auth::{Role, permitted};
use crate::clock;
use crate::signaling::ACTS_WITHIN;
use crate::store::Directory;

/// Tells a robot-agent who may watch it by `directory`, and nobody else anything.
pub(super) async fn send(
    socket: &mut WebSocket,
    member: &Member,
    directory: &Directory,
) -> Result<(), Ended> {
    if member.grant.role != Role::Master {
        return Ok(());
    }
    let ours = member.is_ours.then_some(&member.grant);
    let now = clock::instant();
    member.signaling.channels().told(&member.id, ours, now);
    if !member.is_ours {
        return Ok(());
    }
    let frame = list(member, directory).to_frame();
    outgoing::send(socket, frame.to_json()).await?;
    let ping = Message::Ping(directory.revision.to_string().into());
    write(socket, ping).await
}

/// Nobody, once the robot itself may no longer be here.
fn list(member: &Member, directory: &Directory) -> Permitted {
    if !member.grant.holds(directory) {
        return Permitted::default();
    }
    let robot = &member.grant.robot;
    let (list, left_out) = Permitted::of(permitted(robot, directory));
    if left_out > 0 {
        tracing::warn!(%robot, left_out, "more users and keys than a robot can be told of: they cannot watch it");
    }
    list
}

/// A pong says up to which revision a robot-agent acts.
pub(super) fn answered(member: &Member, pong: &[u8]) -> Option<u64> {
    let revision = str::from_utf8(pong).ok()?.parse().ok()?;
    member.signaling.acts_by(&member.id, revision);
    Some(revision)
}

/// Reads on, for nothing else, until a robot-agent that must go acts by its last list. A socket
/// that is closed with something unread in it would take the list along.
pub(super) async fn wait_for_answer(socket: &mut WebSocket, member: &Member, revision: u64) {
    let answer = async {
        while let Some(Ok(message)) = socket.recv().await {
            if let Message::Pong(pong) = message
                && answered(member, &pong) >= Some(revision)
            {
                return;
            }
        }
    };
    if member.is_ours {
        let _ = tokio::time::timeout(ACTS_WITHIN, answer).await;
    }
}
