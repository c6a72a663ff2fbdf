//! ground-station

pub mod mars;
