//! What every request handler is given.

use super::aws::role_alias::RoleAlias;
use super::origin::TrustedProxy;
use crate::auth::Accounts;
use crate::broker::client::Publisher;
use crate::ca::Ca;
use crate::metrics::Metrics;
use crate::robots::RobotStates;
use crate::signaling::Signaling;
use crate::store::Store;
use mars::Mars;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub struct AppState {
    pub store: Arc<Store>,
    pub ca: Arc<Ca>,
    pub accounts: Arc<Accounts>,
    /// The way to the robots.
    pub publisher: Publisher,
    pub robots: Arc<RobotStates>,
    pub signaling: Arc<Signaling>,
    pub role_aliases: Vec<RoleAlias>,
    /// What every duration of temporary credentials is multiplied by.
    pub time_scale: f64,
    pub mars: Mars,
    pub metrics: Arc<Metrics>,
    /// The PNG of a display on this machine.
    pub display: Option<PathBuf>,
    /// Folder of the web console's files.
    pub console: Option<PathBuf>,
    /// Whose word about the client counts.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Cancelled when the station stops; whatever streams must end then.
    pub shutdown: CancellationToken,
}
