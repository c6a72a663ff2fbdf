//! The signaling service of Kinesis Video Streams: four calls that lead to a socket
//! ([`control`]), and the sockets over which a robot and its viewers find each other
//! ([`socket`]).
//!
//! A channel exists for every robot and bears its name. Who may come in is decided by the
//! credentials alone ([`crate::credentials`]), proved by a signature ([`sigv4`]). What a
//! socket may do is in [`session`], who hears whom in [`switchboard`]; both are pure.
//! Knows nothing of what is said, of MQTT, or of video.

mod bucket;
mod control;
pub mod counters;
mod identity;
pub mod operator;
mod options;
mod refusal;
mod session;
mod sigv4;
mod socket;
mod switchboard;
mod times;

pub use bucket::Bucket;
pub use control::Arn;
pub use options::{Options, region};
pub use refusal::Refusal;
pub use session::Reason;
pub use times::{Times, expiry_s, whole_s};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::routing::post;
use axum::{Router, middleware};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::signaling::MessageType;
use wire::signaling::control::{CREATE_PATH, DESCRIBE_PATH, ENDPOINT_PATH, ICE_PATH};

use crate::credentials::Issuer;
use crate::store::Directory;
use crate::turn::Relay;
use counters::Counters;
use switchboard::Switchboard;

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
    directory: watch::Receiver<Arc<Directory>>,
    relay: Relay,
    switchboard: Mutex<Switchboard>,
    /// For `/metrics`.
    pub counters: Counters,
    shutdown: CancellationToken,
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

    fn directory(&self) -> Arc<Directory> {
        self.directory.borrow().clone()
    }

    fn switchboard(&self) -> MutexGuard<'_, Switchboard> {
        self.switchboard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The four calls.
pub fn router(signaling: &Arc<Signaling>) -> Router {
    Router::new()
        .route(CREATE_PATH, post(control::create))
        .route(DESCRIBE_PATH, post(control::describe))
        .route(ENDPOINT_PATH, post(control::endpoint))
        .route(ICE_PATH, post(control::ice_servers))
        .with_state(Arc::clone(signaling))
}

/// `routes`, with the sockets in front of them: a presigned socket URL has no path of its own,
/// so it is known by its query.
pub fn with_sockets(routes: Router, signaling: &Arc<Signaling>) -> Router {
    routes.layer(middleware::from_fn_with_state(
        Arc::clone(signaling),
        socket::intercept,
    ))
}

#[cfg(test)]
mod official;
#[cfg(test)]
mod tests;
