//! What is dropped, and what is not: too old, overtaken, seen before.

use wire::{Action, Motion};

use super::tests::{Bench, UNIX_MS, full_speed, ms, numbered, viewer};
use super::*;

fn named(sender: &str, seq: u64) -> Action {
    Action {
        sender: Some(sender.to_owned()),
        ..numbered(Motion::Forward, seq)
    }
}

#[test]
fn what_a_stop_overtook_does_not_start_the_wheels_again() {
    let mut bench = Bench::new(full_speed());
    bench.accept(&numbered(Motion::Forward, 7)).unwrap();
    bench.accept(&numbered(Motion::Stop, 9)).unwrap();
    bench.now += ms(5);
    assert_eq!(
        bench.accept(&numbered(Motion::Forward, 8)),
        Err(Dropped::OutOfOrder)
    );
    assert_eq!(bench.after(ms(0)), Wheels::REST);
    bench.accept(&numbered(Motion::Forward, 10)).unwrap();
}

#[test]
fn an_old_stop_does_not_take_the_count_back() {
    let mut bench = Bench::new(full_speed());
    bench.accept(&numbered(Motion::Forward, 7)).unwrap();
    bench.accept(&numbered(Motion::Stop, 2)).unwrap();
    assert_eq!(
        bench.accept(&numbered(Motion::Forward, 5)),
        Err(Dropped::OutOfOrder)
    );
}

#[test]
fn an_action_sent_too_long_ago_is_stale() {
    for (stale_ms, age_ms, accepted) in [
        (1000, 0, true),
        (1000, 1000, true),
        (1000, 1001, false),
        (0, 1_000_000, true),
    ] {
        let mut bench = Bench::new(Limits {
            stale: ms(stale_ms),
            ..Limits::default()
        });
        let action = Action {
            sent_at: Some(UNIX_MS - age_ms),
            ..Action::new(Motion::Forward)
        };
        let expected = if accepted {
            Ok(())
        } else {
            Err(Dropped::Stale)
        };
        assert_eq!(bench.accept(&action), expected, "{age_ms} ms old");
        assert_eq!(bench.after(ms(0)) != Wheels::REST, accepted);
    }
}

#[test]
fn a_stale_action_does_not_raise_the_count() {
    let mut bench = Bench::new(Limits::default());
    let stale = Action {
        sent_at: Some(1),
        ..numbered(Motion::Forward, 100)
    };
    assert_eq!(bench.accept(&stale), Err(Dropped::Stale));
    bench.accept(&numbered(Motion::Forward, 1)).unwrap();
}

#[test]
fn a_sender_counts_over_all_its_roads() {
    let mut bench = Bench::new(Limits::default());
    bench.accept(&named("page", 5)).unwrap();
    let by_channel = numbered(Motion::Forward, 5);
    assert_eq!(
        bench.accept_from(&by_channel, &viewer("page")),
        Err(Dropped::OutOfOrder)
    );
    bench
        .accept_from(&numbered(Motion::Forward, 6), &viewer("page"))
        .unwrap();
}

#[test]
fn a_viewer_who_calls_itself_by_anothers_name_stays_itself() {
    let mut bench = Bench::new(Limits::default());
    bench
        .accept_from(&named("page", 900), &viewer("v"))
        .unwrap();
    bench.drive.release("v");
    bench.accept(&named("page", 5)).unwrap();
}

#[test]
fn a_sender_that_starts_anew_is_heard_after_three_quiet_seconds() {
    let mut bench = Bench::new(Limits::default());
    bench.accept(&named("page", 900)).unwrap();
    for _ in 0..29 {
        bench.now += ms(100);
        assert_eq!(bench.accept(&named("page", 1)), Err(Dropped::OutOfOrder));
    }
    bench.now += ms(100);
    bench.accept(&named("page", 1)).unwrap();
}

#[test]
fn no_more_than_sixteen_senders_are_remembered_and_the_quietest_goes_first() {
    let mut bench = Bench::new(Limits::default());
    for i in 0..1000 {
        bench.now += ms(1);
        bench.accept(&named(&format!("sender {i}"), 7)).unwrap();
        bench.drive.release(&format!("sender {i}"));
    }
    assert_eq!(bench.drive.sequence.remembered(), 16);
    assert_eq!(
        bench.accept(&named("sender 984", 7)),
        Err(Dropped::OutOfOrder)
    );
    bench.accept(&named("sender 983", 7)).unwrap();
}
