//! AWS over HTTPS with the robot's certificate: temporary credentials, signed calls, and the
//! errors of both in words. `signaling` and `check` ask through it.

use std::sync::Arc;

use crate::certificates::Certificates;

mod config;
pub(crate) mod credentials;
pub(crate) mod error;
pub(crate) mod http_client;
pub(crate) mod server_clock;
pub(crate) mod sigv4;

pub(crate) use config::AwsConfig;

/// TLS for all of it: AWS tells HTTPS from MQTT on port 443 by ALPN.
pub(crate) fn tls_config(certificates: &Certificates) -> Arc<rustls::ClientConfig> {
    certificates.client_config(&[b"http/1.1"])
}
