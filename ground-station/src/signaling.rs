//! Who is connected to a robot's channel, and what a message becomes on its way.
//!
//! A channel exists for every robot and bears its name. What a socket may do is in
//! [`connection`], who receives whose messages in [`channels`]; both are pure. Knows nothing of
//! HTTP, of what is said, of MQTT, or of video.

mod bucket;
pub(crate) mod channels;
pub(crate) mod connection;
pub mod counters;
mod times;

pub use crate::http::aws::Arn;
pub use bucket::Bucket;
pub use connection::Reason;
pub use times::{Times, expiry_s, whole_s};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::signaling::MessageType;

use crate::auth::Issuer;
use crate::store::Directory;
use crate::turn::Relay;
use channels::Switchboard;
use counters::Counters;

/// What the service is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Part of every channel's name and every signature.
    pub region: String,
    /// When the station's channels were made, in Unix milliseconds; part of their names.
    pub created_ms: u64,
    /// How long things last.
    pub times: Times,
}

/// The service. Cheap to share; the routers hold it.
#[derive(Debug)]
pub struct Signaling {
    settings: Settings,
    issuer: Issuer,
    pub(crate) directory: watch::Receiver<Arc<Directory>>,
    relay: Relay,
    switchboard: Mutex<Switchboard>,
    /// For `/metrics`.
    pub counters: Counters,
    pub(crate) shutdown: CancellationToken,
}

impl Signaling {
    /// A service for the robots of `directory`, until `shutdown`.
    pub fn new(
        settings: Settings,
        issuer: Issuer,
        directory: watch::Receiver<Arc<Directory>>,
        relay: Relay,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            switchboard: Mutex::new(Switchboard::new(settings.times)),
            settings,
            issuer,
            directory,
            relay,
            counters: Counters::default(),
            shutdown,
        }
    }

    /// How long things last.
    pub fn times(&self) -> &Times {
        &self.settings.times
    }

    /// The region that credentials and channels are of.
    pub fn region(&self) -> &str {
        &self.settings.region
    }

    /// Makes credentials that this service takes.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The relay that is handed out.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// The name of a robot's channel.
    pub fn arn(&self, robot: &str) -> Arn {
        Arn {
            region: self.settings.region.clone(),
            robot: robot.to_owned(),
            created_ms: self.settings.created_ms,
        }
    }

    /// Tells a robot and its viewers to go away, as before maintenance; how many were told.
    pub fn send_away(&self, robot: &str) -> usize {
        self.switchboard().announce(robot, MessageType::GoAway)
    }

    /// Tells a robot and its viewers that the relay will go; how many were told.
    pub fn announce_relay_restart(&self, robot: &str) -> usize {
        self.switchboard()
            .announce(robot, MessageType::ReconnectIceServer)
    }

    /// Closes the sockets of a robot and its viewers; how many there were.
    pub fn drop_all(&self, robot: &str) -> usize {
        self.switchboard().cut(robot, Reason::OnDemand)
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.directory.borrow().clone()
    }

    pub(crate) fn switchboard(&self) -> MutexGuard<'_, Switchboard> {
        self.switchboard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
