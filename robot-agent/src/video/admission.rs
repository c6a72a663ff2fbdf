//! Who comes in, and when: how many offers are looked at, and what becomes of candidates
//! that come before their offer. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wire::signaling::Candidate;

/// Offers a second. The service takes no more answers than that from a robot.
const OFFERS_PER_S: f64 = 5.0;

/// Offers at once: a full house whose robot was away comes back together.
const OFFERS_AT_ONCE: f64 = 10.0;

/// Viewers whose candidates are kept before they are known.
const STRANGERS: usize = 16;

/// Candidates kept of each; a browser has some ten.
const OF_EACH: usize = 32;

/// How long they are kept. An offer follows its candidates at once or not at all.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// The door.
#[derive(Debug)]
pub(super) struct Door {
    offers: f64,
    counted: Instant,
    strangers: VecDeque<Stranger>,
}

#[derive(Debug)]
struct Stranger {
    viewer: String,
    came: Instant,
    candidates: Vec<Candidate>,
}

impl Door {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            offers: OFFERS_AT_ONCE,
            counted: now,
            strangers: VecDeque::new(),
        }
    }

    /// Whether one more offer is looked at.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.counted = now;
        self.offers = (self.offers + elapsed * OFFERS_PER_S).min(OFFERS_AT_ONCE);
        let admits = self.offers >= 1.0;
        if admits {
            self.offers -= 1.0;
        }
        admits
    }

    /// Keeps a candidate whose offer may be on its way; the oldest stranger makes room.
    pub(super) fn keep(&mut self, viewer: String, candidate: Candidate, now: Instant) {
        self.strangers
            .retain(|stranger| now.saturating_duration_since(stranger.came) < KEPT_FOR);
        let known = self
            .strangers
            .iter_mut()
            .find(|stranger| stranger.viewer == viewer);
        if let Some(stranger) = known {
            if stranger.candidates.len() < OF_EACH {
                stranger.candidates.push(candidate);
            }
            return;
        }
        if self.strangers.len() == STRANGERS {
            self.strangers.pop_front();
        }
        self.strangers.push_back(Stranger {
            viewer,
            came: now,
            candidates: vec![candidate],
        });
    }

    /// What was kept for the viewer whose offer is here.
    pub(super) fn take(&mut self, viewer: &str, now: Instant) -> Vec<Candidate> {
        let at = self.strangers.iter().position(|stranger| {
            stranger.viewer == viewer && now.saturating_duration_since(stranger.came) < KEPT_FOR
        });
        at.and_then(|at| self.strangers.remove(at))
            .map(|stranger| stranger.candidates)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn candidate(n: usize) -> Candidate {
        Candidate {
            candidate: format!("candidate:{n} 1 udp 1 192.0.2.1 {n} typ host"),
            ..Candidate::default()
        }
    }

    #[test]
    fn a_full_house_comes_in_at_once_but_a_storm_does_not() {
        let start = start();
        let mut door = Door::new(start);
        let of_storm = |door: &mut Door, from_ms: u64| {
            (0..50)
                .filter(|n| door.admits(start + Duration::from_millis(from_ms + n * 20)))
                .count()
        };
        let first = of_storm(&mut door, 0);
        assert!((14..=15).contains(&first), "{first} of 50");
        let second = of_storm(&mut door, 1000);
        assert!((4..=5).contains(&second), "{second} of 50");
    }

    #[test]
    fn candidates_before_the_offer_are_kept_for_it() {
        let start = start();
        let mut door = Door::new(start);
        door.keep("anna".to_owned(), candidate(1), start);
        door.keep("bert".to_owned(), candidate(2), start);
        door.keep("anna".to_owned(), candidate(3), start);
        assert_eq!(door.take("anna", start), [candidate(1), candidate(3)]);
        assert_eq!(door.take("anna", start), []);
        let late = start + KEPT_FOR;
        assert_eq!(door.take("bert", late), []);
    }

    #[test]
    fn thousands_of_candidates_for_nobody_take_no_room() {
        let start = start();
        let mut door = Door::new(start);
        for n in 0..10_000 {
            door.keep(format!("viewer-{}", n % 100), candidate(n), start);
            door.keep("one".to_owned(), candidate(n), start);
        }
        assert!(door.strangers.len() <= STRANGERS);
        assert!(door.strangers.iter().all(|s| s.candidates.len() <= OF_EACH));
    }
}
