//! What every device can do, and what is said of one that cannot.

use super::frame::Frame;

/// Where a frame goes.
pub trait Sink: Send {
    /// Shows the whole frame.
    fn show(&mut self, frame: &Frame) -> Result<(), Fault>;
}

/// What is wrong with a device, and what a person can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({remedy})")]
pub struct Fault {
    /// What was found, or not.
    pub what: String,
    /// What to do.
    pub remedy: String,
}
