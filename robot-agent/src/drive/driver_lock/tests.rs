//! Who may move the robot, whoever else holds a key.

use wire::{Action, Motion};

use crate::drive::tests::{Bench, full_speed, ms, viewer};
use crate::drive::{Dropped, Source, Wheels};

fn forward() -> Action {
    Action::new(Motion::Forward)
}

fn stop() -> Action {
    Action::new(Motion::Stop)
}

/// What a page sends when a key is let go.
fn let_go() -> Action {
    Action::new(Motion::Drive {
        linear: 0.0,
        angular: 0.0,
    })
}

impl Bench {
    fn drives(&mut self, source: &Source) -> bool {
        self.accept_from(&forward(), source).is_ok()
    }

    fn driver(&self) -> Option<String> {
        self.drive.driver(self.now).map(|driver| driver.id)
    }
}

fn bench() -> (Bench, Source, Source) {
    (Bench::new(full_speed()), viewer("anna"), viewer("bert"))
}

#[test]
fn the_first_to_press_drives_by_whatever_road_and_others_do_not() {
    let (mut bench, anna, bert) = bench();
    assert_eq!(bench.driver(), None);
    assert!(bench.drives(&anna));
    assert_eq!(
        bench.accept_from(&forward(), &bert),
        Err(Dropped::NotDriver)
    );
    assert_eq!(bench.accept(&forward()), Err(Dropped::NotDriver));
    assert!(bench.drives(&anna));
    assert_eq!(bench.driver().as_deref(), Some("anna"));
}

#[test]
fn a_page_that_changes_its_road_goes_on_driving() {
    let long = "anna".repeat(20);
    let by_http = &long[..wire::action::MAX_NAME_BYTES];
    for (by_channel, by_mqtt) in [(None, None), (Some(&*long), Some(by_http))] {
        let (mut bench, anna, _) = bench();
        let forward = |user: Option<&str>, sender: Option<&str>| Action {
            user: user.map(str::to_owned),
            sender: sender.map(str::to_owned),
            ..forward()
        };
        bench
            .accept_from(&forward(by_channel, None), &anna)
            .unwrap();
        bench.accept(&forward(by_mqtt, Some("anna"))).unwrap();
    }
}

#[test]
fn three_seconds_of_silence_free_the_robot() {
    let (mut bench, anna, bert) = bench();
    assert!(bench.drives(&anna));
    bench.now += ms(2_999);
    assert!(!bench.drives(&bert));
    bench.accept_from(&let_go(), &bert).unwrap_err();
    bench.now += ms(1);
    assert!(bench.drives(&bert));
    assert!(!bench.drives(&anna));
}

#[test]
fn a_key_that_was_held_while_another_drove_starts_nothing_when_the_robot_is_free() {
    let (mut bench, anna, bert) = bench();
    assert!(bench.drives(&anna));
    assert!(!bench.drives(&bert));
    assert!(bench.drive.release("anna"));
    for _ in 0..50 {
        bench.now += ms(100);
        assert!(!bench.drives(&bert), "still the same press");
    }
    bench.accept_from(&let_go(), &bert).unwrap();
    assert!(bench.drives(&bert), "pressed anew");
}

#[test]
fn anothers_stop_holds_the_driver_until_they_let_go() {
    let (mut bench, anna, bert) = bench();
    assert!(bench.drives(&anna));
    bench.accept_from(&stop(), &bert).unwrap();
    for _ in 0..50 {
        bench.now += ms(100);
        assert_eq!(
            bench.accept_from(&forward(), &anna),
            Err(Dropped::NotDriver)
        );
        assert_eq!(bench.after(ms(0)), Wheels::REST);
    }
    assert_eq!(bench.driver(), None);
    let by = bench.drive.stopped_by(bench.now).map(|by| by.id);
    assert_eq!(by.as_deref(), Some("bert"));
    bench.accept_from(&let_go(), &anna).unwrap();
    assert!(bench.drives(&anna));
    assert_eq!(bench.drive.stopped_by(bench.now), None);
}

#[test]
fn whoever_stopped_may_take_over_at_once() {
    let (mut bench, anna, bert) = bench();
    assert!(bench.drives(&anna));
    bench.accept_from(&stop(), &bert).unwrap();
    assert!(bench.drives(&bert));
    bench.now += ms(100);
    assert!(!bench.drives(&anna));
}

#[test]
fn three_seconds_without_a_motion_are_letting_go_and_less_is_not() {
    for (silence, drives) in [(ms(2_999), false), (ms(3_000), true)] {
        let (mut bench, anna, bert) = bench();
        assert!(bench.drives(&anna));
        bench.accept_from(&stop(), &bert).unwrap();
        bench.now += silence;
        assert_eq!(bench.drives(&anna), drives, "{silence:?}");
    }
}

#[test]
fn ones_own_stop_holds_nobody() {
    let (mut bench, anna, _) = bench();
    assert!(bench.drives(&anna));
    bench.accept_from(&stop(), &anna).unwrap();
    assert_eq!(bench.driver().as_deref(), Some("anna"));
    assert!(bench.drives(&anna));
}

#[test]
fn letting_go_of_a_key_stops_nobody_else() {
    let (mut bench, anna, bert) = bench();
    assert!(bench.drives(&anna));
    let moving = bench.after(ms(0));
    assert_eq!(bench.accept_from(&let_go(), &bert), Err(Dropped::NotDriver));
    assert_eq!(bench.after(ms(50)), moving);
    bench.accept_from(&let_go(), &anna).unwrap();
    assert_eq!(bench.after(ms(0)), Wheels::REST);
}

#[test]
fn thousands_of_names_take_no_memory_and_no_lock() {
    let (mut bench, anna, _) = bench();
    assert!(bench.drives(&anna));
    for n in 0..1000 {
        assert!(!bench.drives(&viewer(&format!("viewer {n}"))));
    }
    bench.now += ms(1);
    assert!(bench.drives(&anna));
}

#[test]
fn whoever_takes_the_drivers_name_is_somebody_else() {
    let (mut bench, anna, _) = bench();
    let of = |user: &str, action| Action {
        user: Some(user.to_owned()),
        ..action
    };
    let as_anna = |action| Action {
        sender: Some("anna".to_owned()),
        ..of("user-bert", action)
    };
    let press = |seq| Action {
        seq: Some(seq),
        ..of("user-anna", forward())
    };
    bench.accept_from(&press(1), &anna).unwrap();
    let moving = bench.after(ms(0));
    for action in [forward(), let_go()] {
        let newest = Action {
            seq: Some(wire::action::MAX_INTEGER),
            ..as_anna(action)
        };
        assert!(bench.accept(&newest).is_err());
        assert_eq!(bench.after(ms(0)), moving);
    }
    bench.accept_from(&press(2), &anna).unwrap();
    bench.accept(&as_anna(stop())).unwrap();
    assert_eq!(
        bench.accept_from(&press(3), &anna),
        Err(Dropped::NotDriver),
        "the stop of another holds"
    );
}

#[test]
fn a_long_action_is_its_drivers_to_the_end() {
    let (_, anna, bert) = bench();
    let mut bench = Bench::new(crate::drive::Limits {
        pulse_max: ms(10_000),
        ..full_speed()
    });
    let long = Action {
        duration_ms: Some(10_000),
        ..forward()
    };
    bench.accept_from(&long, &anna).unwrap();
    bench.now += ms(9_000);
    assert_eq!(bench.driver().as_deref(), Some("anna"));
    assert!(!bench.drives(&bert));
    bench.accept_from(&let_go(), &anna).unwrap();
    assert_eq!(bench.after(ms(0)), Wheels::REST);

    bench.accept_from(&long, &anna).unwrap();
    bench.now += ms(9_000);
    bench.accept_from(&stop(), &bert).unwrap();
    assert!(!bench.drives(&anna), "never let go");
}

#[test]
fn no_crowd_makes_a_stop_forgotten() {
    let (mut bench, anna, bert) = bench();
    assert!(bench.drives(&anna));
    bench.accept_from(&stop(), &bert).unwrap();
    for n in 0..1000 {
        _ = bench.drives(&viewer(&format!("viewer {n}")));
        bench.drive.release(&format!("viewer {n}"));
    }
    assert!(!bench.drives(&anna));
}
