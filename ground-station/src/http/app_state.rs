//! What every request handler is given.

use super::aws::role_alias::RoleAlias;
use super::error::Refusal;
use super::trusted_proxy::TrustedProxy;
use crate::auth::{Accounts, Principal};
use crate::broker::client::Publisher;
use crate::ca::Ca;
use crate::metrics::Metrics;
use crate::robots::RobotStates;
use crate::signaling::Signaling;
use crate::store::Store;
use mars::Mars;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

pub(crate) struct AppState {
    pub(crate) store: Arc<Store>,
    pub(crate) ca: Arc<Ca>,
    pub(crate) accounts: Arc<Accounts>,
    /// The way to the robots.
    pub(crate) publisher: Publisher,
    pub(crate) robots: Arc<RobotStates>,
    pub(crate) signaling: Arc<Signaling>,
    pub(crate) role_aliases: Vec<RoleAlias>,
    /// What every duration of temporary credentials is multiplied by.
    pub(crate) time_scale: f64,
    pub(crate) mars: Mars,
    pub(crate) metrics: Arc<Metrics>,
    /// The PNG of a display on this machine.
    pub(crate) display: Option<PathBuf>,
    /// Folder of the web console's files.
    pub(crate) console: Option<PathBuf>,
    /// Where browsers find all that they forbid pages without TLS.
    pub(crate) https_port: u16,
    /// Whose word about the client counts.
    pub(crate) trusted_proxies: Vec<TrustedProxy>,
    /// Who has streams of telemetry, each of which holds one.
    pub(crate) streams: Mutex<HashMap<Principal, Arc<()>>>,
    /// Cancelled when the station stops; whatever streams must end then.
    pub(crate) shutdown: CancellationToken,
}

impl AppState {
    /// A refusal unless `robot` is known. To be asked after whether the caller may know.
    pub(super) fn require_known(&self, robot: &str) -> Result<(), Refusal> {
        if self.store.directory().robots.contains(robot) {
            Ok(())
        } else {
            Err(Refusal::not_found(format!("no robot is named {robot:?}")))
        }
    }
}
