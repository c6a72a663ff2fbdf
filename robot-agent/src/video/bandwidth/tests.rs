//! Rides over paths that are computed.

use super::*;

const LIMITS: Limits = Limits {
    floor_kbps: 150,
    ceiling_kbps: 2500,
};

#[expect(clippy::disallowed_methods, reason = "some instant to count from")]
fn start() -> Instant {
    Instant::now()
}

/// A path and the time on it.
struct Ride {
    path: Path,
    now: Instant,
    begun: Instant,
}

impl Ride {
    fn new() -> Self {
        let now = start();
        Self {
            path: Path::new(LIMITS, now),
            now,
            begun: now,
        }
    }

    /// Rides for `seconds` over a path that loses what `lost_of(kbps)` says.
    fn over(
        &mut self,
        seconds: u32,
        lost_of: impl Fn(f64) -> f64,
        remb_of: impl Fn(f64) -> Option<f64>,
    ) {
        let looks = seconds * 2;
        for _ in 0..looks {
            self.now += LOOK_EVERY;
            let kbps = f64::from(self.path.kbps());
            if let Some(remb) = remb_of(kbps) {
                self.path.estimate(remb);
            }
            let sent = (kbps * 500.0 / 8.0 / 1100.0).ceil();
            self.path.look(
                &Seen {
                    sent: sent as u32,
                    lost: (sent * lost_of(kbps)).round() as u32,
                    sent_kbps: kbps,
                },
                self.now,
            );
        }
    }

    fn seconds_until(&mut self, kbps: u32) -> u64 {
        while self.path.kbps() < kbps {
            assert!(self.now < self.begun + Duration::from_secs(120), "never");
            self.over(1, |_| 0.0, |_| None);
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
    let mut ride = Ride::new();
    ride.over(30, |_| 0.0, |_| Some(3000.0));
    assert_eq!(ride.path.kbps(), 2500);
}

#[test]
fn three_and_eight_percent_of_random_loss_cost_no_quality() {
    for loss in [0.03, 0.08] {
        let mut ride = Ride::new();
        ride.over(30, |_| loss, |_| None);
        assert_eq!(ride.path.kbps(), 2500, "{loss}");
    }
}

#[test]
fn a_path_that_drops_is_found_in_two_seconds_and_not_left_again() {
    let mut ride = Ride::new();
    ride.over(2, policed(800.0), |_| None);
    assert!(ride.path.kbps() <= 800, "{}", ride.path.kbps());
    for _ in 0..60 {
        ride.over(1, policed(800.0), |_| None);
        let kbps = ride.path.kbps();
        assert!((500..1000).contains(&kbps), "{kbps}");
    }
}

#[test]
fn a_queue_that_grows_is_heard_of_by_remb_alone() {
    let mut ride = Ride::new();
    ride.over(1, |_| 0.0, |_| Some(3000.0));
    ride.over(1, |_| 0.0, |_| Some(700.0));
    assert_eq!(ride.path.kbps(), 700);
}

#[test]
fn a_low_estimate_that_climbs_again_holds_nothing_back() {
    let mut ride = Ride::new();
    ride.over(1, |_| 0.0, |_| Some(3000.0));
    let climbing = std::cell::Cell::new(100.0);
    let climb = |_| {
        climbing.set(climbing.get() * 1.04);
        Some(climbing.get())
    };
    ride.over(1, |_| 0.0, climb);
    assert_eq!(
        ride.path.kbps(),
        150,
        "to the floor by a viewer out of breath"
    );
    ride.over(20, |_| 0.0, climb);
    assert!(climbing.get() < 600.0);
    assert!(ride.path.kbps() > 2000, "{}", ride.path.kbps());
}

#[test]
fn an_estimate_above_what_is_sent_holds_nothing_back() {
    let mut ride = Ride::new();
    ride.over(2, policed(800.0), |_| None);
    ride.begun = ride.now;
    ride.over(20, |_| 0.0, |kbps| Some(kbps * 1.05));
    assert!(ride.path.kbps() > 2000, "{}", ride.path.kbps());
}

#[test]
fn a_released_path_is_used_again_within_fifteen_seconds() {
    let mut ride = Ride::new();
    ride.over(15, policed(800.0), |_| None);
    ride.begun = ride.now;
    let seconds = ride.seconds_until(2000);
    assert!(seconds <= 15, "{seconds} s");
}

#[test]
fn nothing_pushes_it_below_the_floor() {
    let mut ride = Ride::new();
    ride.over(30, |_| 0.9, |_| Some(10.0));
    assert_eq!(ride.path.kbps(), 150);
}

#[test]
fn a_handful_of_packets_proves_nothing() {
    let mut path = Path::new(LIMITS, start());
    let seen = Seen {
        sent: 3,
        lost: 3,
        sent_kbps: 20.0,
    };
    path.look(&seen, start() + LOOK_EVERY);
    assert_eq!(path.kbps(), 2500);
}
