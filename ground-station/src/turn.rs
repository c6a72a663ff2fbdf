//! STUN and TURN: the way round two NATs that let nothing through, and over TCP and TLS out of
//! networks that let no UDP through.
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
mod requests;
mod server;
mod stream;

pub(crate) use ports::Ports;
pub(crate) use server::{Server, Settings, Streams};
pub(crate) use stream::Stream;

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
    External(External),
}

/// A coturn, or what speaks its REST scheme.
#[derive(Clone, Debug)]
pub(crate) struct External {
    /// `host:port`, for UDP and TCP.
    pub address: String,
    /// `host:port` for TLS, where it has a certificate.
    pub tls: Option<String>,
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

    /// `secret` is its `static-auth-secret`.
    pub(crate) fn external(at: External, secret: &str) -> Self {
        Self {
            at: RelayAddress::External(at),
            secret: secret.as_bytes().to_vec(),
        }
    }

    /// How `name` signs in there for the next `life`. `https` is the `host:port` by which the
    /// client came to the HTTPS port of this station, if it did: where that is open TURN comes
    /// through by it, too.
    pub(crate) fn server_for(
        &self,
        name: &str,
        life: Duration,
        now_s: u64,
        https: Option<&str>,
    ) -> IceServer {
        let username = format!("{}:{name}", expiry_s(now_s, life));
        IceServer {
            password: password::of(&self.secret, &username),
            ttl: whole_s(life),
            uris: self.uris(https),
            username,
        }
    }

    /// UDP, TLS, TCP. The last needs no certificate that the client trusts: the password is never
    /// sent, and media is encrypted between its two ends.
    fn uris(&self, https: Option<&str>) -> Vec<String> {
        let address = self.address();
        let (tls, tcp) = match &self.at {
            RelayAddress::Builtin(_) => {
                let at = https.unwrap_or(&address);
                (Some(at), at)
            }
            RelayAddress::External(external) => {
                (external.tls.as_deref(), external.address.as_str())
            }
        };
        let mut uris = vec![format!("turn:{address}?transport=udp")];
        uris.extend(tls.map(|tls| format!("turns:{tls}?transport=tcp")));
        uris.push(format!("turn:{tcp}?transport=tcp"));
        uris
    }

    /// Where it is by UDP; STUN is answered there too.
    pub(crate) fn address(&self) -> String {
        match &self.at {
            RelayAddress::Builtin(address) => address.relay().to_string(),
            RelayAddress::External(external) => external.address.clone(),
        }
    }
}
