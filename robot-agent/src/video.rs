//! Viewers of the one camera: who may watch, who drives, how sharp the picture can be.
//!
//! Offers and candidates come from signaling as [`messages`] and answers go there. Actions
//! go out by [`Robot`]: what a motor is, nobody here knows. No fault in here ends anything
//! else: [`run`] begins again.
//!
//! - [`sessions`]: all viewers, and what they need of the camera together.
//! - [`admission`]: which offers become a session.
//! - [`permission`]: whose session may go on.
//! - [`peer`]: one viewer's peer connection.
//! - [`camera`]: frames, encoded once.
//! - [`bandwidth`]: what one path can take.
//! - [`codec`]: in which form frames are sent.

mod admission;
mod bandwidth;
pub(crate) mod camera;
mod codec;
pub(crate) mod messages;
mod peer;
mod permission;
mod sessions;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

#[cfg(any(test, fuzzing))]
pub(crate) use peer::fuzzing;
pub(crate) use peer::session::Robot;
use sessions::Sessions;
pub(crate) use sessions::{VideoConfig, VideoIo};

/// How long a viewer's connection may take to come up: the page, which asks anew when it gives up, gives
/// a path that has failed half a minute.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(35);

/// Pause before sessions that failed by a fault of this program are begun again.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// Shows the camera until `shutdown`. Never ends before: what fails is logged and begun
/// again.
pub(crate) async fn run(
    config: VideoConfig,
    robot: Arc<dyn Robot>,
    mut io: VideoIo,
    shutdown: CancellationToken,
) {
    while !shutdown.is_cancelled() {
        let sessions = Sessions::run(&config, Arc::clone(&robot), &mut io, &shutdown);
        match AssertUnwindSafe(sessions).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!("video: {error:#}; beginning again"),
            Err(_) => tracing::error!("video panicked; beginning again"),
        }
        let pause = tokio::time::sleep(AFTER_FAULT);
        let _ = shutdown.run_until_cancelled(pause).await;
    }
}
