//! What is drawn over pictures that this program makes itself: a simulated world, and the clock
//! that measurements read.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use world::Frame;

use super::test_timestamp;
use crate::clock::wall;

/// Draws a picture over what is there.
#[derive(Clone)]
pub struct Painter(Arc<dyn Fn(&mut Frame) + Send + Sync>);

/// What is drawn, one over the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) painter: Option<Painter>,
    /// Whether the wall clock is burned in.
    pub(super) timestamp: bool,
}

impl Painter {
    pub(crate) fn new(draw: impl Fn(&mut Frame) + Send + Sync + 'static) -> Self {
        Self(Arc::new(draw))
    }
}

impl fmt::Debug for Painter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Painter")
    }
}

/// The same one.
impl PartialEq for Painter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Painter {}

impl Drawn {
    pub(super) fn draw(&self, frame: &mut Frame) {
        if let Some(Painter(draw)) = &self.painter {
            draw(frame);
        }
        if self.timestamp {
            let [luma, u, v] = &mut frame.planes;
            let planes = [(&mut *luma.0, luma.1), (&mut *u.0, u.1), (&mut *v.0, v.1)];
            test_timestamp::burn(planes, frame.width, unix_ms());
        }
    }
}

/// The wall clock in milliseconds.
pub(super) fn unix_ms() -> u64 {
    let since = wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}
