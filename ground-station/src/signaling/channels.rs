//! Who is connected to which channel, and to whom a message goes.
//!
//! The newest master wins, ten may watch, and what viewers send while the master is away
//! waits for it. Nobody is ever waited for: who does not take a message is cut.

mod outbox;

pub(crate) use outbox::Ears;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use wire::signaling::{Content, FromService, MessageType, ToService};

use super::bucket::Bucket;
use super::connection::Reason;
use super::times::Times;
use crate::http::aws::error::Refusal;
use outbox::{Line, line};

/// Viewers of one channel: the service's default.
const MAX_VIEWERS: usize = 10;

/// Connections a second to one channel and side: the service's hard limit is 3 with no word
/// on bursts, so a full house may come back at once, as after a restart.
const JOINS_PER_S: f64 = 3.0;

/// Room for that full house.
const JOIN_BURST: u32 = MAX_VIEWERS as u32;

/// Control calls a second for one channel: the documented 5 for describing it.
const CALLS_PER_S: f64 = 5.0;

/// Ten viewers and a robot that all ask their three questions at once.
const CALL_BURST: u32 = 33;

/// Messages that wait for one master: an offer and a handful of candidates of ten viewers.
const MAX_HELD: usize = 96;

/// Which end of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Master,
    Viewer(String),
}

/// A connection's place at the switchboard.
#[derive(Clone, Debug)]
pub(crate) struct Place {
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
    master: Option<(u64, Line)>,
    viewers: BTreeMap<String, (u64, Line)>,
    held: VecDeque<Held>,
    master_joins: Bucket,
    viewer_joins: Bucket,
    calls: Bucket,
}

impl Channel {
    fn new(now: Instant) -> Self {
        Self {
            master: None,
            viewers: BTreeMap::new(),
            held: VecDeque::new(),
            master_joins: Bucket::new(JOIN_BURST, JOINS_PER_S, now),
            viewer_joins: Bucket::new(JOIN_BURST, JOINS_PER_S, now),
            calls: Bucket::new(CALL_BURST, CALLS_PER_S, now),
        }
    }

    fn lines(&self) -> impl Iterator<Item = &Line> {
        let viewers = self.viewers.values().map(|(_, line)| line);
        viewers.chain(self.master.as_ref().map(|(_, line)| line))
    }

    /// Keeps what a viewer says until a master comes. A new offer makes all that the same
    /// viewer said before void, as with the real service.
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

/// All channels.
#[derive(Debug)]
pub(crate) struct Switchboard {
    channels: HashMap<String, Channel>,
    times: Times,
    next_number: u64,
}

impl Switchboard {
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
    ) -> Result<(Place, Ears), Refusal> {
        let channel = channel_of(&mut self.channels, robot, now);
        let joins = match side {
            Side::Master => &mut channel.master_joins,
            Side::Viewer(_) => &mut channel.viewer_joins,
        };
        if !joins.take(now) {
            return Err(Refusal::limit_exceeded(
                "more than 3 connections a second to this channel",
            ));
        }
        let (line, ears) = line();
        let number = self.next_number;
        let replaced = match &side {
            Side::Master => {
                let held = channel.held.drain(..).filter(|held| held.until > now);
                held.for_each(|held| line.deliver(held.frame));
                channel.master.replace((number, line))
            }
            Side::Viewer(id) => {
                if channel.viewers.len() >= MAX_VIEWERS && !channel.viewers.contains_key(id) {
                    return Err(Refusal::limit_exceeded(format!(
                        "this channel has its {MAX_VIEWERS} viewers"
                    )));
                }
                channel.viewers.insert(id.clone(), (number, line))
            }
        };
        if let Some((_, old)) = replaced {
            old.cut(Reason::Replaced);
        }
        self.next_number += 1;
        let place = Place {
            robot: robot.to_owned(),
            side,
            number,
        };
        Ok((place, ears))
    }

    /// Forgets a connection, unless its place was taken by another.
    pub(crate) fn leave(&mut self, place: &Place) {
        let Some(channel) = self.channels.get_mut(&place.robot) else {
            return;
        };
        let still_there = |held: Option<&(u64, Line)>| held.is_some_and(|h| h.0 == place.number);
        match &place.side {
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
        from: &Place,
        message: ToService,
        now: Instant,
    ) -> Result<(), Refusal> {
        let until = now + self.times.message_ttl;
        let channel = channel_of(&mut self.channels, &from.robot, now);
        match &from.side {
            Side::Viewer(id) => {
                let frame = passed_on(message, Some(id.clone()));
                match &channel.master {
                    Some((_, master)) => master.deliver(frame),
                    None => channel.hold(frame, until),
                }
                Ok(())
            }
            Side::Master => {
                if channel.master.as_ref().is_none_or(|m| m.0 != from.number) {
                    return Err(Refusal::invalid_argument(Reason::Replaced.words()));
                }
                let to = message.recipient_client_id.clone().unwrap_or_default();
                let Some((_, viewer)) = channel.viewers.get(&to) else {
                    return Err(Refusal::invalid_argument(format!(
                        "no viewer '{to}' is connected"
                    )));
                };
                viewer.deliver(passed_on(message, None));
                Ok(())
            }
        }
    }

    /// Whether one more control call for this channel is within its rate.
    pub(crate) fn may_call(&mut self, robot: &str, now: Instant) -> bool {
        channel_of(&mut self.channels, robot, now).calls.take(now)
    }

    /// Tells everyone on a channel something of the service's own.
    pub(crate) fn announce(&self, robot: &str, what: MessageType) -> usize {
        let lines = self
            .channels
            .get(robot)
            .into_iter()
            .flat_map(Channel::lines);
        lines
            .map(|line| line.deliver(FromService::bare(what)))
            .count()
    }

    /// Cuts everyone on a channel.
    pub(crate) fn cut(&self, robot: &str, reason: Reason) -> usize {
        let lines = self
            .channels
            .get(robot)
            .into_iter()
            .flat_map(Channel::lines);
        lines.map(|line| line.cut(reason)).count()
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

/// The message as the other end reads it. A viewer is told no sender: it hears only the
/// master.
fn passed_on(message: ToService, sender_client_id: Option<String>) -> FromService {
    let content: Content = message.action;
    FromService {
        sender_client_id,
        message_payload: Some(message.message_payload),
        ..FromService::bare(content.into())
    }
}

#[cfg(test)]
mod tests;
