//! What `/metrics` tells about the relay.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::ports::Traffic;

/// Counts since the start, and what there is now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(super) allocations: Gauge,
    pub(super) requests_refused: Counter,
    pub(super) traffic: Traffic,
}

impl Counters {
    /// Shows them in `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "turn_allocations",
            "TURN allocations now",
            self.allocations.clone(),
        );
        registry.register(
            "turn_requests_refused",
            "STUN and TURN requests past a limit",
            self.requests_refused.clone(),
        );
        registry.register(
            "turn_relayed_bytes",
            "Bytes relayed, both ways",
            self.traffic.bytes.clone(),
        );
        registry.register(
            "turn_packets_forbidden",
            "Packets that were not relayed because of where they would have gone",
            self.traffic.forbidden.clone(),
        );
    }
}
