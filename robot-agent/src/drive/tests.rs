//! What each action does, in tables; time is an argument throughout.

use std::time::{Duration, Instant};

use wire::{Action, Motion};

use super::running::RAMP_STEP;
use super::*;

/// The wall clock when the tests begin.
pub(super) const UNIX_MS: u64 = 1_763_690_000_000;

/// Some instant to count from: the tests never look at the clock again.
#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
fn epoch() -> Instant {
    Instant::now()
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn wheels(left: f64, right: f64) -> Wheels {
    Wheels {
        left: Throttle::new(left).unwrap(),
        right: Throttle::new(right).unwrap(),
    }
}

pub(super) fn viewer(id: &str) -> Source {
    Source::Viewer(id.into())
}

pub(super) fn full_speed() -> Limits {
    Limits {
        speed: Throttle::FULL,
        ..Limits::default()
    }
}

pub(super) fn numbered(motion: Motion, seq: u64) -> Action {
    Action {
        seq: Some(seq),
        ..Action::new(motion)
    }
}

/// A drive, the time, and the wall clock running beside it.
pub(super) struct Bench {
    pub(super) drive: Drive,
    start: Instant,
    pub(super) now: Instant,
}

impl Bench {
    pub(super) fn new(limits: Limits) -> Self {
        let start = epoch();
        Self {
            drive: Drive::new(limits, start, 0.5),
            start,
            now: start,
        }
    }

    pub(super) fn unix_ms(&self) -> u64 {
        UNIX_MS + u64::try_from((self.now - self.start).as_millis()).unwrap()
    }

    pub(super) fn just_sent<'a>(&self, action: &'a Action, source: &'a Source) -> Arrival<'a> {
        Arrival {
            action,
            source,
            sent_after: Some(self.now),
            now: self.now,
            unix_ms: self.unix_ms(),
        }
    }

    pub(super) fn accept(&mut self, action: &Action) -> Result<(), Dropped> {
        self.accept_from(action, &Source::Mqtt)
    }

    pub(super) fn accept_from(&mut self, action: &Action, source: &Source) -> Result<(), Dropped> {
        let arrival = self.just_sent(action, source);
        self.drive.accept(&arrival)
    }

    pub(super) fn after(&mut self, duration: Duration) -> Wheels {
        self.now += duration;
        self.drive.wheels(self.now)
    }
}

#[test]
fn each_word_turns_the_wheels_its_way() {
    use Motion::{Backwards, Drive, Forward, Left, Right, Stop};
    for (motion, speed, left, right) in [
        (Forward, None, 0.5, 0.5),
        (Backwards, None, -0.5, -0.5),
        (Left, None, -0.5, 0.5),
        (Right, None, 0.5, -0.5),
        (Stop, None, 0.0, 0.0),
        (Forward, Some(1.0), 1.0, 1.0),
        (Left, Some(0.25), -0.25, 0.25),
        (
            Drive {
                linear: 0.5,
                angular: -0.25,
            },
            Some(1.0),
            0.75,
            0.25,
        ),
        (
            Drive {
                linear: 0.5,
                angular: -0.25,
            },
            None,
            0.375,
            0.125,
        ),
        (
            Drive {
                linear: 0.0,
                angular: 0.0,
            },
            Some(1.0),
            0.0,
            0.0,
        ),
    ] {
        let mut bench = Bench::new(Limits::default());
        let action = Action {
            speed,
            ..Action::new(motion)
        };
        bench.accept(&action).unwrap();
        assert_eq!(bench.after(ms(0)), wheels(left, right), "{action:?}");
    }
}

#[test]
fn the_mix_keeps_the_turn_and_gives_up_the_way_forward() {
    for (linear, angular, left, right) in [
        (1.0, 0.0, 1.0, 1.0),
        (1.0, 1.0, -1.0, 1.0),
        (1.0, 0.25, 0.5, 1.0),
        (-1.0, 0.25, -1.0, -0.5),
        (-1.0, -0.5, 0.0, -1.0),
        (f64::NAN, 2.0, -1.0, 1.0),
    ] {
        assert_eq!(
            Wheels::mix(linear, angular),
            wheels(left, right),
            "{linear} {angular}"
        );
    }
}

#[test]
fn an_action_holds_for_its_duration_and_not_a_moment_longer() {
    for (duration_ms, holds) in [
        (None, 200),
        (Some(1), 1),
        (Some(700), 700),
        (Some(9000), 2000),
    ] {
        let mut bench = Bench::new(Limits::default());
        let action = Action {
            duration_ms,
            ..Action::new(Motion::Forward)
        };
        bench.accept(&action).unwrap();
        let end = bench.now + ms(holds);
        assert_eq!(bench.drive.next_change(bench.now), Some(end));
        assert_ne!(
            bench.drive.wheels(end - Duration::from_nanos(1)),
            Wheels::REST
        );
        assert_eq!(bench.drive.wheels(end), Wheels::REST);
        assert_eq!(bench.drive.next_change(end), None);
    }
}

#[test]
fn a_new_action_replaces_the_running_one_at_once_and_nothing_queues() {
    let mut bench = Bench::new(full_speed());
    let long = Action {
        duration_ms: Some(2000),
        ..Action::new(Motion::Forward)
    };
    bench.accept(&long).unwrap();
    bench.now += ms(50);
    bench.accept(&Action::new(Motion::Left)).unwrap();
    assert_eq!(bench.after(ms(0)), wheels(-1.0, 1.0));
    assert_eq!(
        bench.after(ms(200)),
        Wheels::REST,
        "the first action does not come back"
    );
}

#[test]
fn a_stop_is_obeyed_from_anyone_however_old_and_whatever_its_number() {
    let mut bench = Bench::new(full_speed());
    bench.accept(&numbered(Motion::Forward, 7)).unwrap();
    let stop = Action {
        sent_at: Some(1),
        ..numbered(Motion::Stop, 3)
    };
    bench.accept_from(&stop, &viewer("b")).unwrap();
    assert_eq!(bench.after(ms(0)), Wheels::REST);
    bench.now += ms(3000);
    bench.accept(&numbered(Motion::Forward, 8)).unwrap();
    bench.accept(&stop).unwrap();
    assert_eq!(bench.after(ms(0)), Wheels::REST);
}

#[test]
fn halting_ends_any_motion_and_releasing_only_ones_own() {
    let mut bench = Bench::new(full_speed());
    bench
        .accept_from(&Action::new(Motion::Forward), &viewer("a"))
        .unwrap();
    bench.drive.release("b");
    assert_eq!(bench.after(ms(0)), wheels(1.0, 1.0));
    bench.drive.release("a");
    assert_eq!(bench.after(ms(0)), Wheels::REST);
    bench.accept(&Action::new(Motion::Forward)).unwrap();
    bench.drive.halt();
    assert_eq!(bench.after(ms(0)), Wheels::REST);
}

#[test]
fn a_slow_network_leaves_less_speed_and_then_only_turning() {
    for (age_ms, motion, left, right, turn_only) in [
        (100, Motion::Forward, 1.0, 1.0, None),
        (475, Motion::Forward, 0.625, 0.625, Some(false)),
        (900, Motion::Forward, 0.0, 0.0, Some(true)),
        (900, Motion::Left, -0.25, 0.25, Some(true)),
    ] {
        let mut bench = Bench::new(full_speed());
        bench.now += ms(1000);
        let action = Action {
            clock_ms: Some(bench.drive.clock_ms(bench.now) - age_ms),
            ..Action::new(motion)
        };
        bench.accept(&action).unwrap();
        assert_eq!(bench.after(ms(0)), wheels(left, right), "{age_ms} ms");
        let limit = bench.drive.speed_limit(bench.now);
        assert_eq!(limit.map(|limit| limit.turn_only), turn_only);
        assert!(limit.is_none_or(|limit| limit.age_ms == age_ms));
        bench.now += SLOWED_IS_NEWS;
        assert_eq!(bench.drive.speed_limit(bench.now), None);
    }
}

#[test]
fn a_ramp_delays_more_power_only() {
    let mut bench = Bench::new(Limits {
        ramp: ms(400),
        pulse: ms(1000),
        ..full_speed()
    });
    let at = |motion, speed| Action {
        speed: Some(speed),
        ..Action::new(motion)
    };
    bench.accept(&Action::new(Motion::Forward)).unwrap();
    assert_eq!(bench.after(ms(0)), wheels(0.2, 0.2));
    assert_eq!(
        bench.drive.next_change(bench.now),
        Some(bench.now + RAMP_STEP)
    );
    assert_eq!(bench.after(ms(100)), wheels(0.45, 0.45));
    // A key held down sends the same again: the ramp goes on where it was.
    bench.accept(&Action::new(Motion::Forward)).unwrap();
    assert_eq!(bench.after(ms(100)), wheels(0.7, 0.7));
    bench.accept(&at(Motion::Forward, 0.25)).unwrap();
    assert_eq!(bench.after(ms(0)), wheels(0.25, 0.25), "less at once");
    bench.accept(&at(Motion::Left, 0.5)).unwrap();
    assert_eq!(
        bench.after(ms(0)),
        wheels(-0.2, 0.25),
        "a reversal is through zero at once"
    );
    assert_eq!(bench.after(ms(100)), wheels(-0.45, 0.5));
    assert_eq!(bench.after(ms(100)), wheels(-0.5, 0.5));
    assert_eq!(
        bench.drive.next_change(bench.now),
        Some(bench.now + ms(800))
    );
    bench.accept(&Action::new(Motion::Stop)).unwrap();
    assert_eq!(bench.after(ms(0)), Wheels::REST);
}

#[test]
fn who_lets_go_rests_softly_and_who_stops_at_once() {
    let drive = |linear| {
        Action::new(Motion::Drive {
            linear,
            angular: 0.0,
        })
    };
    let mut bench = Bench::new(Limits {
        ramp: ms(400),
        ..full_speed()
    });
    for _ in 0..10 {
        bench.accept(&drive(1.0)).unwrap();
        bench.now += ms(100);
    }
    bench.accept(&drive(1.0)).unwrap();
    bench.accept(&drive(0.0)).unwrap();
    assert_eq!(bench.after(ms(0)), wheels(1.0, 1.0));
    assert_eq!(
        bench.drive.next_change(bench.now),
        Some(bench.now + RAMP_STEP)
    );
    assert_eq!(bench.after(ms(60)), wheels(0.6, 0.6));
    // The page repeats it, as the network may lose one; that does not make it longer.
    bench.accept(&drive(0.0)).unwrap();
    assert_eq!(bench.after(ms(90)), Wheels::REST);

    bench.accept(&drive(1.0)).unwrap();
    bench.now += ms(190);
    bench.accept(&drive(0.0)).unwrap();
    assert_ne!(bench.after(ms(9)), Wheels::REST);
    assert_eq!(bench.after(ms(1)), Wheels::REST, "never later than silence");

    bench.accept(&drive(1.0)).unwrap();
    bench.now += ms(100);
    bench.accept(&Action::new(Motion::Stop)).unwrap();
    assert_eq!(bench.after(ms(0)), Wheels::REST);
}
