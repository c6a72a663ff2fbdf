//! AWS over HTTPS with the robot's certificate: temporary credentials, signed calls, and the
//! errors of both in words.

pub(crate) mod credentials;
pub(crate) mod error;
pub(crate) mod http_client;
pub(crate) mod server_clock;
pub(crate) mod sigv4;
