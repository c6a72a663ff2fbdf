//! What travels on the bus, as the datasheet has it.

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};

use super::chip::Chip;
use super::*;
use crate::motors::{Address, Driver};

pub(super) const ADDRESS: u8 = 0x60;

pub(super) fn settings() -> Settings {
    Settings::new(Driver::AdafruitMotorHat)
}

pub(super) fn coasting() -> Settings {
    Settings {
        stop: StopMode::Coast,
        ..settings()
    }
}

pub(super) fn wheels(left: f64, right: f64) -> Wheels {
    Wheels {
        left: Throttle::new(left).unwrap(),
        right: Throttle::new(right).unwrap(),
    }
}

fn write(bytes: &[u8]) -> Transaction {
    Transaction::write(ADDRESS, bytes.to_vec())
}

/// ALL_LED_OFF_H: bit 4, everything off.
fn all_off() -> Transaction {
    write(&[0xfd, 0x10])
}

fn opening() -> Vec<Transaction> {
    vec![
        all_off(),
        // MODE1: AI, SLEEP; all-call and sub-addresses off, no RESTART.
        write(&[0x00, 0x30]),
        // PRE_SCALE: 1526 Hz.
        write(&[0xfe, 0x03]),
        // MODE2: OUTDRV, the outputs are totem poles.
        write(&[0x01, 0x04]),
        // MODE1: AI, awake.
        write(&[0x00, 0x20]),
        Transaction::write_read(ADDRESS, vec![0x00], vec![0x20]),
        Transaction::write_read(ADDRESS, vec![0xfe], vec![0x03]),
    ]
}

/// One transfer for a motor's three channels from LED`first`, each as (ON, OFF).
fn channels(first: u8, channels: [(u16, u16); 3]) -> Transaction {
    let mut bytes = vec![0x06 + 4 * first];
    for (on, off) in channels {
        bytes.extend(on.to_le_bytes());
        bytes.extend(off.to_le_bytes());
    }
    write(&bytes)
}

const ON: (u16, u16) = (0x1000, 0);
const OFF: (u16, u16) = (0, 0x1000);

fn nack(transaction: Transaction) -> Transaction {
    transaction.with_error(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address))
}

/// Opens a board and runs it against what the bus should see after the opening.
fn drive(
    settings: &Settings,
    after_opening: &[Transaction],
    run: impl FnOnce(&mut AdafruitMotorHat<Mock>),
) {
    let mut expected = opening();
    expected.extend_from_slice(after_opening);
    let mut bus = Mock::new(&expected);
    let mut hat = AdafruitMotorHat::new(bus.clone(), settings).unwrap();
    run(&mut hat);
    bus.done();
}

#[test]
fn opening_turns_everything_off_before_it_configures_anything() {
    drive(&settings(), &[], |_| {});
}

#[test]
fn forward_is_the_samples_negative_throttle_of_motorkit() {
    // 0.7 is 45874 of 65535, and 2867 of 4096.
    let pulse = (0, 2867);
    let transcript = [
        channels(8, [ON, OFF, pulse]),
        channels(11, [OFF, pulse, ON]),
    ];
    drive(&settings(), &transcript, |hat| {
        hat.drive(wheels(0.7, 0.7)).unwrap()
    });
}

#[test]
fn backwards_is_positive() {
    let pulse = (0, 2047);
    let transcript = [
        channels(8, [ON, pulse, OFF]),
        channels(11, [pulse, OFF, ON]),
    ];
    drive(&settings(), &transcript, |hat| {
        hat.drive(wheels(-0.5, -0.5)).unwrap()
    });
}

#[test]
fn left_turns_m1_back_and_m2_forward_at_full_power() {
    let transcript = [channels(8, [ON, ON, OFF]), channels(11, [OFF, ON, ON])];
    drive(&settings(), &transcript, |hat| {
        hat.drive(wheels(-1.0, 1.0)).unwrap()
    });
}

#[test]
fn a_brake_is_both_inputs_on() {
    let transcript = [channels(8, [ON, ON, ON]), channels(11, [ON, ON, ON])];
    drive(&settings(), &transcript, |hat| hat.stop().unwrap());
}

#[test]
fn to_coast_is_everything_off_in_one_transfer() {
    drive(&coasting(), &[all_off()], |hat| hat.stop().unwrap());
}

#[test]
fn a_wheel_at_rest_beside_one_that_turns_rests_in_the_same_way() {
    let right = channels(11, [OFF, ON, ON]);
    let braked = [channels(8, [ON, ON, ON]), right.clone()];
    drive(&settings(), &braked, |hat| {
        hat.drive(wheels(0.0, 1.0)).unwrap()
    });
    let loose = [channels(8, [ON, OFF, OFF]), right];
    drive(&coasting(), &loose, |hat| {
        hat.drive(wheels(0.0, 1.0)).unwrap()
    });
}

#[test]
fn outputs_and_directions_are_the_owners() {
    let wired = Settings {
        left: Motor {
            output: Output::M4,
            invert: true,
        },
        right: Motor::on(Output::M3),
        ..settings()
    };
    let transcript = [channels(5, [ON, OFF, ON]), channels(2, [ON, OFF, ON])];
    drive(&wired, &transcript, |hat| {
        hat.drive(wheels(1.0, 1.0)).unwrap()
    });
}

#[test]
fn the_second_motor_is_written_even_if_the_first_is_not_acknowledged() {
    let transcript = [
        nack(channels(8, [ON, OFF, ON])),
        channels(11, [OFF, ON, ON]),
    ];
    drive(&settings(), &transcript, |hat| {
        let fault = hat.drive(wheels(1.0, 1.0)).unwrap_err().words();
        assert!(
            fault.starts_with("cannot turn M1 on the chip at 0x60: "),
            "{fault}"
        );
    });
}

#[test]
fn a_stop_that_is_not_acknowledged_is_tried_in_every_other_way() {
    let brake = |first| channels(first, [ON, ON, ON]);
    for transcript in [
        [nack(brake(8)), brake(11), all_off()],
        [brake(8), nack(brake(11)), all_off()],
        [nack(brake(8)), nack(brake(11)), nack(all_off())],
    ] {
        drive(&settings(), &transcript, |hat| assert!(hat.stop().is_err()));
    }
    let twice = [nack(all_off()), all_off()];
    drive(&coasting(), &twice, |hat| hat.stop().unwrap());
}

#[test]
fn an_opening_that_is_not_acknowledged_ends_with_everything_off() {
    for position in 0..opening().len() {
        let mut expected = opening();
        expected.truncate(position + 1);
        let last = expected.pop().unwrap();
        expected.push(nack(last));
        expected.push(all_off());
        let mut bus = Mock::new(&expected);
        assert!(
            AdafruitMotorHat::new(bus.clone(), &settings()).is_err(),
            "at {position}"
        );
        bus.done();
    }
}

#[test]
fn a_cold_stop_is_one_transfer_and_looking_is_one_read() {
    let read = Transaction::write_read(ADDRESS, vec![0x00], vec![0x11]);
    let mut bus = Mock::new(&[all_off(), read]);
    let mut hat = AdafruitMotorHat::on(bus.clone(), &settings());
    hat.all_off().unwrap();
    assert_eq!(hat.read(register::MODE1).unwrap(), 0x11);
    bus.done();
}

#[test]
fn a_bus_that_is_not_there_is_named() {
    let nowhere = Settings {
        i2c_bus: "/dev/i2c-nowhere".into(),
        ..settings()
    };
    for fault in [
        open(&nowhere).map(drop),
        turn_off(&nowhere),
        probe(&nowhere).map(drop),
    ] {
        let words = fault.unwrap_err().words();
        let expected = "cannot open the I2C bus /dev/i2c-nowhere: No such file";
        assert!(words.starts_with(expected), "{words}");
    }
}

#[test]
fn duties_are_motorkits_sixteen_bits_cut_to_twelve() {
    for (fraction, counts) in [
        (1.0, ON),
        (0.9999, (0, 4095)),
        (0.7, (0, 2867)),
        (0.5, (0, 2047)),
        (0.0003, (0, 1)),
        (0.0002, OFF),
    ] {
        let [on_l, on_h, off_l, off_h] = duty(fraction);
        let found = (
            u16::from_le_bytes([on_l, on_h]),
            u16::from_le_bytes([off_l, off_h]),
        );
        assert_eq!(found, counts, "{fraction}");
    }
}

#[test]
fn addresses_are_those_of_one_chip() {
    for (address, valid) in [
        (0x00, false),
        (0x3f, false),
        (0x40, true),
        (0x60, true),
        (0x70, false),
        (0x7f, true),
        (0x80, false),
    ] {
        assert_eq!(Address::new(address).is_some(), valid, "{address:#04x}");
    }
    let other = Settings {
        address: Address::new(0x61).unwrap(),
        ..settings()
    };
    let chip = Chip::new(0x61);
    AdafruitMotorHat::new(chip.clone(), &other).unwrap();
    assert!(
        AdafruitMotorHat::new(chip, &settings()).is_err(),
        "nobody at 0x60"
    );
}
