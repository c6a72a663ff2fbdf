//! Viewers of the one camera: who may come in, who drives, how sharp the picture can be.
//!
//! Offers and candidates come from [`crate::signaling`] and answers go there. Actions go out by
//! [`Robot`]: what a motor is, nobody here knows. No fault in here ends anything else:
//! [`run`] starts its room anew.
//!
//! - [`camera`]: the pictures.
//! - [`peer`]: one peer connection.
//! - [`driver_lock`]: the rule of the one driver.
//! - [`bandwidth`]: what one path can take.
//! - [`admission`]: who comes in, and when.

mod admission;
mod bandwidth;
pub mod camera;
mod driver_lock;
pub mod messages;
mod peer;
mod sessions;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wire::Action;
use wire::telemetry::Video;

use bandwidth::Limits;
use messages::{IceServer, Incoming, Outgoing};
use sessions::Room;

/// What the owner of the robot chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The camera; its bitrate is the ceiling.
    pub camera: camera::Settings,
    /// The encoder is never asked for less, in kbit/s.
    pub bitrate_kbps_min: u32,
    /// How many may watch.
    pub viewers_max: usize,
    /// How long a viewer's connection may take to come up.
    pub connect_limit: Duration,
}

/// How long a connection may take by default: time for candidates of a slow path and for a
/// relay's handshakes.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// What a viewer can do to the robot.
pub trait Robot: Send + Sync + 'static {
    /// Obeys an action of a viewer who may drive, at once.
    fn act(&self, action: &Action, viewer: &Arc<str>);
    /// Stops the wheels if it is this viewer, gone or driving no more, that moves them.
    fn let_go(&self, viewer: &Arc<str>);
    /// Counts a message that was no action.
    fn rejected(&self);
}

/// The ways in and out of the room.
pub struct Ways {
    /// What viewers say.
    pub incoming: mpsc::Receiver<Incoming>,
    /// What is said to them.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// Servers that help viewers find the robot; the newest are used for whoever comes next.
    pub ice_servers: watch::Receiver<Vec<IceServer>>,
    /// The robot's reports as JSON, for the viewers.
    pub reports: watch::Receiver<Arc<str>>,
    /// Where the room reports to.
    pub status: watch::Sender<Option<Video>>,
}

/// Pause before a room that failed is opened again.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// Shows the camera until `shutdown`. Never ends before: what fails is logged and begun
/// again.
pub async fn run(
    settings: Settings,
    robot: Arc<dyn Robot>,
    mut ways: Ways,
    shutdown: CancellationToken,
) {
    while !shutdown.is_cancelled() {
        let room = Room::open(&settings, Arc::clone(&robot), &mut ways, &shutdown);
        match AssertUnwindSafe(room).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!("video: {error:#}; beginning again"),
            Err(_) => tracing::error!("video panicked; beginning again"),
        }
        let pause = tokio::time::sleep(AFTER_FAULT);
        let _ = shutdown.run_until_cancelled(pause).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the room owns its clock")]
fn now() -> Instant {
    Instant::now()
}
