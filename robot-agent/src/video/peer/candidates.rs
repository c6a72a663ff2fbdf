//! The robot's own candidates, as the library gathers them: of its interfaces at once, from
//! servers later. What is known when the answer is sent goes with it, the rest follows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use webrtc::ice_transport::ice_candidate::RTCIceCandidate;
use webrtc::ice_transport::ice_candidate_type::RTCIceCandidateType;
use webrtc::peer_connection::RTCPeerConnection;
use wire::signaling::Candidate;

use super::answer::Answer;
use super::relays::Relays;

/// Most candidates waiting for one viewer. A robot on three networks with two relays has some
/// twenty.
const MAX_WAITING: usize = 64;

/// Of a relay that is reached over TCP: the lowest there is of the first component (RFC 8445,
/// section 5.1.2.1). Over TCP a lost packet holds up those after it, so any other path is better.
const PRIORITY_OVER_TCP: u32 = (1 << 8) - 1;

/// The candidates of one connection.
pub(super) struct LocalCandidates {
    gathered: mpsc::Receiver<RTCIceCandidate>,
    /// Gathered, but not sent yet.
    unsent: VecDeque<Candidate>,
    /// The section that they belong to.
    mid: Option<String>,
    index: u16,
    viewer: Arc<str>,
    /// What was asked for candidates.
    relays: Arc<Relays>,
    relayed: bool,
    complete: bool,
}

impl LocalCandidates {
    /// Listens to `peer`, which must not be gathering yet.
    pub(super) fn listen(peer: &RTCPeerConnection, viewer: &Arc<str>, relays: Arc<Relays>) -> Self {
        let (to, gathered) = mpsc::channel(MAX_WAITING);
        let to = Mutex::new(Some(to));
        peer.on_ice_candidate(Box::new(move |candidate| {
            let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
            match (candidate, to.as_ref()) {
                (Some(candidate), Some(open)) => _ = open.try_send(candidate),
                // No candidate is the library's word for the end of gathering.
                _ => *to = None,
            }
            Box::pin(std::future::ready(()))
        }));
        Self {
            gathered,
            unsent: VecDeque::new(),
            mid: None,
            index: 0,
            viewer: Arc::clone(viewer),
            relays,
            relayed: false,
            complete: false,
        }
    }

    /// Waits until gathering is complete, or nothing more comes for `quiet`.
    pub(super) async fn gather(&mut self, quiet: Duration) {
        let mut next = self.receive().await;
        while let Some(candidate) = next {
            self.unsent.push_back(candidate);
            next = tokio::time::timeout(quiet, self.receive())
                .await
                .unwrap_or(None);
        }
    }

    /// `answer` is sent with all candidates that are in it.
    pub(super) fn drop_sent(&mut self, answer: &Answer) {
        self.unsent
            .retain(|candidate| !answer.sdp.contains(candidate.candidate.as_str()));
        self.mid.clone_from(&answer.mid);
        self.index = answer.index;
    }

    /// The next to send; none, once gathering is complete.
    pub(super) async fn next(&mut self) -> Option<Candidate> {
        let mut candidate = match self.unsent.pop_front() {
            Some(candidate) => candidate,
            None if self.complete => return None,
            None => self.receive().await?,
        };
        candidate.sdp_mid = self.mid.clone();
        candidate.sdp_m_line_index = Some(self.index);
        Some(candidate)
    }

    async fn receive(&mut self) -> Option<Candidate> {
        loop {
            let Some(mut candidate) = self.gathered.recv().await else {
                self.complete = true;
                self.warn_without_relay();
                return None;
            };
            let relayed = candidate.typ == RTCIceCandidateType::Relay;
            self.relayed |= relayed;
            if relayed && self.relays.is_over_tcp(candidate.related_port) {
                candidate.priority = PRIORITY_OVER_TCP;
            }
            match candidate.to_json() {
                Ok(init) => {
                    return Some(Candidate {
                        candidate: init.candidate,
                        ..Candidate::default()
                    });
                }
                Err(error) => tracing::debug!("a candidate that cannot be sent: {error}"),
            }
        }
    }

    /// The library is silent about a relay that refuses; whoever is reachable by relay only
    /// would never know why.
    fn warn_without_relay(&self) {
        let relays = self.relays.urls();
        if !relays.is_empty() && !self.relayed {
            tracing::warn!(
                viewer = %self.viewer,
                ?relays,
                "no relay gave an address: its credentials may have expired, or a firewall lets \
                 out nothing that leads there; viewers outside this network may not connect"
            );
        }
    }
}
