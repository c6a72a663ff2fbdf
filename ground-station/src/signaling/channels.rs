//! Who is connected to which channel, and to whom a message goes.
//!
//! The newest master wins, ten may watch, and what viewers send while the master is away
//! waits for it. Nobody is ever waited for: who does not take a message is closed.

mod outbox;

pub(crate) use outbox::Receiver;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use wire::signaling::{Content, FromService, MessageType, ToService};

use super::connection::CloseReason;
use super::rejection::Rejection;
use super::times::Times;
use daemon::rate_limit::{Rate, TokenBucket};
use outbox::{Outbox, outbox};

/// Viewers of one channel: the service's default.
const MAX_VIEWERS: usize = 10;

/// Connections to one channel and side: the service's hard limit is 3 a second with no word on
/// bursts, so all viewers may reconnect at once, as after a restart.
const JOINS: Rate = Rate {
    burst: MAX_VIEWERS as f64,
    per_s: 3.0,
};

/// Control calls for one channel: the documented 5 a second for describing it, and ten viewers
/// and a robot that all ask their three questions at once.
const CALLS: Rate = Rate {
    burst: 33.0,
    per_s: 5.0,
};

/// Messages that wait for one master: an offer and a handful of candidates of ten viewers.
const MAX_HELD: usize = 96;

/// Messages that wait to be written to one socket: all that may have been held for it, and as
/// much again.
const OUTBOX_CAPACITY: usize = 2 * MAX_HELD;

/// Which end of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Master,
    /// Who watches it, by the id of its client.
    Viewer(String),
}

/// One connection to a channel.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionId {
    robot: String,
    side: Side,
    number: u64,
}

#[derive(Debug)]
struct Held {
    until: Instant,
    frame: FromService,
}

#[derive(Debug)]
struct Channel {
    master: Option<(u64, Outbox)>,
    viewers: BTreeMap<String, (u64, Outbox)>,
    held: VecDeque<Held>,
    master_joins: TokenBucket,
    viewer_joins: TokenBucket,
    calls: TokenBucket,
}

impl Channel {
    fn new(now: Instant) -> Self {
        Self {
            master: None,
            viewers: BTreeMap::new(),
            held: VecDeque::new(),
            master_joins: TokenBucket::new(JOINS, now),
            viewer_joins: TokenBucket::new(JOINS, now),
            calls: TokenBucket::new(CALLS, now),
        }
    }

    fn outboxes(&self) -> impl Iterator<Item = &Outbox> {
        let viewers = self.viewers.values().map(|(_, outbox)| outbox);
        viewers.chain(self.master.as_ref().map(|(_, outbox)| outbox))
    }

    /// Keeps what a viewer sends until a master comes. A new offer makes all that the same
    /// viewer sent before void, as with the real service.
    fn hold(&mut self, frame: FromService, until: Instant) {
        if frame.message_type == MessageType::SdpOffer {
            self.forget(frame.sender_client_id.as_deref());
        }
        if self.held.len() == MAX_HELD {
            self.held.pop_front();
        }
        self.held.push_back(Held { until, frame });
    }

    fn forget(&mut self, viewer: Option<&str>) {
        self.held
            .retain(|held| held.frame.sender_client_id.as_deref() != viewer);
    }
}

#[derive(Debug)]
pub(crate) struct Channels {
    channels: HashMap<String, Channel>,
    times: Times,
    next_number: u64,
}

impl Channels {
    /// Nobody is connected yet.
    pub(crate) fn new(times: Times) -> Self {
        Self {
            channels: HashMap::new(),
            times,
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
        let joins = match side {
            Side::Master => &mut channel.master_joins,
            Side::Viewer(_) => &mut channel.viewer_joins,
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
                let held = channel.held.drain(..).filter(|held| held.until > now);
                held.for_each(|held| outbox.send(held.frame));
                channel.master.replace((number, outbox))
            }
            Side::Viewer(id) => {
                if channel.viewers.len() >= MAX_VIEWERS && !channel.viewers.contains_key(id) {
                    return Err(Rejection::limit(format!(
                        "this channel has its {MAX_VIEWERS} viewers"
                    )));
                }
                channel.viewers.insert(id.clone(), (number, outbox))
            }
        };
        if let Some((_, old)) = replaced {
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
    pub(crate) fn leave(&mut self, connection: &ConnectionId) {
        let Some(channel) = self.channels.get_mut(&connection.robot) else {
            return;
        };
        let still_there =
            |held: Option<&(u64, Outbox)>| held.is_some_and(|h| h.0 == connection.number);
        match &connection.side {
            Side::Master if still_there(channel.master.as_ref()) => channel.master = None,
            Side::Viewer(id) if still_there(channel.viewers.get(id)) => {
                channel.viewers.remove(id);
                channel.forget(Some(id));
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
            Side::Viewer(id) => {
                let frame = forwarded(message, Some(id.clone()));
                match &channel.master {
                    Some((_, master)) => master.send(frame),
                    None => channel.hold(frame, until),
                }
                Ok(())
            }
            Side::Master => {
                if channel.master.as_ref().is_none_or(|m| m.0 != from.number) {
                    return Err(Rejection::invalid(CloseReason::Replaced.words()));
                }
                let to = message.recipient_client_id.clone().unwrap_or_default();
                let Some((_, viewer)) = channel.viewers.get(&to) else {
                    return Err(Rejection::invalid(format!("no viewer '{to}' is connected")));
                };
                viewer.send(forwarded(message, None));
                Ok(())
            }
        }
    }

    /// Whether one more control call for this channel is within its rate.
    pub(crate) fn may_call(&mut self, robot: &str, now: Instant) -> bool {
        channel_of(&mut self.channels, robot, now).calls.take(now)
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
