//! The two motors: which board they hang on, how it is set up, and the one thread that
//! owns it.
//!
//! Knows actions and wheels, not where actions come from. [`start`] is for a robot that
//! drives, [`stop`] for a cold process that only turns the motors off, [`probe`] for one
//! that only looks. What a throttle means in registers or pins is in `motors/*`, one file
//! per board.

mod adafruit_motor_hat;
mod explorer_hat;
mod gpio;
mod owner;
mod settings;
mod simulated;
mod soft_pwm;
mod thread;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::drive::Wheels;

pub use crate::drive::Source;
pub use settings::{Address, Driver, Gpio, Motor, Output, Settings, StopMode};
#[cfg(test)]
pub(crate) use thread::STOP_PATIENCE;
pub use thread::{Ended, LastAction, MotorThread, Motors, State, start};

/// Motor noise garbles a transfer now and then; three in a row are no accident.
const STOP_TRIES: u32 = 3;

/// Long enough for a bus to come to rest, short enough for `ExecStopPost`.
const STOP_PAUSE: Duration = Duration::from_millis(50);

/// Two motors that can be told throttles.
///
/// The thread calls a board only when the wheels change, plus [`Board::check`] a few times
/// a second. Opening a board turns everything off.
pub trait Board: Send {
    /// Both wheels, forward positive. A board writes all of its outputs even if one write
    /// fails, and returns the last error.
    ///
    /// # Errors
    /// What the bus or the pins said; the thread then stops and reopens the board.
    fn drive(&mut self, wheels: Wheels) -> Result<(), BoardError>;

    /// Both wheels at rest, in the way of [`StopMode`].
    ///
    /// # Errors
    /// As [`Board::drive`], after everything that can stop a motor was tried.
    fn stop(&mut self) -> Result<(), BoardError>;

    /// Is the board still what [`Board::drive`] left behind?
    ///
    /// # Errors
    /// What went wrong since the last call.
    fn check(&mut self) -> Result<(), BoardError>;
}

/// What is wrong with the board. [`BoardError::words`] tells the cause too.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// The way to the board is not there, or not ours.
    #[error("cannot open {what}")]
    Open {
        /// What was to be opened.
        what: String,
        /// Why not.
        #[source]
        cause: Cause,
    },
    /// The board took no write, or answered no read.
    #[error("cannot {doing}")]
    Transfer {
        /// What was attempted.
        doing: String,
        /// What the bus or the pin said.
        #[source]
        cause: Cause,
    },
    /// The board answers, but not as it should.
    #[error("{0}")]
    Unexpected(String),
}

/// Whatever a bus or a pin reports.
pub type Cause = Box<dyn Error + Send + Sync>;

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

impl BoardError {
    /// The error and its causes in one line.
    pub fn words(&self) -> String {
        let mut words = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            words.push_str(": ");
            words.push_str(&error.to_string());
            cause = error.source();
        }
        words
    }

    fn transfer(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::Transfer {
            doing: doing.into(),
            cause: cause.to_string().into(),
        }
    }

    fn open(what: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::Open {
            what: what.into(),
            cause: cause.into(),
        }
    }
}
