//! The way to a robot's video over real TLS: credentials, calls, sockets and the relay, as an
//! agent and a page use them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, whether or not it is in a helper"
)]

mod channel;
mod client;
mod credentials;
mod relay;
