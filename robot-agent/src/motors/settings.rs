//! What an owner can say about the board and its wiring; checked where the configuration
//! is read, so that a board need not check again.

use std::fmt;
use std::path::PathBuf;

use crate::drive::Throttle;

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
    pub(super) fn throttle(self, wheel: Throttle) -> Throttle {
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
    /// (datasheet 7.1.1), and 0x70 is "all call" (7.1.2).
    pub fn new(address: u8) -> Option<Self> {
        const ALL_CALL: u8 = 0x70;
        ((0x40..=0x7f).contains(&address) && address != ALL_CALL).then_some(Self(address))
    }

    /// Seven bits.
    pub fn get(self) -> u8 {
        self.0
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
