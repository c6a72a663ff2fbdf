//! The channel of Kinesis Video Streams on which viewers find the robot. It carries messages
//! between viewers and `video` and knows what neither means by them; whoever is connected
//! already stays so, whatever becomes of the channel.
//!
//! - [`master`]: keeps the socket open and the ICE servers fresh; [`schedule`] decides when.
//! - [`channel`]: the calls that lead to the socket.
//! - [`socket`], [`messages`]: the socket, and what comes over it.
//! - [`outbox`]: messages that wait for the service's limits.
//! - [`ice_servers`]: STUN and TURN, and how long they last.

mod channel;
mod ice_servers;
mod master;
mod messages;
mod outbox;
mod schedule;
mod socket;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use channel::Channel;
pub(crate) use channel::ChannelConfig;
use master::Master;
pub(crate) use master::SignalingIo;
use schedule::SocketTiming;

/// Pause before signaling that failed by a fault of this program begins again.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// Keeps the robot on its channel until `shutdown`. Never ends before: without a channel the
/// robot still drives.
pub(crate) async fn run(config: ChannelConfig, mut io: SignalingIo, shutdown: CancellationToken) {
    let channel = match Channel::new(config) {
        Ok(channel) => Arc::new(channel),
        Err(error) => {
            tracing::error!("no viewer will find the robot: {error:#}");
            return shutdown.cancelled().await;
        }
    };
    while !shutdown.is_cancelled() {
        let master = Master::new(Arc::clone(&channel), &mut io, SocketTiming::default());
        let running = AssertUnwindSafe(master.run(&shutdown));
        if running.catch_unwind().await.is_err() {
            tracing::error!("signaling panicked, starting it again");
            let pause = tokio::time::sleep(PANIC_PAUSE);
            let _ = shutdown.run_until_cancelled(pause).await;
        }
    }
}
