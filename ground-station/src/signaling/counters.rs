//! What `/metrics` tells about signaling. No names: `/metrics` asks nobody who they are.

use std::ops::Deref;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use wire::signaling::Content;

use crate::auth::Role;

/// Name and value of the one label that these have.
type Label = [(&'static str, &'static str); 1];

/// Counts since the start, and who is connected now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    /// Sockets now, by role.
    connected: Family<Label, Gauge>,
    /// Messages taken from sockets, by kind.
    messages: Family<Label, Counter>,
    /// Messages not passed on.
    pub refused: Counter,
    /// Calls and sockets refused.
    pub denied: Counter,
}

impl Counters {
    /// Sockets in this role.
    pub(crate) fn connected(&self, role: Role) -> impl Deref<Target = Gauge> {
        let role = match role {
            Role::Master => "master",
            Role::Viewer => "viewer",
        };
        self.connected.get_or_create(&[("role", role)])
    }

    /// Messages of this kind.
    pub(crate) fn messages(&self, content: Content) -> impl Deref<Target = Counter> {
        let kind = match content {
            Content::SdpOffer => "offer",
            Content::SdpAnswer => "answer",
            Content::IceCandidate => "candidate",
        };
        self.messages.get_or_create(&[("kind", kind)])
    }

    /// Shows them in `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "signaling_connected",
            "Signaling sockets now, by role",
            self.connected.clone(),
        );
        registry.register(
            "signaling_messages",
            "Messages taken from signaling sockets, by kind",
            self.messages.clone(),
        );
        registry.register(
            "signaling_messages_refused",
            "Messages of signaling sockets that were not passed on",
            self.refused.clone(),
        );
        registry.register(
            "signaling_denied",
            "Signaling calls and sockets that were refused",
            self.denied.clone(),
        );
    }
}
