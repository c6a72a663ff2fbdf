//! One robot's channel: who is connected, what is held for its master, and how often each side
//! may come.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::held::Held;
use super::outbox::Outbox;
use super::told::Told;
use crate::signaling::rejection::Rejection;
use daemon::rate_limit::{Rate, TokenBucket};
use wire::signaling::permitted::label;

/// Viewers of one channel: the service's default.
const MAX_VIEWERS: usize = 10;

/// Connections to one channel and side: the service's hard limit is 3 a second with no word on
/// bursts, so all viewers may reconnect at once, as after a restart.
pub(super) const JOINS: Rate = Rate {
    burst: MAX_VIEWERS as f64,
    per_s: 3.0,
};

/// Control calls for one channel and side: the documented 5 a second for describing it, and ten
/// viewers that all ask their three questions at once.
const CALLS: Rate = Rate {
    burst: 33.0,
    per_s: 5.0,
};

/// How long a client id is theirs who left: a robot ends a connection that is silent after twelve seconds.
const ID_KEPT: Duration = Duration::from_secs(30);

/// Ids that are remembered so.
const MAX_LEFT: usize = 256;

#[derive(Debug)]
pub(super) struct Channel {
    pub master: Option<(u64, Outbox)>,
    pub told: Told,
    pub viewers: BTreeMap<String, Viewer>,
    /// Who had which client id, and when they left.
    pub left: HashMap<String, (String, Instant)>,
    pub held: Held,
    pub master_joins: TokenBucket,
    pub viewer_joins: TokenBucket,
    pub master_calls: TokenBucket,
    pub viewer_calls: TokenBucket,
}

#[derive(Debug)]
pub(super) struct Viewer {
    pub number: u64,
    pub outbox: Outbox,
    pub principal: String,
}

impl Channel {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            master: None,
            told: Told::default(),
            viewers: BTreeMap::new(),
            left: HashMap::new(),
            held: Held::default(),
            master_joins: TokenBucket::new(JOINS, now),
            viewer_joins: TokenBucket::new(JOINS, now),
            master_calls: TokenBucket::new(CALLS, now),
            viewer_calls: TokenBucket::new(CALLS, now),
        }
    }

    /// Whether a viewer may be called `id`, whose place they then take.
    pub(super) fn has_place_for(
        &self,
        id: &str,
        principal: &str,
        now: Instant,
    ) -> Result<(), Rejection> {
        let taken = || {
            Rejection::invalid(format!(
                "somebody else is connected as '{id}': choose another client id"
            ))
        };
        // Their peer connection may outlive their socket.
        if let Some((of, at)) = self.left.get(id)
            && now.saturating_duration_since(*at) < ID_KEPT
            && label(of) != label(principal)
        {
            return Err(taken());
        }
        match self.viewers.get(id) {
            // Whoever has an id acts in its name.
            Some(viewer) if viewer.principal != principal => Err(taken()),
            None if self.viewers.len() >= MAX_VIEWERS => Err(Rejection::limit(format!(
                "this channel has its {MAX_VIEWERS} viewers"
            ))),
            _ => Ok(()),
        }
    }

    /// Forgets a viewer, but for whose id that was.
    pub(super) fn remove_viewer(&mut self, id: &str, now: Instant) {
        let Some(viewer) = self.viewers.remove(id) else {
            return;
        };
        if self.left.len() >= MAX_LEFT {
            let oldest = self.left.iter().min_by_key(|(_, (_, at))| *at);
            let oldest = oldest.map(|(id, _)| id.clone());
            oldest.map(|id| self.left.remove(&id));
        }
        self.left.insert(id.to_owned(), (viewer.principal, now));
    }

    pub(super) fn outboxes(&self) -> impl Iterator<Item = &Outbox> {
        let viewers = self.viewers.values().map(|viewer| &viewer.outbox);
        viewers.chain(self.master.as_ref().map(|(_, outbox)| outbox))
    }
}
