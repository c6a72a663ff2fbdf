//! The two motors: which board they hang on, how it is set up, and the one thread that
//! owns it.
//!
//! Knows actions and wheels, not where actions come from. [`start`] is for a robot that
//! drives, [`stop`] for a cold process that only turns the motors off, [`probe`] for one
//! that only looks. What a throttle means in registers or pins is in `motors/*`, one file
//! per board.

mod adafruit_motor_hat;
mod board;
mod explorer_hat;
mod gpio;
mod handle;
mod precedence;
mod settings;
mod shared;
mod simulated;
mod soft_pwm;
mod thread;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod test_board;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use board::Board;

use crate::drive::Limits;

pub use crate::drive::Source;
pub use board::BoardError;
#[cfg(test)]
pub(crate) use handle::STOP_LIMIT;
pub use handle::{Ended, MotorThread, Motors};
pub use settings::{Address, Driver, Gpio, Motor, Output, Settings, StopMode};
pub use shared::{LastAction, State};

/// Motor noise garbles a transfer now and then; three in a row are no accident.
const STOP_TRIES: u32 = 3;

/// Long enough for a bus to come to rest, short enough for `ExecStopPost`.
const STOP_PAUSE: Duration = Duration::from_millis(50);

/// Opens the board on a thread of its own and keeps it open. Actions are taken from now on;
/// those that come before the board is there, or while it is gone, do not move it later.
///
/// # Errors
/// When the system has no thread to give.
pub fn start(settings: Settings, limits: Limits) -> io::Result<(Motors, MotorThread)> {
    let driver = settings.driver;
    handle::start(driver, limits, move || open(&settings))
}

/// Turns both motors off from a cold process, whatever an earlier one left running.
///
/// # Errors
/// What the last of three attempts met.
pub fn stop(settings: &Settings) -> Result<(), BoardError> {
    let mut tries = 1;
    loop {
        match turn_off(settings) {
            Err(_) if tries < STOP_TRIES => tries += 1,
            result => return result,
        }
        std::thread::sleep(STOP_PAUSE);
    }
}

/// Looks for the board without moving, stopping or configuring anything, so that it may
/// run beside a robot that drives; says what it found.
///
/// # Errors
/// What keeps the board from being opened.
pub fn probe(settings: &Settings) -> Result<String, BoardError> {
    match settings.driver {
        Driver::Simulated => Ok("no board, the wheels are simulated".to_owned()),
        Driver::AdafruitMotorHat => adafruit_motor_hat::probe(settings),
        Driver::ExplorerHat => gpio::probe(settings.gpio, explorer_hat::PINS),
    }
}

/// Less than opening where less is enough: a chip that refuses its configuration can still
/// be told to be quiet.
fn turn_off(settings: &Settings) -> Result<(), BoardError> {
    match settings.driver {
        Driver::AdafruitMotorHat => adafruit_motor_hat::turn_off(settings),
        Driver::ExplorerHat | Driver::Simulated => open(settings).map(drop),
    }
}

/// Opens the board with everything off.
fn open(settings: &Settings) -> Result<Box<dyn Board>, BoardError> {
    match settings.driver {
        Driver::AdafruitMotorHat => adafruit_motor_hat::open(settings),
        Driver::ExplorerHat => match settings.gpio {
            Gpio::Chardev => explorer_hat::new(gpio::chardev(explorer_hat::PINS)?, settings),
            Gpio::Rppal => explorer_hat::new(gpio::rppal(explorer_hat::PINS)?, settings),
        },
        Driver::Simulated => simulated::open(settings),
    }
}
