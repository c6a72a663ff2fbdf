//! Real processes against a real ground station over real TLS, and what the repository
//! promises beside its programs. Where a new test goes is in README.md.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, in whatever function"
)]

mod architecture;
mod aws_sample;
mod clocks;
mod docs;
mod drive;
mod enrolment;
mod faults;
mod install_script;
mod late_orders;
mod log;
mod mars;
mod revocation;
mod seeded_faults;
mod systemd_units;
mod video;
mod whep;
