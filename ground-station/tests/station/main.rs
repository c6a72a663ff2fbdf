//! The real ground station with a real broker over real TLS: what it does and what it refuses.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, whether or not it is in a helper"
)]

mod accounts;
mod api;
mod broker;
mod client;
mod external;
mod life;
mod signing;
mod telemetry;
