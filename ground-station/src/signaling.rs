//! Who is connected to a robot's channel, and what a message becomes on its way.
//!
//! A channel exists for every robot and bears its name. What one connection may do is in
//! [`connection`], who receives whose messages in [`channels`]; both are pure. Knows nothing of
//! HTTP, of what is said, of MQTT, or of video.

mod arn;
pub(crate) mod channels;
pub(crate) mod connection;
mod counters;
mod rejection;
mod times;

pub(crate) use arn::Arn;
pub(crate) use counters::Counters;
pub(crate) use rejection::Rejection;
pub(crate) use times::Times;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::auth::CredentialIssuer;
use crate::store::Directory;
use crate::turn::Relay;
use channels::Channels;

/// What the service is told at its start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Part of every channel's name and every signature.
    pub region: String,
    /// When the station's channels were made, in Unix milliseconds; part of their names.
    pub created_ms: u64,
    /// How long things last.
    pub times: Times,
}

/// The service. Cheap to share; the routers hold it.
#[derive(Debug)]
pub(crate) struct Signaling {
    settings: Settings,
    /// Makes and checks the credentials that open channels.
    pub credentials: CredentialIssuer,
    /// The relay that is handed out.
    pub relay: Relay,
    /// Who may do what.
    pub directory: watch::Receiver<Arc<Directory>>,
    /// For `/metrics`.
    pub counters: Counters,
    pub shutdown: CancellationToken,
    channels: Mutex<Channels>,
}

impl Signaling {
    /// A service for the robots of `directory`, until `shutdown`.
    pub(crate) fn new(
        settings: Settings,
        credentials: CredentialIssuer,
        directory: watch::Receiver<Arc<Directory>>,
        relay: Relay,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            channels: Mutex::new(Channels::new(settings.times)),
            settings,
            credentials,
            directory,
            relay,
            counters: Counters::default(),
            shutdown,
        }
    }

    /// How long things last.
    pub(crate) fn times(&self) -> &Times {
        &self.settings.times
    }

    /// The region that credentials and channels are of.
    pub(crate) fn region(&self) -> &str {
        &self.settings.region
    }

    /// The name of a robot's channel.
    pub(crate) fn arn(&self, robot: &str) -> Arn {
        Arn {
            region: self.settings.region.clone(),
            robot: robot.to_owned(),
            created_ms: self.settings.created_ms,
        }
    }

    /// Who may do what, as things are.
    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.directory.borrow().clone()
    }

    pub(crate) fn channels(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
