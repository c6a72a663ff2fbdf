//! The board on a chip in whatever state an earlier process or a bad contact left it.

use proptest::prelude::*;

use super::chip::Chip;
use super::tests::{ADDRESS, coasting, settings, wheels};
use super::*;

#[test]
fn a_crash_that_left_the_motors_running_ends_with_the_first_transfer() {
    let chip = Chip::new(ADDRESS);
    let mut crashed = AdafruitMotorHat::new(chip.clone(), &settings()).unwrap();
    crashed.drive(wheels(0.7, -0.7)).unwrap();
    std::mem::forget(crashed);
    assert!(chip.look().turns(Output::M1) && chip.look().turns(Output::M2));
    chip.look().turning.clear();
    let mut hat = AdafruitMotorHat::new(chip.clone(), &settings()).unwrap();
    assert!(chip.look().turning.iter().all(|turning| !turning));
    hat.drive(wheels(0.7, 0.7)).unwrap();
    assert!(chip.look().turns(Output::M1), "and the board still works");
}

#[test]
fn a_chip_that_lost_its_supply_is_noticed_and_configured_again() {
    let chip = Chip::new(ADDRESS);
    let mut hat = AdafruitMotorHat::new(chip.clone(), &settings()).unwrap();
    hat.check().unwrap();
    chip.look().reset();
    let fault = hat.check().unwrap_err().words();
    assert!(
        fault.contains("MODE1 of the chip at 0x60 is 0x11 where 0x20"),
        "{fault}"
    );
    let mut hat = AdafruitMotorHat::new(chip.clone(), &settings()).unwrap();
    hat.check().unwrap();
}

#[test]
fn a_chip_left_on_an_external_clock_is_off_and_says_what_helps() {
    let chip = Chip::new(ADDRESS).left_with(0x61, 0x04, &[0x00, 0x10, 0x00, 0x00].repeat(16));
    let Err(fault) = AdafruitMotorHat::new(chip.clone(), &settings()) else {
        panic!("took a chip that does not pulse");
    };
    assert!(
        fault.words().contains("its power switched off and on"),
        "{}",
        fault.words()
    );
    assert!(
        Output::ALL
            .into_iter()
            .all(|output| !chip.look().turns(output))
    );
}

/// Whatever an earlier process left: not on an external clock, which takes a power cycle.
fn leftovers() -> impl Strategy<Value = (u8, u8, Vec<u8>)> {
    let mode1 = any::<u8>().prop_map(|mode1| mode1 & !0xc0);
    (
        mode1,
        any::<u8>(),
        proptest::collection::vec(any::<u8>(), 64),
    )
}

proptest! {
    #[test]
    fn whatever_state_the_chip_is_in_opening_stops_it_and_makes_it_work(
        (mode1, mode2, left) in leftovers(),
        brake in any::<bool>(),
    ) {
        let chip = Chip::new(ADDRESS).left_with(mode1, mode2, &left);
        let settings = if brake { settings() } else { coasting() };
        let mut hat = AdafruitMotorHat::new(chip.clone(), &settings).unwrap();
        hat.stop().unwrap();
        prop_assert!(chip.look().turning.iter().all(|turning| !turning));
        prop_assert_eq!(chip.look().register(register::PRE_SCALE), 3);
        prop_assert_eq!(chip.look().register(register::MODE1), 0x20);
        prop_assert_eq!(chip.look().register(register::MODE2), 0x04);
        hat.drive(wheels(0.5, 0.5)).unwrap();
        prop_assert!(chip.look().turns(Output::M1) && chip.look().turns(Output::M2));
        prop_assert!(!chip.look().turns(Output::M3) && !chip.look().turns(Output::M4));
    }

    #[test]
    fn whatever_state_the_chip_is_in_a_cold_stop_stops_it(
        (mode1, mode2, left) in leftovers(),
        extclk in any::<bool>(),
    ) {
        let mode1 = if extclk { mode1 | 0x40 } else { mode1 };
        let chip = Chip::new(ADDRESS).left_with(mode1, mode2, &left);
        AdafruitMotorHat::on(chip.clone(), &settings()).all_off().unwrap();
        for channel in 0..16 {
            prop_assert_eq!(chip.look().channel(channel)[3] & 0x10, 0x10);
        }
    }

    #[test]
    fn one_lost_transfer_anywhere_leaves_no_motor_turning_after_the_stop(
        lost in 0usize..12,
        speed in 0.01f64..=1.0,
    ) {
        let chip = Chip::new(ADDRESS).left_with(0x20, 0x04, &[0, 0x10, 0, 0].repeat(16));
        chip.deaf_after(lost);
        if let Ok(mut hat) = AdafruitMotorHat::new(chip.clone(), &settings()) {
            let _ = hat.drive(wheels(speed, -speed));
            let _ = hat.stop();
        }
        prop_assert!(Output::ALL.into_iter().all(|output| !chip.look().turns(output)));
    }
}
