//! The MQTT broker: Mosquitto, started and configured here, and our own client of it.
//!
//! Who may connect is decided by certificates; who may read and write which topic by the
//! generated access list. Knows nothing of HTTP.

pub mod address;
pub mod client;
pub mod config;
mod log;
pub mod mosquitto;
