//! How often a password may be tried. Pure: the time is an argument.
//!
//! Nobody can keep somebody else out: what is tried at a name from elsewhere counts only against
//! addresses that have tried wrong passwords themselves, and what others try behind the same
//! address counts against nobody who has signed in from there before.

use crate::network::{Network, network_of};
use daemon::rate_limit::{Rate, RateLimiter};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Instant;

/// Wrong passwords for one name from one address: a few slips of a person, far from a guess.
const OF_PAIR: Rate = Rate {
    burst: 10.0,
    per_s: 1.0 / NEXT_ATTEMPT_S as f64,
};

/// After so many seconds who had too many may try once more: the longest that any of the rates takes.
pub const NEXT_ATTEMPT_S: u32 = 6;

/// From one address for all names: a class of thirty behind one router, who slip twice each.
const OF_NETWORK: Rate = Rate {
    burst: 60.0,
    per_s: 1.0 / 2.0,
};

/// For one name from all addresses together that did wrong lately.
const OF_NAME: Rate = OF_PAIR;

/// For how long an address did wrong that has tried one wrong password: an hour.
const INNOCENCE: Rate = Rate {
    burst: 1.0,
    per_s: 1.0 / 3600.0,
};

/// Names, addresses and pairs of them remembered at once, each. Past that who has tried least is
/// forgotten.
const REMEMBERED: usize = 10_000;

/// A name is remembered by its hash: it may be long, and nobody's.
type Name = u64;

/// Wrong passwords, by who tried which names.
#[derive(Debug)]
pub(super) struct SignInLimiter {
    hasher: RandomState,
    pairs: RateLimiter<(Network, Name)>,
    networks: RateLimiter<Network>,
    names: RateLimiter<Name>,
    innocents: RateLimiter<Network>,
    /// Who has signed in, from where, and when last.
    known: HashMap<(Network, Name), Instant>,
}

/// A password that may be tried; it counts as a wrong one until it was right.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pair: (Network, Name),
    counted: Counted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// Against the pair alone: they have signed in from there before.
    Known,
    /// Against all, of an address that did nothing wrong; whether the name had one left.
    Innocent(bool),
    /// Against all, of an address that has tried wrong passwords.
    Suspect,
}

impl Attempt {
    /// Whether it comes from where wrong passwords came from.
    pub fn is_suspect(&self) -> bool {
        self.counted == Counted::Suspect
    }
}

impl SignInLimiter {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            pairs: RateLimiter::new(OF_PAIR, REMEMBERED),
            networks: RateLimiter::new(OF_NETWORK, REMEMBERED),
            names: RateLimiter::new(OF_NAME, REMEMBERED),
            innocents: RateLimiter::new(INNOCENCE, REMEMBERED),
            known: HashMap::new(),
        }
    }

    /// Counts an attempt; none where there were too many.
    pub(super) fn take(&mut self, name: &str, from: IpAddr, now: Instant) -> Option<Attempt> {
        let (network, name) = (network_of(from), self.hasher.hash_one(name));
        let pair = (network, name);
        self.pairs.make_room(now);
        if !self.pairs.take(pair, now) {
            return None;
        }
        if self.known.contains_key(&pair) {
            return Some(Attempt {
                pair,
                counted: Counted::Known,
            });
        }
        self.networks.make_room(now);
        if !self.networks.take(network, now) {
            // What others did there is not held against this name, too.
            self.pairs.put_back(&pair);
            return None;
        }
        self.innocents.make_room(now);
        let is_innocent = self.innocents.take(network, now);
        self.names.make_room(now);
        let name_has_one = self.names.take(name, now);
        let counted = match (is_innocent, name_has_one) {
            (true, _) => Counted::Innocent(name_has_one),
            (false, true) => Counted::Suspect,
            (false, false) => return None,
        };
        Some(Attempt { pair, counted })
    }

    /// The password was right: the attempt does not count, and whoever made it is known there.
    pub(super) fn was_right(&mut self, attempt: Attempt, now: Instant) {
        let Attempt { pair, counted } = attempt;
        self.pairs.put_back(&pair);
        if counted != Counted::Known {
            self.networks.put_back(&pair.0);
        }
        if let Counted::Innocent(_) = counted {
            self.innocents.put_back(&pair.0);
        }
        if matches!(counted, Counted::Innocent(true) | Counted::Suspect) {
            self.names.put_back(&pair.1);
        }
        if self.known.len() >= REMEMBERED && !self.known.contains_key(&pair) {
            let oldest = self.known.iter().min_by_key(|(_, at)| **at);
            let oldest = oldest.map(|(pair, _)| *pair);
            oldest.map(|pair| self.known.remove(&pair));
        }
        self.known.insert(pair, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::time::Duration;

    fn v4(n: usize) -> IpAddr {
        let [.., b, c, d] = n.to_be_bytes();
        [10, b, c, d].into()
    }

    fn tries(limiter: &mut SignInLimiter, name: &str, from: IpAddr, t: Instant) -> usize {
        (0..200)
            .filter(|_| limiter.take(name, from, t).is_some())
            .count()
    }

    #[test]
    fn wrong_passwords_run_out_for_a_name_from_an_address_and_come_back() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        assert_eq!(tries(&mut limiter, "ann", v4(1), t), 10);
        let later = t + Duration::from_millis(5_999);
        assert!(limiter.take("ann", v4(1), later).is_none());
        assert_eq!(
            tries(&mut limiter, "ann", v4(1), t + Duration::from_secs(6)),
            1
        );
    }

    #[test]
    fn wrong_passwords_from_elsewhere_keep_nobody_out_who_did_nothing_wrong() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        for n in 0..50 {
            tries(&mut limiter, "ann", v4(n), t);
        }
        let attempt = limiter.take("ann", v4(1000), t).unwrap();
        limiter.was_right(attempt, t);
        let again = limiter.take("ann", v4(1000), t).unwrap();
        assert!(!again.is_suspect());
    }

    #[test]
    fn one_name_has_few_attempts_from_all_addresses_that_did_wrong() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        let first: usize = (0..100).map(|n| tries(&mut limiter, "ann", v4(n), t)).sum();
        // One each while they are innocent, and ten.
        assert!(first <= 110, "{first}");
        let hour = t + Duration::from_secs(600);
        let more = (0..100).map(|n| tries(&mut limiter, "ann", v4(n), hour));
        assert!(more.sum::<usize>() <= 10);
    }

    #[test]
    fn a_name_that_is_tried_in_a_class_keeps_none_of_the_others_out() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        let router = v4(1);
        for pupil in 0..30 {
            let attempt = limiter.take(&format!("pupil-{pupil}"), router, t).unwrap();
            limiter.was_right(attempt, t);
        }
        for name in 0..100 {
            tries(&mut limiter, &format!("nobody-{name}"), router, t);
        }
        tries(&mut limiter, "pupil-0", router, t);
        assert!(limiter.take("pupil-0", router, t).is_none());
        for pupil in 1..30 {
            assert!(limiter.take(&format!("pupil-{pupil}"), router, t).is_some());
        }
    }

    #[test]
    fn an_account_of_ones_own_wipes_out_no_wrong_passwords_at_anothers() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        let mut tried = 0;
        for _ in 0..100 {
            tried += usize::from(limiter.take("ann", v4(1), t).is_some());
            if let Some(own) = limiter.take("eve", v4(1), t) {
                limiter.was_right(own, t);
            }
        }
        assert_eq!(tried, 10);
    }

    #[test]
    fn an_address_of_ipv6_is_that_of_its_network() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        let host = |n: usize| format!("2001:db8::{n}").parse::<IpAddr>().unwrap();
        let tried = (1..100).filter(|n| limiter.take("ann", host(*n), t).is_some());
        assert_eq!(tried.count(), 10);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_keeps_nobody_out() {
        let t = clock::instant();
        let mut limiter = SignInLimiter::new();
        tries(&mut limiter, "ann", v4(0), t);
        for n in 1..REMEMBERED + 5 {
            assert!(limiter.take(&n.to_string(), v4(n), t).is_some(), "{n}");
        }
        assert!(limiter.take("ann", v4(0), t).is_none(), "not forgotten");
    }
}
