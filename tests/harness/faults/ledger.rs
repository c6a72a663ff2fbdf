//! Every order that was given, by a number that the wheels show: each asks for a throttle of its own.

use crate::faults::road::Road;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The throttle of order 0.
const LEAST: f64 = 0.2;

/// From one order's throttle to the next one's.
const STEP: f64 = 1e-5;

/// As many orders as have a throttle of their own below full; then they begin again, days later.
const NUMBERS: u32 = 79_999;

/// One order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// Its place in the order of all.
    pub number: u32,
    /// How it was sent.
    pub road: Road,
    /// When the hand gave it, in nanoseconds of Unix time.
    pub given_ns: u64,
    /// For how long it may move the wheels.
    pub duration: Duration,
    /// When its sender was told that it is not obeyed.
    pub refused_ns: Option<u64>,
}

/// All orders of a scene, shared with whoever gives them.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Vec<Order>>>);

impl Ledger {
    /// Writes down one more.
    pub fn give(&self, road: Road, duration: Duration, given_ns: u64) -> Order {
        let mut orders = self.lock();
        let number = u32::try_from(orders.len()).expect("fewer orders than numbers");
        let order = Order {
            number,
            road,
            given_ns,
            duration,
            refused_ns: None,
        };
        orders.push(order);
        order
    }

    /// Its sender was told that it is not obeyed.
    pub fn refuse(&self, number: u32, now_ns: u64) {
        self.lock()[number as usize].refused_ns = Some(now_ns);
    }

    /// The number of the next order.
    pub fn next(&self) -> u32 {
        u32::try_from(self.lock().len()).expect("fewer orders than numbers")
    }

    /// All that were given from `number` on.
    pub fn since(&self, number: u32) -> Vec<Order> {
        self.lock()[number as usize..].to_vec()
    }

    /// The last order that asked for this throttle.
    pub fn find(&self, throttle: f64) -> Option<Order> {
        let place = ((throttle - LEAST) / STEP).round();
        if !(0.0..f64::from(NUMBERS)).contains(&place) {
            return None;
        }
        let orders = self.lock();
        let last = orders.len().checked_sub(1)?;
        let (place, numbers) = (place as usize, NUMBERS as usize);
        let turns = last.checked_sub(place)? / numbers;
        orders.get(place + turns * numbers).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Order {
    /// What it asks both wheels for.
    pub fn throttle(&self) -> f64 {
        LEAST + STEP * f64::from(self.number % NUMBERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_found_by_its_throttle_and_nothing_else_is() {
        let ledger = Ledger::default();
        assert_eq!(ledger.find(0.2), None);
        for given_ns in 0..80_100 {
            let order = ledger.give(Road::Http, Duration::from_millis(200), given_ns);
            assert!((0.2..1.0).contains(&order.throttle()));
            assert_eq!(ledger.find(order.throttle()), Some(order));
        }
        assert_eq!(ledger.find(0.2).map(|order| order.number), Some(NUMBERS));
        for throttle in [-0.5, 0.0, 0.1, 1.0] {
            assert_eq!(ledger.find(throttle), None, "{throttle}");
        }
    }
}
