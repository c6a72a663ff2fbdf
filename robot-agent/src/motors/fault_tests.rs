//! The thread on a board that fails, returns, hangs and panics.

use super::test_board::{FORWARD, Health, TestBoard, Told, for_long, full_speed, ms, wait_until};
use super::*;
use crate::drive::Wheels;

#[test]
fn a_board_that_fails_is_stopped_and_opened_again_and_the_motion_is_not_resumed() {
    let board = TestBoard::default();
    let (motors, _thread) = board.ready(full_speed());
    board.fares(Health::WillNotDrive);
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    wait_until("the fault", || motors.state().bus_errors > 0);
    wait_until("the stop", || {
        board.told()[..3] == [Told::Open, Told::Stop, Told::Stop]
    });
    board.fares(Health::Fine);
    wait_until("the board", || motors.state().fault.is_none());
    let tick = motors.state().tick;
    wait_until("some turns", || motors.state().tick > tick + 2);
    assert!(!board.told().contains(&FORWARD), "{:?}", board.told());
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    wait_until("the wheels", || board.last() == Some(FORWARD));
}

#[test]
fn a_board_that_goes_away_in_mid_motion_is_said_to_be_still_turning() {
    let board = TestBoard::default();
    let (motors, _thread) = board.ready(full_speed());
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    wait_until("the wheels", || board.last() == Some(FORWARD));
    let moving = motors.state().wheels;
    board.fares(Health::Gone);
    wait_until("the fault", || motors.state().fault.is_some());
    let state = motors.state();
    let fault = state.fault.unwrap();
    assert!(fault.contains("the test's board is broken"), "{fault}");
    assert!(fault.ends_with("the wheels may still turn"), "{fault}");
    assert_eq!(state.wheels, moving);
    wait_until("another attempt", || {
        motors.state().bus_errors > state.bus_errors
    });
    assert!(
        motors
            .state()
            .fault
            .unwrap()
            .ends_with("the wheels may still turn")
    );
    board.fares(Health::Fine);
    wait_until("the board", || motors.state().fault.is_none());
    assert_eq!(motors.state().wheels, Wheels::REST);
    assert_eq!(
        board.told(),
        [Told::Open, Told::Stop, FORWARD, Told::Open, Told::Stop]
    );
}

#[test]
fn a_board_that_is_absent_at_the_start_is_found_later_and_does_nothing_belated() {
    let board = TestBoard::with(Health::Gone);
    let (motors, _thread) = board.start(full_speed());
    wait_until("some attempts", || motors.state().bus_errors >= 3);
    assert_eq!(
        motors.state().fault.as_deref(),
        Some("cannot be opened: the test's board is broken")
    );
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    board.fares(Health::Fine);
    wait_until("the board", || motors.state().fault.is_none());
    let tick = motors.state().tick;
    wait_until("some turns", || motors.state().tick > tick + 2);
    assert_eq!(board.told(), [Told::Open, Told::Stop]);
}

#[test]
fn a_board_that_fails_at_rest_is_noticed_before_somebody_drives() {
    let board = TestBoard::default();
    let (motors, _thread) = board.ready(full_speed());
    board.fares(Health::FailsCheck);
    wait_until("the fault", || motors.state().fault.is_some());
    board.fares(Health::Fine);
    wait_until("the board", || motors.state().fault.is_none());
    assert!(motors.state().bus_errors >= 1);
}

#[tokio::test]
async fn a_panic_stops_the_board_and_ends_the_thread_for_all_to_see() {
    let board = TestBoard::default();
    let (motors, thread) = board.ready(full_speed());
    board.fares(Health::Panics);
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    thread.ended().await;
    assert_eq!(board.told(), [Told::Open, Told::Stop, Told::Stop]);
    let fault = motors.state().fault.unwrap();
    assert_eq!(fault, "the motor thread panicked: a defect in drive");
    let ended = thread.stop_and_join().unwrap_err();
    assert_eq!(ended.to_string(), fault);
}

#[tokio::test]
async fn a_panic_even_in_the_stop_still_ends_the_thread() {
    let board = TestBoard::default();
    let (motors, thread) = board.ready(full_speed());
    board.fares(Health::PanicsAlways);
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    thread.ended().await;
    assert!(matches!(thread.stop_and_join(), Err(Ended::Panicked(_))));
}

#[test]
fn the_tick_goes_on_at_rest_and_stands_still_while_a_write_hangs() {
    let board = TestBoard::default();
    let (motors, thread) = board.ready(full_speed());
    let tick = motors.state().tick;
    wait_until("the tick at rest", || motors.state().tick >= tick + 4);
    let gate = board.gate();
    motors.act(&for_long(), &Source::Mqtt).unwrap();
    wait_until("the write to hang", || {
        board.0.lock().unwrap().gate.is_none()
    });
    let stuck = motors.state().tick;
    for _ in 0..60 {
        motors.act(&for_long(), &Source::Mqtt).unwrap();
        std::thread::sleep(ms(10));
    }
    assert_eq!(
        motors.state().tick,
        stuck,
        "actions do not move the tick either"
    );
    assert!(matches!(thread.stop_within(ms(50)), Err(Ended::Hangs)));
    gate.send(()).unwrap();
    wait_until("the stop after all", || board.last() == Some(Told::Stop));
}
