//! Where the robot can be reached, as the library finds out: on its own interfaces at once,
//! from servers later. What is known when the answer goes out goes with it, the rest follows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use webrtc::ice_transport::ice_candidate::RTCIceCandidate;
use webrtc::ice_transport::ice_candidate_type::RTCIceCandidateType;
use webrtc::peer_connection::RTCPeerConnection;
use wire::signaling::Candidate;

use super::Visit;

/// Most addresses told to one viewer. A robot on three networks with two relays has some
/// twenty.
const MAX_TOLD: usize = 64;

/// The addresses of one connection.
pub(super) struct Addresses {
    found: mpsc::Receiver<RTCIceCandidate>,
    /// Found already, not told yet.
    known: VecDeque<Candidate>,
    mid: Option<String>,
    viewer: Arc<str>,
    relays: Vec<String>,
    relayed: bool,
    complete: bool,
}

impl Addresses {
    /// Listens to `peer`, which must not be searching yet.
    pub(super) fn listen(peer: &RTCPeerConnection, visit: &Visit) -> Self {
        let (to, found) = mpsc::channel(MAX_TOLD);
        let to = Mutex::new(Some(to));
        peer.on_ice_candidate(Box::new(move |candidate| {
            let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
            match (candidate, to.as_ref()) {
                (Some(candidate), Some(open)) => _ = open.try_send(candidate),
                // No candidate is the library's word for the end of the search.
                _ => *to = None,
            }
            Box::pin(std::future::ready(()))
        }));
        Self {
            found,
            known: VecDeque::new(),
            mid: None,
            viewer: Arc::clone(&visit.seat.id),
            relays: visit
                .ice_servers
                .iter()
                .flat_map(|server| server.urls.clone())
                .filter(|url| url.starts_with("turn:") && !url.contains("transport=tcp"))
                .collect(),
            relayed: false,
            complete: false,
        }
    }

    /// Waits until the search is over, or nothing more is found for `quiet`.
    pub(super) async fn gather(&mut self, quiet: Duration) {
        let mut next = self.find().await;
        while let Some(candidate) = next {
            self.known.push_back(candidate);
            next = tokio::time::timeout(quiet, self.find())
                .await
                .unwrap_or(None);
        }
    }

    /// `answer` goes out with all that are in it.
    pub(super) fn are_in(&mut self, answer: &str) {
        self.known
            .retain(|candidate| !answer.contains(candidate.candidate.as_str()));
        self.mid = answer
            .lines()
            .find_map(|line| line.strip_prefix("a=mid:"))
            .map(|mid| mid.trim().to_owned());
    }

    /// The next to tell; never, once the search is over.
    pub(super) async fn next(&mut self) -> Option<Candidate> {
        let mut candidate = match self.known.pop_front() {
            Some(candidate) => candidate,
            None if self.complete => return None,
            None => self.find().await?,
        };
        candidate.sdp_mid = self.mid.clone();
        Some(candidate)
    }

    async fn find(&mut self) -> Option<Candidate> {
        loop {
            let Some(found) = self.found.recv().await else {
                self.over();
                return None;
            };
            self.relayed |= found.typ == RTCIceCandidateType::Relay;
            match found.to_json() {
                Ok(init) => {
                    return Some(Candidate {
                        candidate: init.candidate,
                        sdp_mid: None,
                        sdp_m_line_index: Some(0),
                        username_fragment: None,
                    });
                }
                Err(error) => tracing::debug!("an address that cannot be told: {error}"),
            }
        }
    }

    /// The library is silent about a relay that refuses; whoever is reachable by relay only
    /// would never know why.
    fn over(&mut self) {
        self.complete = true;
        if !self.relays.is_empty() && !self.relayed {
            tracing::warn!(
                viewer = %self.viewer,
                relays = ?self.relays,
                "no relay gave an address: its credentials may have expired, or UDP is blocked; \
                 viewers outside this network may not connect"
            );
        }
    }
}
