//! The ground station: everything an Outpost needs from the cloud, in one process.

pub mod accounts;
pub mod clock;
pub mod folder;
pub mod mars;
pub mod signing;
pub mod store;
