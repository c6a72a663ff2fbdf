//! AWS' own HTTP protocols: IoT's credentials provider, and the signaling service of Kinesis
//! Video Streams (four calls that lead to a socket, and the sockets). Who may come in is decided
//! by temporary credentials alone, proved by a signature ([`sigv4`]).

pub(crate) mod authenticated;
pub(crate) mod credentials_provider;
pub(crate) mod error;
mod kvs_calls;
mod kvs_socket;
pub(crate) mod role_alias;
pub(crate) mod sigv4;
pub(crate) mod viewer_credentials;

use std::sync::Arc;

use axum::routing::post;
use axum::{Router, middleware};
use wire::signaling::control::{CREATE_PATH, DESCRIBE_PATH, ENDPOINT_PATH, ICE_PATH};

use crate::signaling::Signaling;

pub(crate) fn calls(signaling: &Arc<Signaling>) -> Router {
    Router::new()
        .route(CREATE_PATH, post(kvs_calls::create))
        .route(DESCRIBE_PATH, post(kvs_calls::describe))
        .route(ENDPOINT_PATH, post(kvs_calls::endpoint))
        .route(ICE_PATH, post(kvs_calls::ice_servers))
        .with_state(Arc::clone(signaling))
}

/// `routes`, with the sockets in front of them: a presigned socket URL has no path of its own,
/// so it is known by its query. Calls that nobody answers get a name.
pub(crate) fn with_sockets(routes: Router, signaling: &Arc<Signaling>) -> Router {
    let sockets = middleware::from_fn_with_state(Arc::clone(signaling), kvs_socket::intercept);
    routes
        .layer(middleware::from_fn(kvs_calls::name_unknown))
        .layer(sockets)
}

#[cfg(test)]
mod official;
#[cfg(test)]
mod tests;
