//! One connection to a channel, and who holds it.

use std::sync::Arc;

use wire::signaling::FromService;

use crate::auth::Grant;
use crate::clock;
use crate::signaling::Signaling;
use crate::signaling::channels::ConnectionId;

/// A connection to a channel, which it leaves whatever ends it: also a client that goes away
/// between the upgrade and the first frame.
pub(super) struct Member {
    pub signaling: Arc<Signaling>,
    pub id: ConnectionId,
    pub grant: Grant,
    /// A robot-agent on the master's side.
    pub is_ours: bool,
}

impl Member {
    pub(super) fn new(
        signaling: Arc<Signaling>,
        id: ConnectionId,
        grant: Grant,
        is_ours: bool,
    ) -> Self {
        signaling.counters.connected(grant.role).inc();
        tracing::info!(robot = %grant.robot, role = grant.role.word(), "signaling socket opened");
        Self {
            signaling,
            id,
            grant,
            is_ours,
        }
    }

    /// A message without what only a robot-agent is told.
    pub(super) fn readable(&self, frame: FromService) -> FromService {
        FromService {
            principal: frame.principal.filter(|_| self.is_ours),
            ..frame
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.signaling.counters.connected(self.grant.role).dec();
        self.signaling.channels().leave(&self.id, clock::instant());
    }
}
