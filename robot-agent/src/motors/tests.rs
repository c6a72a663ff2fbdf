//! The thread on a board that works.

use wire::{Action, Motion};

use super::test_board::{FORWARD, Health, TestBoard, Told, for_long, full_speed, ms, wait_until};
use super::*;
use crate::clock;
use crate::drive::{Dropped, Throttle, Wheels};

#[test]
fn a_start_is_a_stop_and_an_end_is_one_too() {
    let board = TestBoard::default();
    let (motors, thread) = board.ready(full_speed());
    assert_eq!(board.told(), [Told::Open, Told::Stop]);
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    wait_until("the wheels", || board.last() == Some(FORWARD));
    thread.stop_and_join().unwrap();
    assert_eq!(board.told(), [Told::Open, Told::Stop, FORWARD, Told::Stop]);
    assert_eq!(motors.state().wheels, Wheels::REST);
    assert_eq!(motors.state().fault, None);
}

#[test]
fn wheels_rest_after_the_pulse_even_if_every_handle_is_gone() {
    let board = TestBoard::default();
    let (motors, _thread) = board.ready(full_speed());
    let action = Action {
        duration_ms: Some(50),
        ..Action::new(Motion::Left)
    };
    let start = clock::now();
    motors.act(&action, &Source::Viewer("v".into())).unwrap();
    drop(motors);
    wait_until("the wheels", || {
        board.told().contains(&Told::Drive(-1.0, 1.0))
    });
    wait_until("silence to become rest", || {
        board.last() == Some(Told::Stop)
    });
    assert!(clock::now() - start >= ms(50), "the pulse was held");
}

#[test]
fn a_thread_that_nobody_keeps_stops_the_wheels() {
    let board = TestBoard::default();
    let (motors, thread) = board.ready(full_speed());
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    wait_until("the wheels", || board.last() == Some(FORWARD));
    drop(thread);
    wait_until("the stop", || board.last() == Some(Told::Stop));
}

#[test]
fn the_board_is_told_only_what_changes() {
    let board = TestBoard::default();
    let (motors, _thread) = board.ready(full_speed());
    for _ in 0..50 {
        motors.act(&for_long(), &Source::Mqtt).unwrap();
        std::thread::sleep(ms(1));
    }
    motors
        .act(&Action::new(Motion::Stop), &Source::Mqtt)
        .unwrap();
    wait_until("the stop", || board.last() == Some(Told::Stop));
    assert_eq!(board.told(), [Told::Open, Told::Stop, FORWARD, Told::Stop]);
    assert_eq!(motors.state().accepted, 51);
}

#[test]
fn a_ramp_is_followed_without_further_actions() {
    let board = TestBoard::default();
    let limits = Limits {
        ramp: ms(100),
        ..full_speed()
    };
    let (motors, _thread) = board.ready(limits);
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    wait_until("full speed", || board.last() == Some(FORWARD));
    let lefts: Vec<f64> = board
        .told()
        .iter()
        .filter_map(|told| match told {
            Told::Drive(left, _) => Some(*left),
            _ => None,
        })
        .collect();
    assert!(lefts.is_sorted(), "{lefts:?}");
    // One write for each step of 20 ms, and no more: a bus at 100 kHz takes a millisecond for each.
    assert!(lefts.len() <= 6, "{} writes", lefts.len());
}

/// One sender by two roads, at about a thousand actions a second in all.
fn flood(motors: &Motors, source: &Source, motion: Motion) {
    for seq in 0..500 {
        let action = Action {
            sender: Some("v".to_owned()),
            speed: Some(0.1 + 0.001 * f64::from(u32::try_from(seq).unwrap())),
            ..Action::new(motion)
        };
        motors.act(&action, source).unwrap();
        std::thread::sleep(ms(2));
    }
}

#[test]
fn the_newest_of_a_thousand_actions_a_second_by_two_roads_is_obeyed() {
    let board = TestBoard::default();
    let (motors, _thread) = board.ready(full_speed());
    let viewer = Source::Viewer("v".into());
    std::thread::scope(|scope| {
        scope.spawn(|| flood(&motors, &Source::Mqtt, Motion::Forward));
        scope.spawn(|| flood(&motors, &viewer, Motion::Left));
    });
    let last = Action {
        id: Some("last".to_owned()),
        ..for_long()
    };
    motors.act(&last, &viewer).unwrap();
    wait_until("the newest", || board.last() == Some(FORWARD));
    let state = motors.state();
    assert_eq!(
        (state.accepted, state.stale, state.out_of_order),
        (1001, 0, 0)
    );
    let shown = state.last_action.unwrap();
    assert_eq!(
        (shown.id.as_deref(), shown.action, shown.source),
        (Some("last"), "forward", viewer)
    );
    motors
        .act(&Action::new(Motion::Stop), &Source::Mqtt)
        .unwrap();
    wait_until("the stop", || board.last() == Some(Told::Stop));
}

#[test]
fn what_is_dropped_is_counted_and_moves_nothing() {
    let board = TestBoard::default();
    let (motors, thread) = board.ready(full_speed());
    let stale = Action {
        sent_at: Some(1),
        ..for_long()
    };
    assert_eq!(motors.act(&stale, &Source::Mqtt), Err(Dropped::Stale));
    let numbered = Action {
        seq: Some(7),
        ..Action::new(Motion::Stop)
    };
    motors.act(&numbered, &Source::Mqtt).unwrap();
    let overtaken = Action {
        seq: Some(7),
        ..for_long()
    };
    assert_eq!(
        motors.act(&overtaken, &Source::Mqtt),
        Err(Dropped::OutOfOrder)
    );
    let state = motors.state();
    assert_eq!((state.accepted, state.stale, state.out_of_order), (1, 1, 1));
    thread.stop_and_join().unwrap();
    assert!(!board.told().contains(&FORWARD));
}

#[test]
fn a_halt_stops_anyone_and_a_release_only_ones_own() {
    let board = TestBoard::default();
    let (motors, _thread) = board.ready(full_speed());
    let viewer = Source::Viewer("v".into());
    motors.act(&for_long(), &viewer).unwrap();
    wait_until("the wheels", || board.last() == Some(FORWARD));
    assert!(!motors.release("mqtt"));
    let tick = motors.state().tick;
    wait_until("a turn of the thread", || motors.state().tick > tick);
    assert_eq!(board.last(), Some(FORWARD));
    assert!(motors.release("v"));
    wait_until("the stop", || board.last() == Some(Told::Stop));
    motors.act(&for_long(), &viewer).unwrap();
    wait_until("the wheels", || board.last() == Some(FORWARD));
    motors.halt();
    wait_until("the stop", || board.last() == Some(Told::Stop));
}

#[tokio::test]
async fn whoever_listens_hears_of_wheels_and_faults() {
    let board = TestBoard::default();
    let (motors, _thread) = board.ready(full_speed());
    let mut changed = motors.changed();
    let mut hears = async |what: fn(&Motors) -> bool| {
        while !what(&motors) {
            changed.changed().await.unwrap();
        }
    };
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    hears(|motors| motors.state().wheels.left == Throttle::FULL).await;
    board.fares(Health::FailsCheck);
    hears(|motors| motors.state().fault.is_some()).await;
    assert!(motors.release("mqtt"));
    hears(|motors| motors.driver().is_none()).await;
}

#[test]
fn a_cold_stop_tells_the_board_and_a_missing_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let transcript = folder.path().join("transcript");
    let simulated = Settings {
        transcript: Some(transcript.clone()),
        ..Settings::new(Driver::Simulated)
    };
    stop(&simulated).unwrap();
    let text = std::fs::read_to_string(&transcript).unwrap();
    assert!(text.ends_with("\"stop\":true}\n"), "{text}");
    let missing = Settings {
        i2c_bus: folder.path().join("i2c-1"),
        ..Settings::new(Driver::AdafruitMotorHat)
    };
    let words = stop(&missing).unwrap_err().words();
    assert!(words.starts_with("cannot open the I2C bus"), "{words}");
}

#[test]
fn each_board_has_its_samples_defaults() {
    for (driver, stop, speed) in [
        (Driver::ExplorerHat, StopMode::Coast, 0.5),
        (Driver::AdafruitMotorHat, StopMode::Brake, 0.7),
        (Driver::Simulated, StopMode::Coast, 0.5),
    ] {
        assert_eq!(Settings::new(driver).stop, stop);
        assert_eq!(driver.default_speed().get().to_bits(), f64::to_bits(speed));
        assert!(
            driver
                .outputs()
                .contains(&Settings::new(driver).left.output)
        );
        assert!(
            driver
                .outputs()
                .contains(&Settings::new(driver).right.output)
        );
    }
}
