//! STUN and TURN over UDP: the way round two NATs that let nothing through.
//!
//! A [`Relay`] is what clients are told of: where it is, and a password that expires
//! (coturn's REST scheme, so that a coturn with the same secret takes its place). [`Server`]
//! is ours. Who may get a password is decided elsewhere; it is known here only as a name.

mod address;
mod counters;
mod limits;
mod password;
mod peer_policy;
mod ports;
mod server;

pub(crate) use ports::Ports;
pub(crate) use server::{Server, Settings};

use std::time::Duration;

use wire::signaling::control::IceServer;

use crate::clock::{expiry_s, whole_s};
use address::Address;

/// A relay that clients can be sent to.
#[derive(Clone)]
pub(crate) struct Relay {
    at: RelayAddress,
    secret: Vec<u8>,
}

#[derive(Clone)]
enum RelayAddress {
    Builtin(Address),
    /// `host:port`.
    External(String),
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl Relay {
    fn builtin(address: Address, secret: &[u8]) -> Self {
        Self {
            at: RelayAddress::Builtin(address),
            secret: secret.to_vec(),
        }
    }

    /// A coturn, or what speaks its REST scheme, at `host:port`; `secret` is its
    /// `static-auth-secret`.
    pub(crate) fn external(address: &str, secret: &str) -> Self {
        Self {
            at: RelayAddress::External(address.to_owned()),
            secret: secret.as_bytes().to_vec(),
        }
    }

    /// How `name` signs in there for the next `life`. Three addresses, as the real service
    /// gives: our own relay speaks only the first, and so do many clients.
    pub(crate) fn server_for(&self, name: &str, life: Duration, now_s: u64) -> IceServer {
        let username = format!("{}:{name}", expiry_s(now_s, life));
        let address = self.address();
        IceServer {
            password: password::of(&self.secret, &username),
            ttl: whole_s(life),
            uris: vec![
                format!("turn:{address}?transport=udp"),
                format!("turns:{address}?transport=udp"),
                format!("turns:{address}?transport=tcp"),
            ],
            username,
        }
    }

    /// Where it is; STUN is answered there too.
    pub(crate) fn address(&self) -> String {
        match &self.at {
            RelayAddress::Builtin(address) => address.relay().to_string(),
            RelayAddress::External(address) => address.clone(),
        }
    }
}
