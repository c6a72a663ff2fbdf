//! What `/metrics` tells.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

/// Counts since the start. Names of robots and people are not in them: `/metrics` asks nobody
/// who they are.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: Family<Request, Counter>,
    /// How long a publish took, from the request to the broker's word.
    pub(crate) publish_seconds: Histogram,
    pub(crate) telemetry: Counter,
    pub(crate) telemetry_rejected: Counter,
    pub(crate) signed: Counter,
    pub(crate) broker_connected: Gauge,
    pub(crate) robots_online: Gauge,
}

/// Labels of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Request {
    /// The route, not the path: paths are without number.
    pub(crate) route: String,
    pub(crate) status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("outpost");
        let publish_seconds =
            Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0]);
        registry.register(
            "publish_seconds",
            "Time from a publish request to the broker's acknowledgement",
            publish_seconds.clone(),
        );
        let all = &mut registry;
        Self {
            requests: registered(all, "http_requests", "HTTP requests by route and status"),
            publish_seconds,
            telemetry: registered(all, "telemetry", "Telemetry reports taken up"),
            telemetry_rejected: registered(
                all,
                "telemetry_rejected",
                "Telemetry messages that were no report",
            ),
            signed: registered(all, "certificates_signed", "Certificates signed by /sign"),
            broker_connected: registered(
                all,
                "broker_connected",
                "1 while the station is connected to the MQTT broker",
            ),
            robots_online: registered(
                all,
                "robots_online",
                "Robots that reported within the last ten seconds",
            ),
            registry,
        }
    }
}

/// A new metric that `registry` shows.
fn registered<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: Metric + Clone + Default,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

impl Metrics {
    /// Adds the counts of another module.
    pub(crate) fn register(&mut self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry);
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }
}
