//! In what order things go wrong, and when within each round: all decided by the seed. Pure.

use crate::faults::kind::{KINDS, Kind};
use crate::faults::road::Road;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// How the driver holds the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// As the page does: an order of 200 ms every 100 ms.
    Held,
    /// As a program does that plans ahead: an order of two seconds every second.
    Long,
}

/// One fault, and who drives meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Its place among all, from 1.
    pub number: u32,
    /// What goes wrong.
    pub kind: &'static Kind,
    /// How somebody drives.
    pub road: Road,
    /// How the key is held.
    pub press: Press,
    /// Whether orders say when they were sent, by the driver's clock.
    pub stamped: bool,
    /// From the first movement to the fault.
    pub begins: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// From the fault until the key is let go.
    pub let_go: Duration,
}

/// Rounds without an end: every kind once, in any order, and again.
pub struct Plan {
    dice: StdRng,
    kinds: Vec<&'static Kind>,
    left: Vec<&'static Kind>,
    number: u32,
}

impl Plan {
    /// The plan of that seed, of those kinds whose name has `only` in it.
    ///
    /// # Panics
    /// When no kind has such a name.
    pub fn new(seed: u64, only: &str) -> Self {
        let root = rustix::process::geteuid().is_root();
        let kinds: Vec<_> = KINDS
            .iter()
            .filter(|kind| kind.name.contains(only) && (root || !kind.fault.needs_root()))
            .collect();
        assert!(!kinds.is_empty(), "no fault's name has {only:?} in it");
        Self {
            dice: StdRng::seed_from_u64(seed),
            kinds,
            left: Vec::new(),
            number: 0,
        }
    }

    fn ms(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_millis(self.dice.random_range(least..=most))
    }
}

impl Iterator for Plan {
    type Item = Round;

    fn next(&mut self) -> Option<Round> {
        if self.left.is_empty() {
            self.left.clone_from(&self.kinds);
            self.left.shuffle(&mut self.dice);
        }
        let kind = self.left.pop()?;
        self.number += 1;
        let lasts = self.ms(kind.lasts_ms);
        let held = kind.fault.needs_a_held_key();
        let long = !held && self.dice.random_bool(0.3);
        let after = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX) + 800;
        Some(Round {
            number: self.number,
            kind,
            road: *kind.roads.choose(&mut self.dice)?,
            press: if long { Press::Long } else { Press::Held },
            stamped: self.dice.random_bool(0.5),
            begins: self.ms((100, 900)),
            lasts,
            let_go: if held {
                Duration::from_millis(after)
            } else {
                self.ms((0, after))
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(seed: u64, rounds: usize) -> Vec<&'static str> {
        let plan = Plan::new(seed, "");
        plan.take(rounds).map(|round| round.kind.name).collect()
    }

    #[test]
    fn a_seed_decides_everything() {
        let text = |seed| format!("{:?}", Plan::new(seed, "").take(200).collect::<Vec<_>>());
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
    }

    #[test]
    fn every_kind_comes_once_before_any_comes_again() {
        let all = Plan::new(1, "").kinds.len();
        for half in names(1, 2 * all).chunks(all) {
            let mut half = half.to_vec();
            half.sort_unstable();
            half.dedup();
            assert_eq!(half.len(), all);
        }
    }

    #[test]
    fn a_round_is_within_its_kinds_limits() {
        for round in Plan::new(3, "").take(500) {
            let (least, most) = round.kind.lasts_ms;
            assert!((least..=most).contains(&(round.lasts.as_millis() as u64)));
            assert!(round.kind.roads.contains(&round.road));
            assert!(round.let_go <= round.lasts + Duration::from_millis(800));
        }
    }

    #[test]
    fn only_some_are_planned_where_that_is_asked_for() {
        assert!(
            Plan::new(0, "path")
                .take(99)
                .all(|r| r.kind.name.contains("path"))
        );
    }
}
