//! What the three daemons do alike. No module knows another one, nor what a robot is.

pub mod atomic_file;
pub mod backoff;
pub mod check;
pub mod config;
pub mod exit_code;
#[cfg(feature = "gpio")]
pub mod header_chip;
pub mod log;
pub mod log_limit;
pub mod rate_limit;
pub mod systemd;
