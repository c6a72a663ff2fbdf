//! What viewers send while the master is away. Pure.

use std::collections::VecDeque;
use std::time::Instant;

use wire::signaling::{FromService, MessageType};

/// Messages that wait for one master: an offer and a handful of candidates of ten viewers.
pub(super) const MAX_HELD: usize = 96;

/// The messages, each with until when it is worth sending.
#[derive(Debug, Default)]
pub(super) struct Held(VecDeque<(Instant, FromService)>);

impl Held {
    /// Keeps what a viewer sends until a master comes. A new offer makes all that the same
    /// viewer sent before void, as with the real service.
    pub(super) fn hold(&mut self, frame: FromService, until: Instant) {
        if frame.message_type == MessageType::SdpOffer {
            self.forget(frame.sender_client_id.as_deref());
        }
        if self.0.len() == MAX_HELD {
            self.0.pop_front();
        }
        self.0.push_back((until, frame));
    }

    pub(super) fn forget(&mut self, viewer: Option<&str>) {
        self.0
            .retain(|(_, frame)| frame.sender_client_id.as_deref() != viewer);
    }

    /// Those that are still worth sending; none is left.
    pub(super) fn take(&mut self, now: Instant) -> impl Iterator<Item = FromService> {
        let held = self.0.drain(..).filter(move |(until, _)| *until > now);
        held.map(|(_, frame)| frame)
    }
}
