//! The two motors: which board they hang on, how it is set up, and the one thread that
//! owns it.
//!
//! Knows actions and wheels, not where actions come from. [`start`] is for a robot that
//! drives, [`stop`] for a cold process that only turns the motors off, [`probe`] for one
//! that only looks. What a throttle means in registers or pins is in `motors/*`, one file
//! per board.

mod simulated;
mod thread;

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::drive::{Throttle, Wheels};

pub use crate::drive::Source;
pub use thread::{Ended, LastAction, MotorThread, Motors, State, start};

/// Two motors that can be told throttles.
///
/// The thread calls a board only when the wheels change, plus [`Board::check`] a few times
/// a second. Opening a board has already turned everything off.
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

/// Which board, and how the motors are wired to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The board.
    pub driver: Driver,
    /// The motor of the left wheel.
    pub left: Motor,
    /// The motor of the right wheel, on another output than the left one.
    pub right: Motor,
    /// What rest means.
    pub stop: StopMode,
    /// `adafruit-motor-hat`: the bus.
    pub i2c_bus: PathBuf,
    /// `adafruit-motor-hat`: the chip on the bus.
    pub address: Address,
    /// `explorer-hat`: the road to the pins.
    pub gpio: Gpio,
    /// `simulated`: where every board write is appended as a line of JSON.
    pub transcript: Option<PathBuf>,
}

/// The boards that can be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Pimoroni Explorer HAT Pro or Explorer pHAT.
    ExplorerHat,
    /// Adafruit DC & Stepper Motor HAT or Bonnet.
    AdafruitMotorHat,
    /// None; it says what it would do.
    Simulated,
}

/// One wheel's motor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motor {
    /// Where it is connected.
    pub output: Output,
    /// Whether it turns backwards when it is told to go forward.
    pub invert: bool,
}

/// A pair of screw terminals, by the name printed on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Motor 1.
    M1,
    /// Motor 2.
    M2,
    /// Motor 3; not on `explorer-hat`.
    M3,
    /// Motor 4; not on `explorer-hat`.
    M4,
}

/// How a motor rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Both poles short-circuited: it holds against a slope.
    Brake,
    /// Both poles open: it rolls out.
    Coast,
}

/// The road to the pins of `explorer-hat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gpio {
    /// The kernel's character device; works on every Raspberry Pi.
    Chardev,
    /// The crate rppal, which writes the registers itself.
    Rppal,
}

/// The I2C address of a PCA9685 that answers to nobody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(u8);

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
    /// The board took no write.
    #[error("cannot {doing}")]
    Write {
        /// What was attempted.
        doing: String,
        /// What the bus said.
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
/// The last of [`STOP_TRIES`] attempts' errors.
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

/// Motor noise garbles a transfer now and then; three in a row are no accident.
const STOP_TRIES: u32 = 3;

/// Long enough for a bus to come to rest, short enough for `ExecStopPost`.
const STOP_PAUSE: Duration = Duration::from_millis(50);

fn turn_off(settings: &Settings) -> Result<(), BoardError> {
    open(settings)?.stop()
}

/// Opens the board with everything off.
fn open(settings: &Settings) -> Result<Box<dyn Board>, BoardError> {
    match settings.driver {
        Driver::Simulated => Ok(Box::new(simulated::open(settings)?)),
        Driver::ExplorerHat | Driver::AdafruitMotorHat => Err(BoardError::Unexpected(format!(
            "{} is not built into this version yet",
            settings.driver
        ))),
    }
}

impl Settings {
    /// The sample's wiring of a board: left on M1, right on M2.
    pub fn new(driver: Driver) -> Self {
        Self {
            driver,
            left: Motor::on(Output::M1),
            right: Motor::on(Output::M2),
            stop: driver.default_stop(),
            i2c_bus: PathBuf::from("/dev/i2c-1"),
            address: Address::DEFAULT,
            gpio: Gpio::Chardev,
            transcript: None,
        }
    }
}

impl Motor {
    /// Wired the right way round.
    pub fn on(output: Output) -> Self {
        Self {
            output,
            invert: false,
        }
    }

    /// What the motor must be told for the wheel to do `wheel`.
    fn throttle(self, wheel: Throttle) -> Throttle {
        if self.invert { -wheel } else { wheel }
    }
}

impl Driver {
    /// Every driver, for a configuration that lists the words.
    pub const ALL: [Self; 3] = [Self::ExplorerHat, Self::AdafruitMotorHat, Self::Simulated];

    /// The word in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::ExplorerHat => "explorer-hat",
            Self::AdafruitMotorHat => "adafruit-motor-hat",
            Self::Simulated => "simulated",
        }
    }

    /// What a motor can be connected to.
    pub fn outputs(self) -> &'static [Output] {
        match self {
            Self::ExplorerHat => &Output::ALL[..2],
            Self::AdafruitMotorHat | Self::Simulated => &Output::ALL,
        }
    }

    /// As the sample's program for this board stops.
    pub fn default_stop(self) -> StopMode {
        match self {
            Self::AdafruitMotorHat => StopMode::Brake,
            Self::ExplorerHat | Self::Simulated => StopMode::Coast,
        }
    }

    /// As fast as the sample's program for this board drives.
    pub fn default_speed(self) -> Throttle {
        Throttle::saturating(match self {
            Self::AdafruitMotorHat => 0.7,
            Self::ExplorerHat | Self::Simulated => 0.5,
        })
    }
}

impl Output {
    /// Every output that any board has.
    pub const ALL: [Self; 4] = [Self::M1, Self::M2, Self::M3, Self::M4];

    /// The word in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::M1 => "M1",
            Self::M2 => "M2",
            Self::M3 => "M3",
            Self::M4 => "M4",
        }
    }
}

impl StopMode {
    /// Both, for a configuration that lists the words.
    pub const ALL: [Self; 2] = [Self::Brake, Self::Coast];

    /// The word in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Brake => "brake",
            Self::Coast => "coast",
        }
    }
}

impl Gpio {
    /// Both, for a configuration that lists the words.
    pub const ALL: [Self; 2] = [Self::Chardev, Self::Rppal];

    /// The word in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Chardev => "chardev",
            Self::Rppal => "rppal",
        }
    }
}

impl Address {
    /// No solder bridge closed.
    pub const DEFAULT: Self = Self(0x60);

    /// What would be right, for an error about an address that is not.
    pub const EXPECTED: &'static str = "0x40 to 0x7f without 0x70, to which every PCA9685 answers";

    /// `None` for what no single PCA9685 has: its addresses are 1 A5 A4 A3 A2 A1 A0
    /// (datasheet 7.1.1), and 0x70 is "all call" (7.1.3).
    pub fn new(address: u8) -> Option<Self> {
        const ALL_CALL: u8 = 0x70;
        ((0x40..=0x7f).contains(&address) && address != ALL_CALL).then_some(Self(address))
    }

    /// Seven bits.
    pub fn get(self) -> u8 {
        self.0
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
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)
    }
}
