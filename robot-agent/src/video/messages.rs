//! What a viewer and the robot send each other before there is a peer connection. Signaling
//! carries it.

use std::collections::BTreeSet;
use std::fmt;

use tokio::sync::oneshot;
use wire::signaling::Candidate;

/// From a viewer, named by its client id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Offer {
        viewer: String,
        /// Whose right to watch this is, where the service says; it may be taken away.
        principal: Option<String>,
        sdp: String,
    },
    /// May come before the offer.
    Candidate {
        viewer: String,
        candidate: Candidate,
    },
    /// It says that it leaves.
    Left { viewer: String },
}

/// All who may watch and drive now, of those whose offers came with a principal.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub principals: BTreeSet<String>,
    /// Told once nobody else can do either.
    pub acted: oneshot::Sender<()>,
}

/// From the robot to a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub viewer: String,
    pub message: Message,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Answer {
        sdp: String,
        /// Why the answer takes nothing of the offer, where it does not.
        refused: Option<String>,
    },
    Candidate(Candidate),
}

/// A STUN or TURN server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct IceServer {
    /// Such as `turn:host:port?transport=udp`.
    pub urls: Vec<String>,
    /// Empty for STUN, as is the password.
    pub username: String,
    pub password: String,
}

impl fmt::Debug for IceServer {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}
