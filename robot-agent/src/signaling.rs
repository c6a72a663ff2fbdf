//! The channel of Kinesis Video Streams on which viewers find the robot. It carries words
//! between viewers and the robot and knows what neither means by them; whoever is connected
//! already stays so, whatever becomes of the channel.
//!
//! - [`channel`]: the calls that lead to the socket.
//! - [`ice_servers`]: those that help viewers to find the robot.
//! - [`socket`], [`messages`]: the socket, and what comes over it.
//! - [`master`]: keeps the socket open, and the servers fresh.
//! - [`outbox`], [`patience`]: what waits to be said, and how long to wait.

mod channel;
mod ice_servers;
mod master;
mod messages;
mod outbox;
mod patience;
mod socket;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::video::messages::{IceServer, Incoming, Outgoing};
use channel::Channel;
use master::{Master, Pace};

/// Where the channel is and who the robot is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The robot's name, which is the channel's too.
    pub robot: String,
    /// Host and port of the credentials provider.
    pub credentials: (String, u16),
    /// The role alias it is asked for.
    pub role_alias: String,
    /// The AWS region.
    pub region: String,
    /// The control plane, if it is not that of AWS in the region.
    pub endpoint: Option<Url>,
    /// The robot's certificate, and whose servers it trusts.
    pub tls: Arc<rustls::ClientConfig>,
}

/// The ways in and out of the channel.
pub struct Ends {
    /// What viewers say.
    pub incoming: mpsc::Sender<Incoming>,
    /// What is to be said to them.
    pub outgoing: mpsc::Receiver<Outgoing>,
    /// Servers that help viewers to find the robot, always fresh.
    pub ice_servers: watch::Sender<Vec<IceServer>>,
}

/// Pause before a channel that failed by a fault of this program is begun again.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// Keeps the robot on its channel until `shutdown`. Never ends before: without a channel the
/// robot still drives.
pub async fn run(settings: Settings, mut ends: Ends, shutdown: CancellationToken) {
    let channel = match Channel::new(settings) {
        Ok(channel) => Arc::new(channel),
        Err(error) => {
            tracing::error!("no viewer will find the robot: {error:#}");
            return shutdown.cancelled().await;
        }
    };
    while !shutdown.is_cancelled() {
        let master = Master::new(Arc::clone(&channel), &mut ends, Pace::default());
        let work = AssertUnwindSafe(master.work(&shutdown));
        if work.catch_unwind().await.is_err() {
            tracing::error!("signaling panicked; beginning again");
            let pause = tokio::time::sleep(AFTER_FAULT);
            let _ = shutdown.run_until_cancelled(pause).await;
        }
    }
}
