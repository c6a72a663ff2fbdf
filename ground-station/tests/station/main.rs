//! The real ground station with a real broker over real TLS: what it does and what it refuses.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, whether or not it is in a helper"
)]

mod accounts;
mod broker;
mod credentials;
mod drive_log;
mod external_broker;
mod http;
mod lifecycle;
mod publish;
mod signaling;
mod signing;
mod strangers;
mod telemetry;
mod turn;
