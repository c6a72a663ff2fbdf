//! Adafruit DC & Stepper Motor HAT and Bonnet: a PCA9685 whose outputs drive two TB6612FNG
//! bridges. Section numbers are those of NXP's PCA9685 datasheet.
//!
//! The chip runs on its own clock, and nothing but a transfer on the bus stops it: its
//! output-enable pin is tied to ground and the bridges' standby pins to 3.3 V. A process
//! that died may have left anything in it, so the first transfer turns all outputs off,
//! and only then is the chip configured.

#[cfg(test)]
mod chip;
#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::time::Duration;

use embedded_hal::i2c::I2c;
use linux_embedded_hal::I2cdev;

use super::board::{Board, BoardError};
use super::settings::{Motor, Output, Settings, StopMode};
use crate::drive::{Throttle, Wheels};

/// Register addresses (7.3, table 4).
mod register {
    pub(super) const MODE1: u8 = 0x00;
    pub(super) const MODE2: u8 = 0x01;
    /// First of four registers per channel: `ON_L`, `ON_H`, `OFF_L`, `OFF_H`.
    pub(super) const LED0_ON_L: u8 = 0x06;
    pub(super) const ALL_LED_OFF_H: u8 = 0xfd;
    pub(super) const PRE_SCALE: u8 = 0xfe;
}

/// Bits of MODE1 (7.3.1). All-call and sub-addresses are off with their bits at 0.
mod mode1 {
    pub(super) const RESTART: u8 = 0x80;
    pub(super) const AUTO_INCREMENT: u8 = 0x20;
    pub(super) const SLEEP: u8 = 0x10;
}

/// MODE2 (7.3.2): totem-pole outputs, not inverted, changing when a transfer ends.
const OUTDRV: u8 = 0x04;

/// Bit 4 of `ON_H` and `OFF_H`: the channel is on, or off, all the time; off wins (7.3.3).
const FULL: u8 = 0x10;

/// MotorKit asks for 1600 Hz: round(25 MHz / (4096 * 1600 Hz)) - 1 (7.3.5). It is the
/// smallest value that the chip takes; the real frequency is 1526 Hz.
const PRESCALE_1600_HZ: u8 = 3;

/// The oscillator is up 500 µs after SLEEP is cleared (7.3.1.1).
const OSCILLATOR_START: Duration = Duration::from_micros(500);

/// The registers of one channel: `ON_L`, `ON_H`, `OFF_L`, `OFF_H`.
type Channel = [u8; 4];

const ALWAYS_ON: Channel = [0, FULL, 0, 0];
const ALWAYS_OFF: Channel = [0, 0, 0, FULL];

/// The chip, and which of its motors are wheels.
struct AdafruitMotorHat<I> {
    i2c: I,
    address: u8,
    left: Motor,
    right: Motor,
    stop: StopMode,
}

/// Opens the board with all sixteen outputs off.
pub(super) fn open(settings: &Settings) -> Result<Box<dyn Board>, BoardError> {
    Ok(Box::new(AdafruitMotorHat::new(bus(settings)?, settings)?))
}

/// Turns all sixteen outputs off and touches nothing else.
pub(super) fn turn_off(settings: &Settings) -> Result<(), BoardError> {
    AdafruitMotorHat::on(bus(settings)?, settings).all_off()
}

/// Reads one register and changes none.
pub(super) fn probe(settings: &Settings) -> Result<String, BoardError> {
    AdafruitMotorHat::on(bus(settings)?, settings).read(register::MODE1)?;
    let bus = settings.i2c_bus.display();
    Ok(format!("a chip answers at {} on {bus}", settings.address))
}

fn bus(settings: &Settings) -> Result<I2cdev, BoardError> {
    let path = &settings.i2c_bus;
    I2cdev::new(path)
        .map_err(|error| BoardError::open(format!("the I2C bus {}", path.display()), error))
}

impl<I: I2c<Error: Display> + Send> Board for AdafruitMotorHat<I> {
    fn drive(&mut self, wheels: Wheels) -> Result<(), BoardError> {
        let left = self.turn(self.left, wheels.left);
        let right = self.turn(self.right, wheels.right);
        right.and(left)
    }

    fn stop(&mut self) -> Result<(), BoardError> {
        match self.stop {
            StopMode::Coast => self.all_off().or_else(|_| self.all_off()),
            StopMode::Brake => self.drive(Wheels::REST).inspect_err(|_| self.try_all_off()),
        }
    }

    /// A chip that lost its supply for a moment is asleep with everything off, and takes
    /// throttles without turning anything.
    fn check(&mut self) -> Result<(), BoardError> {
        self.expect(register::MODE1, mode1::AUTO_INCREMENT, "MODE1")
    }
}

impl<I: I2c<Error: Display>> AdafruitMotorHat<I> {
    fn on(i2c: I, settings: &Settings) -> Self {
        Self {
            i2c,
            address: settings.address.get(),
            left: settings.left,
            right: settings.right,
            stop: settings.stop,
        }
    }

    fn new(i2c: I, settings: &Settings) -> Result<Self, BoardError> {
        let mut hat = Self::on(i2c, settings);
        let ready = hat.all_off().and_then(|()| hat.configure());
        match ready {
            Ok(()) => Ok(hat),
            Err(error) => {
                hat.try_all_off();
                Err(error)
            }
        }
    }

    /// With all outputs off. PRE_SCALE can be written only while the chip sleeps (7.3.5);
    /// RESTART is not set, so that nothing an earlier process began is taken up again.
    fn configure(&mut self) -> Result<(), BoardError> {
        use mode1::{AUTO_INCREMENT, SLEEP};
        self.write(&[register::MODE1, AUTO_INCREMENT | SLEEP], "sleep")?;
        self.write(
            &[register::PRE_SCALE, PRESCALE_1600_HZ],
            "set the frequency",
        )?;
        self.write(&[register::MODE2, OUTDRV], "set the kind of outputs")?;
        self.write(&[register::MODE1, AUTO_INCREMENT], "wake up")?;
        std::thread::sleep(OSCILLATOR_START);
        self.expect(register::MODE1, AUTO_INCREMENT, "MODE1")?;
        self.expect(register::PRE_SCALE, PRESCALE_1600_HZ, "PRE_SCALE")
    }

    /// One motor's three channels lie side by side, and one transfer writes them all: the
    /// outputs change together when it ends (MODE2.OCH = 0).
    fn turn(&mut self, motor: Motor, wheel: Throttle) -> Result<(), BoardError> {
        let terminals = Terminals::of(motor.output);
        // The sample drives forward with negative throttle.
        let [positive, negative] = self.inputs(-motor.throttle(wheel));
        let channels = match terminals.pwm {
            Place::First => [ALWAYS_ON, positive, negative],
            Place::Last => [positive, negative, ALWAYS_ON],
        };
        let mut bytes = [0; 13];
        bytes[0] = register::LED0_ON_L + 4 * terminals.first;
        bytes[1..].copy_from_slice(channels.as_flattened());
        self.write(&bytes, &format!("turn {}", motor.output.word()))
    }

    /// MotorKit's positive and negative channel in its fast decay: one is modulated, the
    /// other is off.
    fn inputs(&self, throttle: Throttle) -> [Channel; 2] {
        let throttle = throttle.get();
        if throttle > 0.0 {
            [duty(throttle), ALWAYS_OFF]
        } else if throttle < 0.0 {
            [ALWAYS_OFF, duty(-throttle)]
        } else {
            match self.stop {
                StopMode::Brake => [ALWAYS_ON; 2],
                StopMode::Coast => [ALWAYS_OFF; 2],
            }
        }
    }

    /// Works asleep or awake, with auto-increment or without (7.3.4).
    fn all_off(&mut self) -> Result<(), BoardError> {
        self.write(&[register::ALL_LED_OFF_H, FULL], "turn all outputs off")
    }

    /// After an error that is reported anyway.
    fn try_all_off(&mut self) {
        if let Err(error) = self.all_off() {
            tracing::debug!("nor does the stop after it come through: {}", error.words());
        }
    }

    fn write(&mut self, bytes: &[u8], doing: &str) -> Result<(), BoardError> {
        let address = self.address;
        self.i2c.write(address, bytes).map_err(|error| {
            BoardError::transfer(format!("{doing} on the chip at {address:#04x}"), error)
        })
    }

    fn read(&mut self, register: u8) -> Result<u8, BoardError> {
        let address = self.address;
        let mut value = [0];
        self.i2c
            .write_read(address, &[register], &mut value)
            .map_err(|error| {
                BoardError::transfer(format!("read the chip at {address:#04x}"), error)
            })?;
        Ok(value[0])
    }

    /// RESTART may show that a sleep interrupted something; the next write of a channel
    /// clears it (7.3.1.1).
    fn expect(&mut self, register: u8, written: u8, name: &str) -> Result<(), BoardError> {
        let found = self.read(register)?;
        let same = match register {
            register::MODE1 => found & !mode1::RESTART == written,
            _ => found == written,
        };
        if same {
            return Ok(());
        }
        let address = self.address;
        Err(BoardError::Unexpected(format!(
            "{name} of the chip at {address:#04x} is {found:#04x} where {written:#04x} was \
             written: it was reset, or is no PCA9685, or needs its power switched off and on"
        )))
    }
}

/// The registers of a channel that is on for this fraction of the time: MotorKit's sixteen
/// bits, cut to the chip's twelve. The first and the last sixteenth are no pulses.
fn duty(fraction: f64) -> Channel {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of 65535 fits, and MotorKit truncates too"
    )]
    let sixteen_bits = (f64::from(u16::MAX) * fraction) as u16;
    match sixteen_bits {
        u16::MAX => ALWAYS_ON,
        0..0x10 => ALWAYS_OFF,
        _ => {
            let [off_l, off_h] = (sixteen_bits >> 4).to_le_bytes();
            [0, 0, off_l, off_h]
        }
    }
}

/// The three channels behind a motor's screw terminals, side by side from `first`, in
/// MotorKit's order of positive and negative.
struct Terminals {
    first: u8,
    pwm: Place,
}

/// Where the bridge's PWM input is among the three.
enum Place {
    First,
    Last,
}

impl Terminals {
    /// MotorKit's (PWM, positive, negative): M1 (8, 9, 10), M2 (13, 11, 12), M3 (2, 3, 4),
    /// M4 (7, 5, 6).
    fn of(output: Output) -> Self {
        let (first, pwm) = match output {
            Output::M1 => (8, Place::First),
            Output::M2 => (11, Place::Last),
            Output::M3 => (2, Place::First),
            Output::M4 => (5, Place::Last),
        };
        Self { first, pwm }
    }
}
