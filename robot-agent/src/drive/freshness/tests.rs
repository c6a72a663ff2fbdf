//! What is too old, whatever the clocks say.

use std::time::Duration;

use wire::{Action, Motion};

use crate::drive::tests::{Bench, UNIX_MS, full_speed, ms, viewer};
use crate::drive::{Dropped, Limits, Source};

impl Bench {
    /// The robot's clock, as telemetry would tell it now.
    fn clock_ms(&self) -> u64 {
        self.drive.clock_ms(self.now)
    }

    /// Forward, given by the robot's clock.
    fn stamped(clock_ms: u64) -> Action {
        Action {
            clock_ms: Some(clock_ms),
            ..Action::new(Motion::Forward)
        }
    }

    /// Forward, sent at this time of day by its sender's clock.
    fn sent_at(sent_at: u64) -> Action {
        Action {
            sent_at: Some(sent_at),
            ..Action::new(Motion::Forward)
        }
    }

    /// What becomes of an action of which the robot knows only that it was `sent_after` ago.
    fn unstamped(&mut self, source: &Source, sent_after: Option<Duration>) -> Result<(), Dropped> {
        let action = Action::new(Motion::Forward);
        let mut arrival = self.just_sent(&action, source);
        arrival.sent_after = sent_after.map(|ago| self.now - ago);
        self.drive.accept(&arrival)
    }
}

/// A bench at a minute after its start, so that there is a past.
fn bench() -> Bench {
    let mut bench = Bench::new(full_speed());
    bench.now += ms(60_000);
    bench
}

#[test]
fn an_action_is_worth_nothing_a_second_after_it_was_given_by_the_robots_clock() {
    for (age_ms, fresh) in [(0, true), (1000, true), (1001, false), (25_000, false)] {
        let mut bench = bench();
        let action = Bench::stamped(bench.clock_ms() - age_ms);
        let expected = if fresh { Ok(()) } else { Err(Dropped::Stale) };
        assert_eq!(bench.accept(&action), expected, "{age_ms} ms old");
    }
}

#[test]
fn a_stamp_of_another_start_of_the_robot_is_stale_and_rounding_is_not() {
    for (ahead_ms, fresh) in [(250, true), (251, false), (1 << 40, false)] {
        let mut bench = bench();
        let action = Bench::stamped(bench.clock_ms() + ahead_ms);
        let expected = if fresh { Ok(()) } else { Err(Dropped::Stale) };
        assert_eq!(bench.accept(&action), expected, "{ahead_ms} ms ahead");
    }
    assert_eq!(bench().accept(&Bench::stamped(0)), Err(Dropped::Stale));
}

#[test]
fn beside_the_robots_clock_no_other_counts() {
    let mut bench = bench();
    let action = Action {
        sent_at: Some(1),
        ..Bench::stamped(bench.clock_ms())
    };
    let mut arrival = bench.just_sent(&action, &Source::Mqtt);
    arrival.sent_after = None;
    bench.drive.accept(&arrival).unwrap();
}

#[test]
fn an_unstamped_action_needs_proof_that_it_was_just_sent() {
    for (sent_after, fresh) in [
        (Some(ms(0)), true),
        (Some(ms(1250)), true),
        (Some(ms(1251)), false),
        (None, false),
    ] {
        let expected = if fresh { Ok(()) } else { Err(Dropped::Stale) };
        let became = bench().unstamped(&Source::Mqtt, sent_after);
        assert_eq!(became, expected, "{sent_after:?}");
    }
}

#[test]
fn what_waited_while_the_process_stood_still_is_not_trusted_unless_stamped() {
    let mut bench = bench();
    bench.drive.turned(bench.now);
    bench.now += ms(751);
    let anna = viewer("anna");
    // Before the motor thread runs again, and for a while after.
    assert_eq!(bench.unstamped(&anna, Some(ms(0))), Err(Dropped::Stale));
    bench.drive.turned(bench.now);
    bench.now += ms(499);
    bench.drive.turned(bench.now);
    assert_eq!(bench.unstamped(&anna, Some(ms(0))), Err(Dropped::Stale));
    let stamped = Bench::stamped(bench.clock_ms());
    bench.accept_from(&stamped, &anna).unwrap();
    bench.now += ms(1);
    bench.unstamped(&anna, Some(ms(0))).unwrap();
}

#[test]
fn a_sender_whose_clock_is_wrong_by_anything_is_obeyed_after_a_second() {
    const HOUR_MS: u64 = 3_600_000;
    for sent_at in [UNIX_MS - HOUR_MS, UNIX_MS + HOUR_MS, UNIX_MS - 3000, 5000] {
        let mut bench = bench();
        for n in 0..20 {
            let became = bench.accept(&Bench::sent_at(sent_at + 100 * n));
            let expected = if n < 10 { Err(Dropped::Stale) } else { Ok(()) };
            assert_eq!(became, expected, "{sent_at}, action {n}");
            bench.now += ms(100);
        }
        let old = bench.accept(&Bench::sent_at(sent_at + 100 * 20 - 1100));
        assert_eq!(
            old,
            Err(Dropped::Stale),
            "{sent_at}: one that took 1.1 s longer"
        );
    }
}

#[test]
fn a_single_order_of_long_ago_is_not_obeyed_whatever_the_clocks_say() {
    let mut bench = bench();
    let late = Bench::sent_at(bench.unix_ms() - 13_000);
    assert_eq!(bench.accept(&late), Err(Dropped::Stale));
}

#[test]
fn the_robots_time_of_day_may_jump_while_it_is_driven() {
    let mut bench = bench();
    bench.accept(&Bench::sent_at(bench.unix_ms())).unwrap();
    for hours in [-1, 1, 48] {
        bench.now += ms(100);
        let action = Bench::sent_at(bench.unix_ms());
        let mut arrival = bench.just_sent(&action, &Source::Mqtt);
        arrival.unix_ms = arrival.unix_ms.saturating_add_signed(hours * 3_600_000);
        bench.drive.accept(&arrival).unwrap();
    }
}

#[test]
fn with_a_limit_of_zero_nothing_is_stale() {
    let mut bench = Bench::new(Limits {
        stale: Duration::ZERO,
        ..full_speed()
    });
    bench.accept(&Bench::stamped(1)).unwrap();
    bench.unstamped(&Source::Mqtt, None).unwrap();
}
