//! Who is connected to which channel, and to whom a message goes.
//!
//! The newest master wins, ten may watch, and what viewers send while the master is away
//! waits for it. Nobody is ever waited for: who does not take a message is closed.

mod channel;
mod held;
mod outbox;
mod told;

pub(crate) use outbox::Receiver;
pub(crate) use told::Unreached;

use std::collections::HashMap;
use std::time::Instant;

use wire::signaling::{Content, FromService, MessageType, ToService};

use super::connection::CloseReason;
use super::rejection::Rejection;
use super::times::Times;
use crate::auth::{Grant, Role};
use crate::store::Directory;
use channel::{Channel, Viewer};
use held::MAX_HELD;
use outbox::{Outbox, outbox};
use told::{List, Told};

/// Messages that wait to be written to one socket: all that may have been held for it, and as
/// much again.
const OUTBOX_CAPACITY: usize = 2 * MAX_HELD;

/// Which end of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Master,
    /// Who watches it.
    Viewer {
        /// The id of its client.
        id: String,
        /// Whose it is, as robots know them.
        principal: String,
    },
}

/// One connection to a channel.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionId {
    robot: String,
    side: Side,
    number: u64,
}

impl ConnectionId {
    /// Of one that only says something, and is not connected.
    pub(crate) fn unconnected(robot: &str, side: Side) -> Self {
        Self {
            robot: robot.to_owned(),
            side,
            number: u64::MAX,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Channels {
    channels: HashMap<String, Channel>,
    times: Times,
    started: Instant,
    next_number: u64,
}

impl Channels {
    /// Nobody is connected yet, in a station that started at `now`.
    pub(crate) fn new(times: Times, now: Instant) -> Self {
        Self {
            channels: HashMap::new(),
            times,
            started: now,
            next_number: 0,
        }
    }

    /// Connects one more, in the place of who had the same side before.
    pub(crate) fn join(
        &mut self,
        robot: &str,
        side: Side,
        now: Instant,
    ) -> Result<(ConnectionId, Receiver), Rejection> {
        let channel = channel_of(&mut self.channels, robot, now);
        let joins = match &side {
            Side::Master => &mut channel.master_joins,
            Side::Viewer { id, principal } => {
                channel.has_place_for(id, principal, now)?;
                &mut channel.viewer_joins
            }
        };
        if !joins.take(now) {
            return Err(Rejection::limit(
                "more than 3 connections a second to this channel",
            ));
        }
        let (outbox, receiver) = outbox(OUTBOX_CAPACITY);
        let number = self.next_number;
        let replaced = match &side {
            Side::Master => {
                channel.held.take(now).for_each(|frame| outbox.send(frame));
                let old = channel.master.replace((number, outbox));
                old.map(|(_, outbox)| outbox)
            }
            Side::Viewer { id, principal } => {
                let viewer = Viewer {
                    number,
                    outbox,
                    principal: principal.clone(),
                };
                let old = channel.viewers.insert(id.clone(), viewer);
                old.map(|viewer| viewer.outbox)
            }
        };
        if let Some(old) = replaced {
            old.close(CloseReason::Replaced);
        }
        self.next_number += 1;
        let connection = ConnectionId {
            robot: robot.to_owned(),
            side,
            number,
        };
        Ok((connection, receiver))
    }

    /// Forgets a connection, unless its place was taken by another.
    pub(crate) fn leave(&mut self, connection: &ConnectionId, now: Instant) {
        let Some(channel) = self.channels.get_mut(&connection.robot) else {
            return;
        };
        let still_there = |number: Option<u64>| number == Some(connection.number);
        match &connection.side {
            Side::Master if still_there(channel.master.as_ref().map(|m| m.0)) => {
                channel.master = None;
            }
            Side::Viewer { id, .. }
                if still_there(channel.viewers.get(id).map(|viewer| viewer.number)) =>
            {
                channel.remove_viewer(id, now);
                channel.held.forget(Some(id));
            }
            _ => {}
        }
    }

    /// Passes a message on.
    pub(crate) fn route(
        &mut self,
        from: &ConnectionId,
        message: ToService,
        now: Instant,
    ) -> Result<(), Rejection> {
        let until = now + self.times.message_ttl;
        let channel = channel_of(&mut self.channels, &from.robot, now);
        match &from.side {
            Side::Viewer { id, principal } => {
                let frame = FromService {
                    principal: (message.action == Content::SdpOffer).then(|| principal.clone()),
                    ..forwarded(message, Some(id.clone()))
                };
                match &channel.master {
                    Some((_, master)) => master.send(frame),
                    None => channel.held.hold(frame, until),
                }
                Ok(())
            }
            Side::Master => {
                if channel.master.as_ref().is_none_or(|m| m.0 != from.number) {
                    return Err(Rejection::invalid(CloseReason::Replaced.words()));
                }
                let to = message.recipient_client_id.clone().unwrap_or_default();
                let Some(viewer) = channel.viewers.get(&to) else {
                    return Err(Rejection::invalid(format!("no viewer '{to}' is connected")));
                };
                viewer.outbox.send(forwarded(message, None));
                Ok(())
            }
        }
    }

    /// Tells the robot that a viewer has left, if it is one that is told such things.
    pub(crate) fn viewer_left(&self, robot: &str, id: &str) {
        let channel = self.channels.get(robot);
        let told = channel.filter(|channel| matches!(channel.told, Told::List(_)));
        if let Some((_, master)) = told.and_then(|channel| channel.master.as_ref()) {
            master.send(FromService {
                sender_client_id: Some(id.to_owned()),
                ..FromService::bare(MessageType::ViewerLeft)
            });
        }
    }

    /// Notes that a master that is told of principals is told now, or that another is not.
    pub(crate) fn told(&mut self, master: &ConnectionId, grant: Option<&Grant>, now: Instant) {
        let Some(channel) = self.with_master(master) else {
            return;
        };
        channel.told = grant.map_or(Told::Nothing, |grant| {
            Told::List(List {
                grant: grant.clone(),
                sent: now,
                acts_by: channel.told.acts_by(),
            })
        });
    }

    /// Notes that a master acts by a revision of the directory.
    pub(crate) fn acts_by(&mut self, master: &ConnectionId, revision: u64) {
        if let Some(channel) = self.with_master(master)
            && let Told::List(list) = &mut channel.told
        {
            list.acts_by = Some(revision);
        }
    }

    /// The robots that may show themselves to somebody from whom the step from `before` to
    /// `after` has taken that.
    pub(crate) fn unreached(
        &self,
        before: &Directory,
        after: &Directory,
        now: Instant,
    ) -> Vec<Unreached> {
        let unreached = |robot: &String| {
            let channel = self.channels.get(robot);
            let told = channel.map_or(&Told::Unknown, |channel| &channel.told);
            let until = told.holds_until(robot, before, after, self.started)?;
            Some(Unreached {
                robot: robot.clone(),
                connected: channel.is_some_and(|channel| channel.master.is_some()),
                until,
            })
        };
        let robots = before.robots.iter().filter_map(unreached);
        robots.filter(|robot| robot.until > now).collect()
    }

    /// The channel of a master, unless another has taken its place.
    fn with_master(&mut self, master: &ConnectionId) -> Option<&mut Channel> {
        let channel = self.channels.get_mut(&master.robot)?;
        let number = channel.master.as_ref().map(|(number, _)| *number);
        (number == Some(master.number)).then_some(channel)
    }

    /// Whether one more control call of this side is within its rate. However often viewers
    /// call, the robot finds its way back.
    pub(crate) fn may_call(&mut self, robot: &str, role: Role, now: Instant) -> bool {
        let channel = channel_of(&mut self.channels, robot, now);
        let calls = match role {
            Role::Master => &mut channel.master_calls,
            Role::Viewer => &mut channel.viewer_calls,
        };
        calls.take(now)
    }

    /// Sends everyone on a channel a message of the service's own; how many there are.
    pub(crate) fn broadcast(&self, robot: &str, what: MessageType) -> usize {
        self.outboxes(robot)
            .map(|outbox| outbox.send(FromService::bare(what)))
            .count()
    }

    /// Closes every connection to a channel; how many there were.
    pub(crate) fn close(&self, robot: &str, reason: CloseReason) -> usize {
        self.outboxes(robot)
            .map(|outbox| outbox.close(reason))
            .count()
    }

    fn outboxes(&self, robot: &str) -> impl Iterator<Item = &Outbox> {
        let channel = self.channels.get(robot);
        channel.into_iter().flat_map(Channel::outboxes)
    }
}

fn channel_of<'a>(
    channels: &'a mut HashMap<String, Channel>,
    robot: &str,
    now: Instant,
) -> &'a mut Channel {
    if !channels.contains_key(robot) {
        channels.insert(robot.to_owned(), Channel::new(now));
    }
    channels.get_mut(robot).expect("it was inserted just now")
}

/// The message as the other end reads it. A viewer is told no sender: it receives only from
/// the master.
fn forwarded(message: ToService, sender_client_id: Option<String>) -> FromService {
    let content: Content = message.action;
    FromService {
        sender_client_id,
        message_payload: Some(message.message_payload),
        ..FromService::bare(content.into())
    }
}

#[cfg(test)]
mod tests;
