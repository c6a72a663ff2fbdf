//! Real processes for the end-to-end tests and the benchmarks: a ground station with its
//! broker, robots with simulated motors, viewers that decode nothing, and a tap between them.
//!
//! Everything listens on a port the system picks and lives in a folder that goes with the
//! value. A test that fails prints what its processes logged.

pub mod mqtt;
pub mod pass;
pub mod process;
pub mod receiver;
pub mod robot;
pub mod station;
pub mod tap;

pub use pass::Pass;
pub use process::eventually;
pub use receiver::Receiver;
pub use robot::Robot;
pub use station::Station;

/// Makes `ring` the TLS provider of this process; the second call changes nothing.
pub fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
