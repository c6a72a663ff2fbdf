//! What a viewer and the robot say to each other before there is a peer connection. Signaling
//! carries it.

use wire::signaling::Candidate;

/// What a viewer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Wants to watch.
    Offer {
        /// Who.
        viewer: String,
        /// A session description.
        sdp: String,
    },
    /// Can be reached here; may come before the offer.
    Candidate {
        /// Who.
        viewer: String,
        /// Where.
        candidate: Candidate,
    },
}

/// What the robot says to a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom.
    pub viewer: String,
    /// What.
    pub message: Message,
}

/// See [`Outgoing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The answer to the offer.
    Answer {
        /// A session description.
        sdp: String,
        /// Why the answer takes nothing of the offer, where it does not.
        refused: Option<String>,
    },
    /// The robot can be reached here.
    Candidate(Candidate),
}

/// A STUN or TURN server.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// Its addresses, such as `turn:host:port?transport=udp`.
    pub urls: Vec<String>,
    /// Empty for STUN.
    pub username: String,
    /// Empty for STUN.
    pub password: String,
}

impl std::fmt::Debug for IceServer {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}
