//! Who is connected to a robot's channel, and what a message becomes on its way.
//!
//! A channel exists for every robot and bears its name. What one connection may do is in
//! [`connection`], who receives whose messages in [`channels`]; both are pure. Knows nothing of
//! HTTP, of what is said, of MQTT, or of video.
//!
//! A robot-agent is told who may watch it, with every change and now and then besides;
//! [`Signaling::unreached`] says which of them does not act by a change.

mod arn;
pub(crate) mod channels;
pub(crate) mod connection;
mod counters;
mod rejection;
mod times;

pub(crate) use arn::Arn;
pub(crate) use channels::Unreached;
pub(crate) use counters::Counters;
pub(crate) use rejection::Rejection;
pub(crate) use times::Times;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::auth::CredentialIssuer;
use crate::clock;
use crate::store::Directory;
use crate::turn::Relay;
use channels::{Channels, ConnectionId};

/// How long a robot may take to act by what it is told: a round trip over a bad path and some.
/// Whoever revokes waits for no more than that.
pub(crate) const ACTS_WITHIN: Duration = Duration::from_secs(2);

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
    /// Says that a robot acts by one more revision.
    acts: watch::Sender<()>,
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
            channels: Mutex::new(Channels::new(settings.times, clock::instant())),
            acts: watch::Sender::default(),
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

    /// Notes that a master, and so its viewers' sessions, act by a revision of the directory.
    pub(crate) fn acts_by(&self, master: &ConnectionId, revision: u64) {
        self.channels().acts_by(master, revision);
        self.acts.send_replace(());
    }

    /// The robots that do not act by `after` in time, though it takes something away from who
    /// may watch them by `before`.
    pub(crate) async fn unreached(&self, before: &Directory, after: &Directory) -> Vec<Unreached> {
        let mut acts = self.acts.subscribe();
        let unreached = || {
            let channels = self.channels();
            channels.unreached(before, after, clock::instant())
        };
        let answered = async {
            while unreached().iter().any(|robot| robot.connected) {
                let _ = acts.changed().await;
            }
        };
        let _ = tokio::time::timeout(ACTS_WITHIN, answered).await;
        unreached()
    }

    pub(crate) fn channels(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
