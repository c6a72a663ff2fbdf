//! The MQTT broker: Mosquitto, started and configured here, and our own client of it.
//!
//! Who may connect is decided by certificates; who may read and write which topic by the
//! generated access list. Knows nothing of HTTP.

pub(crate) mod address;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod front;
mod log;
pub(crate) mod mosquitto;
