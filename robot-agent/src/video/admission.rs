//! Which offers become a session, and what becomes of candidates that come before their offer.
//! Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use daemon::rate_limit::{Rate, TokenBucket};
use wire::signaling::Candidate;

use super::codec::Codec;
use super::peer::offer::{ConnectionId, Offer, Refused};
use super::permission::Denied;

/// The service takes no more than five answers a second from a robot; all viewers of a robot that
/// was away come back together.
const OFFERS: Rate = Rate {
    burst: 10.0,
    per_s: 5.0,
};

/// Viewers whose candidates are stored before their offer is here.
const EARLY_VIEWERS: usize = 16;

/// Candidates stored of each; a browser has some ten.
const EARLY_CANDIDATES: usize = 32;

/// How long they are stored. An offer follows its candidates at once or not at all.
const EARLY_LIFETIME: Duration = Duration::from_secs(10);

pub(super) struct Admission {
    offers: TokenBucket,
    viewers_max: usize,
    /// Whether there is an encoder for those without H.264.
    has_vp8: bool,
}

/// What becomes of an offer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The first of a peer connection.
    Admitted(Offer),
    /// A later one of the connection that its viewer has.
    Renegotiates(Offer),
    /// With the reason, in words for whoever made the offer.
    Refused(String),
    /// Without an answer: too many offers came.
    Ignored,
}

impl Admission {
    pub(super) fn new(viewers_max: usize, has_vp8: bool, now: Instant) -> Self {
        Self {
            offers: TokenBucket::new(OFFERS, now),
            viewers_max,
            has_vp8,
        }
    }

    /// Decides on an offer while so many other viewers watch, of somebody who has the connection
    /// `current`, if any, with its codec, and who may watch unless they are `denied` it.
    pub(super) fn decide(
        &mut self,
        offer: &str,
        current: Option<(&ConnectionId, Codec)>,
        others: usize,
        denied: Option<Denied>,
        now: Instant,
    ) -> Decision {
        if !self.offers.take(now) {
            return Decision::Ignored;
        }
        if let Some(denied) = denied {
            return Decision::Refused(format!("this viewer {denied}"));
        }
        let most = self.viewers_max;
        match Offer::read(offer) {
            Err(reason) => Decision::Refused(reason.to_string()),
            Ok(offer) if offer.codec() == Codec::Vp8 && !self.has_vp8 => {
                Decision::Refused(Refused::NoVp8Encoder.to_string())
            }
            Ok(offer) if current == Some((&offer.connection, offer.codec())) => {
                Decision::Renegotiates(offer)
            }
            Ok(offer) if current.is_some_and(|(current, _)| *current == offer.connection) => {
                Decision::Refused(Refused::OtherCodec.to_string())
            }
            Ok(offer) if !offer.receives => Decision::Refused(Refused::DoesNotReceive.to_string()),
            Ok(_) if others >= most => {
                Decision::Refused(format!("too many viewers ({others} of {most})"))
            }
            Ok(offer) => Decision::Admitted(offer),
        }
    }
}

/// Candidates whose offer may be on its way.
#[derive(Debug, Default)]
pub(super) struct EarlyCandidates(VecDeque<Early>);

#[derive(Debug)]
struct Early {
    viewer: String,
    since: Instant,
    candidates: Vec<Candidate>,
}

impl EarlyCandidates {
    /// Where there is no room for another viewer, the oldest is dropped.
    pub(super) fn store(&mut self, viewer: String, candidate: Candidate, now: Instant) {
        self.drop_expired(now);
        if let Some(early) = self.0.iter_mut().find(|early| early.viewer == viewer) {
            if early.candidates.len() < EARLY_CANDIDATES {
                early.candidates.push(candidate);
            }
            return;
        }
        if self.0.len() == EARLY_VIEWERS {
            self.0.pop_front();
        }
        self.0.push_back(Early {
            viewer,
            since: now,
            candidates: vec![candidate],
        });
    }

    /// Those of the viewer whose offer is here.
    pub(super) fn remove(&mut self, viewer: &str, now: Instant) -> Vec<Candidate> {
        self.drop_expired(now);
        let at = self.0.iter().position(|early| early.viewer == viewer);
        at.and_then(|at| self.0.remove(at))
            .map_or_else(Vec::new, |early| early.candidates)
    }

    fn drop_expired(&mut self, now: Instant) {
        self.0
            .retain(|early| now.saturating_duration_since(early.since) < EARLY_LIFETIME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn candidate(n: usize) -> Candidate {
        Candidate {
            candidate: format!("candidate:{n} 1 udp 1 192.0.2.1 {n} typ host"),
            ..Candidate::default()
        }
    }

    #[test]
    fn offers_of_all_viewers_are_considered_at_once_but_a_storm_is_not() {
        let start = now();
        let mut admission = Admission::new(3, true, start);
        let of_storm = |admission: &mut Admission, from_ms: u64| {
            (0..50)
                .filter(|n| {
                    let now = start + Duration::from_millis(from_ms + n * 20);
                    admission.decide("no offer", None, 0, None, now) != Decision::Ignored
                })
                .count()
        };
        let first = of_storm(&mut admission, 0);
        assert!((14..=15).contains(&first), "{first} of 50");
        let second = of_storm(&mut admission, 1000);
        assert!((4..=5).contains(&second), "{second} of 50");
    }

    #[test]
    fn candidates_before_the_offer_are_stored_for_it() {
        let start = now();
        let mut early = EarlyCandidates::default();
        early.store("anna".to_owned(), candidate(1), start);
        early.store("bert".to_owned(), candidate(2), start);
        early.store("anna".to_owned(), candidate(3), start);
        assert_eq!(early.remove("anna", start), [candidate(1), candidate(3)]);
        assert_eq!(early.remove("anna", start), []);
        let late = start + EARLY_LIFETIME;
        assert_eq!(early.remove("bert", late), []);
    }

    #[test]
    fn thousands_of_candidates_for_nobody_take_no_memory() {
        let start = now();
        let mut early = EarlyCandidates::default();
        for n in 0..10_000 {
            early.store(format!("viewer-{}", n % 100), candidate(n), start);
            early.store("one".to_owned(), candidate(n), start);
        }
        assert!(early.0.len() <= EARLY_VIEWERS);
        let most = early.0.iter().map(|early| early.candidates.len()).max();
        assert!(most <= Some(EARLY_CANDIDATES), "{most:?}");
    }
}
