//! What `/metrics` tells.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Counts since the start. Names of robots and people are not in them: `/metrics` asks nobody
/// who they are.
pub struct Metrics {
    registry: Registry,
    pub requests: Family<Request, Counter>,
    /// How long a publish took, from the request to the broker's word.
    pub publish_seconds: Histogram,
    pub telemetry: Counter,
    pub telemetry_rejected: Counter,
    pub signed: Counter,
    pub broker_connected: Gauge,
    pub robots_online: Gauge,
}

/// Labels of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The route, not the path: paths are without number.
    pub route: String,
    pub status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("outpost");
        let metrics = Self {
            requests: Family::default(),
            publish_seconds: Histogram::new([
                0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0,
            ]),
            telemetry: Counter::default(),
            telemetry_rejected: Counter::default(),
            signed: Counter::default(),
            broker_connected: Gauge::default(),
            robots_online: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "http_requests",
            "HTTP requests by route and status",
            metrics.requests.clone(),
        );
        registry.register(
            "publish_seconds",
            "Time from a publish request to the broker's acknowledgement",
            metrics.publish_seconds.clone(),
        );
        registry.register(
            "telemetry",
            "Telemetry reports taken up",
            metrics.telemetry.clone(),
        );
        registry.register(
            "telemetry_rejected",
            "Telemetry messages that were no report",
            metrics.telemetry_rejected.clone(),
        );
        registry.register(
            "certificates_signed",
            "Certificates signed by /sign",
            metrics.signed.clone(),
        );
        registry.register(
            "broker_connected",
            "1 while the station is connected to the MQTT broker",
            metrics.broker_connected.clone(),
        );
        registry.register(
            "robots_online",
            "Robots that reported within the last ten seconds",
            metrics.robots_online.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// Adds the counts of another module.
    pub fn register(&mut self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry);
    }

    /// Prometheus' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }
}
