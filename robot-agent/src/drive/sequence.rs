//! Which `seq` was the last of each sender, so that an overtaken or repeated action is known.
//!
//! A sender counts however it sends: the page that changes from the data channel to
//! MQTT in mid-drive goes on counting.

use std::time::{Duration, Instant};

use wire::Action;

/// A page that was reloaded starts counting anew; three seconds is longer than the network
/// keeps an action back, and about as long as a reload takes.
const FORGET_AFTER: Duration = Duration::from_secs(3);

/// More people than can reasonably drive one robot within three seconds; bounds the memory
/// that made-up names can take.
const MAX_SENDERS: usize = 16;

/// The last count of everybody who was heard lately.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    counts: Vec<Count>,
}

#[derive(Debug)]
struct Count {
    of: String,
    seq: u64,
    heard: Instant,
}

impl Sequence {
    /// Whether a newer one of its sender already passed. What is turned away is not
    /// remembered: a sender that restarted its count while it kept sending is heard again
    /// after [`FORGET_AFTER`].
    pub(super) fn is_overtaken(&mut self, action: &Action, sender: &str, now: Instant) -> bool {
        let count = self.count(sender, now);
        count.is_some_and(|count| action.seq.is_some_and(|seq| seq <= count.seq))
    }

    /// Keeps the count of an action that passes. A stop passes anyway; its count keeps what it
    /// overtook from starting the wheels again.
    pub(super) fn note(&mut self, action: &Action, sender: &str, now: Instant) {
        if let Some(count) = self.count(sender, now) {
            count.heard = now;
            count.seq = count.seq.max(action.seq.unwrap_or(0));
        } else if let Some(seq) = action.seq {
            self.evict_oldest();
            self.counts.push(Count {
                of: sender.to_owned(),
                seq,
                heard: now,
            });
        }
    }

    fn count(&mut self, sender: &str, now: Instant) -> Option<&mut Count> {
        self.counts
            .retain(|count| now.saturating_duration_since(count.heard) < FORGET_AFTER);
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
