//! What the rooms of a running station share. Every request handler gets it.

use crate::auth::Accounts;
use crate::broker::Publisher;
use crate::ca::Ca;
use crate::config::Settings;
use crate::http::listener::Addresses;
use crate::metrics::Metrics;
use crate::robots::RobotStates;
use crate::signaling::Signaling;
use crate::state_dir::StateDir;
use crate::store::Store;
use mars::Mars;
use std::ops::Deref;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Cheap to clone; the same for every clone.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// The parts.
pub struct Parts {
    /// What was asked for on the command line.
    pub settings: Settings,
    /// The state folder.
    pub folder: StateDir,
    /// What survives a restart.
    pub store: Arc<Store>,
    /// Signs certificates.
    pub ca: Arc<Ca>,
    /// Says who asks and what they may.
    pub accounts: Arc<Accounts>,
    /// The way to the robots.
    pub publisher: Publisher,
    /// The newest telemetry of every robot.
    pub robots: Arc<RobotStates>,
    /// Where robots and viewers find each other.
    pub signaling: Arc<Signaling>,
    /// The weather and pictures of Mars.
    pub mars: Mars,
    /// Counts for Prometheus.
    pub metrics: Arc<Metrics>,
    /// Where the station listens.
    pub addresses: Addresses,
    /// Cancelled when the station stops; whatever streams must end then.
    pub shutdown: CancellationToken,
}

impl From<Parts> for AppState {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
