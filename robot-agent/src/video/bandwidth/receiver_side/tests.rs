//! The estimator over paths that are computed.

use super::*;
use crate::clock::now;

const LIMITS: Limits = Limits {
    floor_kbps: 150,
    ceiling_kbps: 2500,
};

/// A path and the time on it.
struct Simulation {
    estimator: ReceiverSide,
    now: Instant,
    begun: Instant,
}

impl Simulation {
    fn new() -> Self {
        let now = now();
        Self {
            estimator: ReceiverSide::new(LIMITS, now),
            now,
            begun: now,
        }
    }

    /// Runs for `seconds` over a path that loses what `lost_of(kbps)` says.
    fn run(
        &mut self,
        seconds: u32,
        lost_of: impl Fn(f64) -> f64,
        remb_of: impl Fn(f64) -> Option<f64>,
    ) {
        let updates = seconds * 2;
        for _ in 0..updates {
            self.now += UPDATE_EVERY;
            let kbps = self.estimator.kbps();
            if let Some(remb) = remb_of(kbps) {
                self.estimator.remb(remb);
            }
            let packets = (kbps * 500.0 / 8.0 / 1100.0).ceil();
            let sample = Sample {
                packets: packets as u32,
                bytes: (kbps * 500.0 / 8.0) as usize,
                nacked: (packets * lost_of(kbps)).round() as u32,
                lost_share: 0.0,
            };
            self.estimator.update(&sample, self.now);
        }
    }

    fn kbps(&self) -> u32 {
        self.estimator.kbps().round() as u32
    }

    fn seconds_until(&mut self, kbps: u32) -> u64 {
        while self.kbps() < kbps {
            assert!(self.now < self.begun + Duration::from_secs(120), "never");
            self.run(1, |_| 0.0, |_| None);
        }
        self.now.duration_since(self.begun).as_secs()
    }
}

/// A path that drops what is more than `limit`.
fn policed(limit: f64) -> impl Fn(f64) -> f64 {
    move |kbps| (1.0 - limit / kbps).max(0.0)
}

#[test]
fn a_clean_path_keeps_the_ceiling() {
    let mut path = Simulation::new();
    path.run(30, |_| 0.0, |_| Some(3000.0));
    assert_eq!(path.kbps(), 2500);
}

#[test]
fn three_and_eight_percent_of_random_loss_cost_no_quality() {
    for loss in [0.03, 0.08] {
        let mut path = Simulation::new();
        path.run(30, |_| loss, |_| None);
        assert_eq!(path.kbps(), 2500, "{loss}");
    }
}

#[test]
fn a_path_that_drops_is_found_in_two_seconds_and_not_left_again() {
    let mut path = Simulation::new();
    path.run(2, policed(800.0), |_| None);
    assert!(path.kbps() <= 800, "{}", path.kbps());
    for _ in 0..60 {
        path.run(1, policed(800.0), |_| None);
        let kbps = path.kbps();
        assert!((500..1000).contains(&kbps), "{kbps}");
    }
}

#[test]
fn a_queue_that_grows_is_heard_of_by_remb_alone() {
    let mut path = Simulation::new();
    path.run(1, |_| 0.0, |_| Some(3000.0));
    path.run(1, |_| 0.0, |_| Some(700.0));
    assert_eq!(path.kbps(), 700);
}

#[test]
fn a_low_estimate_that_climbs_again_holds_nothing_back() {
    let mut path = Simulation::new();
    path.run(1, |_| 0.0, |_| Some(3000.0));
    let climbing = std::cell::Cell::new(100.0);
    let climb = |_| {
        climbing.set(climbing.get() * 1.04);
        Some(climbing.get())
    };
    path.run(1, |_| 0.0, climb);
    assert_eq!(path.kbps(), 150, "to the floor by a viewer out of breath");
    path.run(20, |_| 0.0, climb);
    assert!(climbing.get() < 600.0);
    assert!(path.kbps() > 2000, "{}", path.kbps());
}

#[test]
fn an_estimate_above_what_is_sent_holds_nothing_back() {
    let mut path = Simulation::new();
    path.run(2, policed(800.0), |_| None);
    path.begun = path.now;
    path.run(20, |_| 0.0, |kbps| Some(kbps * 1.05));
    assert!(path.kbps() > 2000, "{}", path.kbps());
}

#[test]
fn a_released_path_is_used_again_within_fifteen_seconds() {
    let mut path = Simulation::new();
    path.run(15, policed(800.0), |_| None);
    path.begun = path.now;
    let seconds = path.seconds_until(2000);
    assert!(seconds <= 15, "{seconds} s");
}

#[test]
fn nothing_pushes_it_below_the_floor() {
    let mut path = Simulation::new();
    path.run(30, |_| 0.9, |_| Some(10.0));
    assert_eq!(path.kbps(), 150);
}

#[test]
fn a_handful_of_packets_proves_nothing() {
    let start = now();
    let mut estimator = ReceiverSide::new(LIMITS, start);
    let sample = Sample {
        packets: 3,
        bytes: 1250,
        nacked: 3,
        lost_share: 0.0,
    };
    estimator.update(&sample, start + UPDATE_EVERY);
    assert_eq!(estimator.kbps().round() as u32, 2500);
}

#[test]
fn loss_of_a_receiver_report_counts_where_nacks_are_fewer() {
    let start = now();
    let mut estimator = ReceiverSide::new(LIMITS, start);
    let sample = Sample {
        packets: 100,
        bytes: 62_500,
        nacked: 3,
        lost_share: 0.5,
    };
    estimator.update(&sample, start + UPDATE_EVERY);
    assert_eq!(
        estimator.kbps().round() as u32,
        450,
        "half of 1000 got through"
    );
}
