//! Which `seq` was the last of each sender, so that an overtaken or repeated action is known.
//!
//! A sender counts however it sends: the page that changes from the data channel to
//! MQTT in mid-drive goes on counting. Those without a name share one count per source.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::Action;

/// A page that was reloaded starts counting anew; three seconds is longer than the network
/// keeps an action back, and about as long as a reload takes.
const FORGET_AFTER: Duration = Duration::from_secs(3);

/// More people than can reasonably drive one robot within three seconds; bounds the memory
/// that made-up names can take.
const MAX_SENDERS: usize = 16;

/// Where an action came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The topic `<robot>/action`.
    Mqtt,
    /// The data channel of the viewer with this id.
    Viewer(Arc<str>),
}

/// Why a valid action did not move the wheels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// `sent_at` lies too far back.
    #[error("sent too long ago")]
    Stale,
    /// `seq` is not above the last one seen of that sender.
    #[error("older than, or the same as, the last one of its sender")]
    OutOfOrder,
}

/// The last count of everybody who was heard lately.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    counts: Vec<Count>,
}

#[derive(Debug)]
struct Count {
    of: Sender,
    seq: u64,
    heard: Instant,
}

#[derive(Debug, PartialEq)]
enum Sender {
    Named(String),
    Unnamed(Source),
}

impl Sequence {
    /// Lets an action pass and keeps its count, unless a newer one of its sender already
    /// passed. What is turned away is not remembered: a sender that restarted its count
    /// while it kept sending is heard again after [`FORGET_AFTER`].
    pub(super) fn admit(
        &mut self,
        action: &Action,
        source: &Source,
        now: Instant,
    ) -> Result<(), Dropped> {
        match self.count(action, source, now) {
            Some(count) if action.seq.is_some_and(|seq| seq <= count.seq) => {
                Err(Dropped::OutOfOrder)
            }
            _ => {
                self.note(action, source, now);
                Ok(())
            }
        }
    }

    /// A stop passes anyway; its count keeps what it overtook from starting the wheels again.
    pub(super) fn note_stop(&mut self, action: &Action, source: &Source, now: Instant) {
        self.note(action, source, now);
    }

    fn note(&mut self, action: &Action, source: &Source, now: Instant) {
        if let Some(count) = self.count(action, source, now) {
            count.heard = now;
            count.seq = count.seq.max(action.seq.unwrap_or(0));
        } else if let Some(seq) = action.seq {
            self.evict_oldest();
            self.counts.push(Count {
                of: Sender::of(action, source),
                seq,
                heard: now,
            });
        }
    }

    fn count(&mut self, action: &Action, source: &Source, now: Instant) -> Option<&mut Count> {
        self.counts
            .retain(|count| now.saturating_duration_since(count.heard) < FORGET_AFTER);
        let sender = Sender::of(action, source);
        self.counts.iter_mut().find(|count| count.of == sender)
    }

    /// Forgets whoever has been quiet longest.
    fn evict_oldest(&mut self) {
        if self.counts.len() < MAX_SENDERS {
            return;
        }
        let quietest = (0..self.counts.len()).min_by_key(|&i| self.counts[i].heard);
        if let Some(quietest) = quietest {
            self.counts.swap_remove(quietest);
        }
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.counts.len()
    }
}

impl Sender {
    fn of(action: &Action, source: &Source) -> Self {
        match &action.sender {
            Some(name) => Self::Named(name.clone()),
            None => Self::Unnamed(source.clone()),
        }
    }
}

impl fmt::Display for Source {
    /// `mqtt`, or the viewer's id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mqtt => f.write_str("mqtt"),
            Self::Viewer(id) => f.write_str(id),
        }
    }
}
