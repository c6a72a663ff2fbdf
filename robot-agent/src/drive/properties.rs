//! What holds for any sequence of actions at any times.

use proptest::prelude::*;
use wire::{Action, Motion};

use super::running::RAMP_STEP;
use super::tests::{Bench, UNIX_MS, full_speed, ms, viewer};
use super::*;

#[derive(Clone, Debug)]
struct Step {
    wait_ms: u64,
    action: Action,
    viewer: bool,
}

fn motion() -> impl Strategy<Value = Motion> {
    prop_oneof![
        Just(Motion::Forward),
        Just(Motion::Backwards),
        Just(Motion::Left),
        Just(Motion::Right),
        Just(Motion::Stop),
        (-1.0f64..=1.0, -1.0f64..=1.0)
            .prop_map(|(linear, angular)| Motion::Drive { linear, angular }),
    ]
}

prop_compose! {
    fn step()(
        wait_ms in prop_oneof![0..20u64, 0..500u64, 0..4000u64],
        motion in motion(),
        speed in proptest::option::of(0.01f64..=1.0),
        duration_ms in proptest::option::of(1..=10_000u64),
        seq in proptest::option::of(0..20u64),
        sent_at in proptest::option::of(UNIX_MS - 1500..UNIX_MS + 20_000),
        sender in proptest::option::of("[ab]"),
        viewer in any::<bool>(),
    ) -> Step {
        let action = Action { speed, duration_ms, seq, sent_at, sender, ..Action::new(motion) };
        Step { wait_ms, action, viewer }
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    (0.01f64..=1.0, prop_oneof![Just(0), 1..1000u64]).prop_map(|(speed, ramp_ms)| Limits {
        speed: Throttle::new(speed).unwrap(),
        ramp: ms(ramp_ms),
        ..Limits::default()
    })
}

fn same_side_and_no_more(ramped: Throttle, at_once: Throttle) -> bool {
    let (ramped, at_once) = (ramped.get(), at_once.get());
    ramped.abs() <= at_once.abs() && ramped * at_once >= 0.0
}

proptest! {
    #[test]
    fn wheels_rest_once_the_last_accepted_action_is_over(
        limits in limits(),
        steps in proptest::collection::vec(step(), 0..40),
        looks in proptest::collection::vec(0..4000u64, 8),
    ) {
        let mut bench = Bench::new(limits);
        let mut at_once = Drive::new(Limits { ramp: Duration::ZERO, ..limits }, bench.now, 0.5);
        let mut over = bench.now;
        for step in steps {
            bench.now += ms(step.wait_ms);
            let source = if step.viewer { viewer("v") } else { Source::Mqtt };
            let before = bench.drive.wheels(bench.now);
            let arrival = bench.just_sent(&step.action, &source);
            let accepted = bench.drive.accept(&arrival);
            prop_assert_eq!(at_once.accept(&arrival), accepted);
            if accepted.is_err() {
                prop_assert_ne!(step.action.motion, Motion::Stop);
                prop_assert_eq!(bench.drive.wheels(bench.now), before, "dropped means unchanged");
            } else if step.action.motion == Motion::Stop {
                over = bench.now;
            } else {
                over = bench.now + step.action.duration_ms.map_or(limits.pulse, ms).min(limits.pulse_max);
            }
            for &look in &looks {
                let then = bench.now + ms(look);
                let seen = bench.drive.wheels(then);
                prop_assert!(seen.left.get().abs() <= 1.0 && seen.right.get().abs() <= 1.0);
                prop_assert!(then < over || seen == Wheels::REST, "turning {look} ms on");
                let target = at_once.wheels(then);
                prop_assert!(same_side_and_no_more(seen.left, target.left));
                prop_assert!(same_side_and_no_more(seen.right, target.right));
            }
        }
    }

    #[test]
    fn nothing_but_an_accepted_action_starts_the_wheels(
        limits in limits(),
        looks in proptest::collection::vec(0..10_000u64, 1..20),
        ages in proptest::collection::vec(1001..100_000u64, 0..10),
    ) {
        let mut bench = Bench::new(limits);
        for age in ages {
            let stale = Action { sent_at: Some(UNIX_MS - age), ..Action::new(Motion::Forward) };
            prop_assert_eq!(bench.accept(&stale), Err(Dropped::Stale));
        }
        bench.drive.halt();
        prop_assert_eq!(bench.drive.next_change(bench.now), None);
        for look in looks {
            prop_assert_eq!(bench.drive.wheels(bench.now + ms(look)), Wheels::REST);
        }
    }

    #[test]
    fn who_sleeps_until_the_next_change_misses_none(
        limits in limits(),
        motion in motion(),
        duration_ms in 1..3000u64,
        fraction in 0.0f64..1.0,
    ) {
        let mut bench = Bench::new(limits);
        let action = Action { duration_ms: Some(duration_ms), ..Action::new(motion) };
        bench.accept(&action).unwrap();
        let mut turns = 0;
        while let Some(next) = bench.drive.next_change(bench.now) {
            prop_assert!(next > bench.now, "no turn without progress");
            let between = bench.now + (next - bench.now).mul_f64(fraction);
            let (now, then) = (bench.drive.wheels(bench.now), bench.drive.wheels(between));
            // A ramp is followed in steps; everything else is exact.
            let step = if limits.ramp.is_zero() { 0.0 } else {
                RAMP_STEP.as_secs_f64() / limits.ramp.as_secs_f64() + 1e-9
            };
            prop_assert!((now.left.get() - then.left.get()).abs() <= step);
            prop_assert!((now.right.get() - then.right.get()).abs() <= step);
            bench.now = next;
            turns += 1;
            prop_assert!(turns <= 2 + limits.ramp.as_millis() / RAMP_STEP.as_millis() + 1);
        }
        prop_assert_eq!(bench.drive.wheels(bench.now), Wheels::REST);
    }

    #[test]
    fn the_turn_survives_any_mix(linear in -1.0f64..=1.0, angular in -1.0f64..=1.0) {
        let mixed = Wheels::mix(linear, angular);
        let turn = (mixed.right.get() - mixed.left.get()) / 2.0;
        let forward = (mixed.right.get() + mixed.left.get()) / 2.0;
        prop_assert!((turn - angular).abs() < 1e-12);
        prop_assert!(forward.abs() <= linear.abs() + 1e-12);
    }

    #[test]
    fn a_throttle_is_never_beyond_full_power(value in any::<f64>()) {
        let throttle = Throttle::saturating(value).get();
        prop_assert!((-1.0..=1.0).contains(&throttle));
        prop_assert_eq!(Throttle::new(value).is_some(), (-1.0..=1.0).contains(&value));
    }
}

/// One order, and the report that its sender heard last before it.
#[derive(Clone, Debug)]
struct Exchange {
    gap_ms: u64,
    report_takes_ms: u64,
    order_takes_ms: u64,
    seq: Option<u64>,
}

/// Mostly quick, now and then a stall, and bursts when one ends.
fn takes_ms() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..80u64, 2 => 80..1500u64, 1 => 1500..30_000u64]
}

prop_compose! {
    fn exchange()(
        gap_ms in prop_oneof![Just(0), 0..200u64, 0..5000u64],
        report_takes_ms in takes_ms(),
        order_takes_ms in takes_ms(),
        seq in proptest::option::of(0..50u64),
    ) -> Exchange {
        Exchange { gap_ms, report_takes_ms, order_takes_ms, seq }
    }
}

proptest! {
    /// Whatever the two networks do, whichever clocks are wrong, and though the time of day
    /// jumps at each action.
    #[test]
    fn no_wheel_turns_on_a_stamped_action_later_than_its_age_allows(
        exchanges in proptest::collection::vec(exchange(), 1..60),
        offset_ms in -1_000_000_000i64..1_000_000_000,
        jumps_ms in proptest::collection::vec(any::<u32>(), 60),
        in_order in any::<bool>(),
    ) {
        let mut bench = Bench::new(full_speed());
        let start = bench.now;
        let robot_ms = |at_ms: u64| bench.drive.clock_ms(start + ms(at_ms));
        // (when it arrives, when it was given, its action)
        let mut orders = Vec::new();
        let mut heard: Vec<(u64, i64)> = Vec::new();
        let (mut at_ms, mut arrived_ms) = (0, 0);
        for exchange in exchanges {
            at_ms += exchange.gap_ms;
            let local_ms = |robot_ms: u64| i64::try_from(robot_ms).unwrap() + offset_ms;
            let received_ms = at_ms + exchange.report_takes_ms;
            let report = i64::try_from(robot_ms(at_ms)).unwrap();
            heard.push((received_ms, report - local_ms(received_ms)));
            // The largest offset is that of the quickest report so far.
            let quickest = heard.iter().filter(|(by, _)| *by <= at_ms).map(|(_, offset)| *offset).max();
            let Some(quickest) = quickest else { continue };
            arrived_ms = if in_order { arrived_ms.max(at_ms + exchange.order_takes_ms) } else { at_ms + exchange.order_takes_ms };
            let action = Action {
                clock_ms: u64::try_from(local_ms(at_ms) + quickest).ok(),
                sent_at: Some(UNIX_MS),
                seq: exchange.seq,
                ..Action::new(Motion::Forward)
            };
            orders.push((arrived_ms, at_ms, action));
        }
        orders.sort_by_key(|(arrives, ..)| *arrives);
        for ((arrives_ms, given_ms, action), jump) in orders.into_iter().zip(jumps_ms) {
            bench.now = start + ms(arrives_ms);
            let mut arrival = bench.just_sent(&action, &Source::Mqtt);
            arrival.unix_ms = u64::from(jump) * 1000;
            arrival.sent_after = None;
            if bench.drive.accept(&arrival).is_ok() {
                let age_ms = arrives_ms - given_ms;
                prop_assert!(age_ms <= 1000 + 250, "obeyed after {age_ms} ms");
            }
        }
    }

    #[test]
    fn no_stamp_for_an_earlier_start_of_the_robot_moves_a_later_one(
        before in 0.0f64..1.0,
        now in 0.0f64..1.0,
        ran_ms in 0..1_000_000u64,
    ) {
        prop_assume!((before - now).abs() > 1e-6);
        let earlier = Bench::new(full_speed());
        let earlier = Drive::new(full_speed(), earlier.now, before).clock_ms(earlier.now + ms(ran_ms));
        let mut bench = Bench::new(full_speed());
        bench.drive = Drive::new(full_speed(), bench.now, now);
        let action = Action { clock_ms: Some(earlier), ..Action::new(Motion::Forward) };
        prop_assert_eq!(bench.accept(&action), Err(Dropped::Stale));
    }
}
