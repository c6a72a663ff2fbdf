//! Real processes for the end-to-end tests and the benchmarks: a ground station with its
//! broker, robots with simulated motors, viewers that decode nothing, and a relay between them.
//!
//! Everything listens on a port the system picks and lives in a folder that goes with the
//! value. A test that fails prints what its processes logged.

pub mod false_libc;
pub mod faults;
pub mod kvs;
pub mod mqtt;
pub mod notify_socket;
pub mod process;
pub mod robot;
pub mod sdp;
pub mod sigv4;
pub mod station;
pub mod supervisor;
pub mod tcp_relay;
pub mod tls;
pub mod udp_relay;
pub mod viewer;

pub use notify_socket::NotifySocket;
pub use process::{eventually, in_time};
pub use robot::Robot;
pub use station::Station;
pub use viewer::Viewer;

use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of whoever signs and compares times with a transcript.
#[expect(clippy::disallowed_methods, reason = "the test is the clock")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Nanoseconds of Unix time, the clock of the simulated board's transcript.
pub fn unix_ns() -> u64 {
    let since = now().duration_since(UNIX_EPOCH);
    let since = since.expect("the clock is past 1970");
    u64::try_from(since.as_nanos()).expect("nanoseconds fit until the year 2554")
}

/// The same in milliseconds, as a browser has it.
pub fn unix_ms() -> f64 {
    unix_ns() as f64 / 1e6
}
