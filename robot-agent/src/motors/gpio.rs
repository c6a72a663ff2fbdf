//! The GPIO lines of the 40-pin header, from the kernel or from rppal.

use daemon::header_chip;
use embedded_hal::digital::OutputPin;
use gpio_cdev::{Chip, LineRequestFlags};
use linux_embedded_hal::CdevPin;

use super::board::BoardError;
use super::settings::Gpio;

/// Who we are to others who ask for the same line.
const CONSUMER: &str = "robot-agent";

/// Lines as low outputs from the kernel's character device.
pub(super) fn chardev<const N: usize>(pins: [u8; N]) -> Result<[CdevPin; N], BoardError> {
    let mut chip = header()?;
    collect(pins, |pin| request(&mut chip, pin))
}

/// Lines as low outputs by way of the registers. They keep their level when they are let go.
pub(super) fn rppal<const N: usize>(
    pins: [u8; N],
) -> Result<[rppal::gpio::OutputPin; N], BoardError> {
    let gpio =
        rppal::gpio::Gpio::new().map_err(|error| BoardError::open("the GPIO registers", error))?;
    collect(pins, |pin| {
        let pin = gpio
            .get(pin)
            .map_err(|error| BoardError::open(name(pin), error))?;
        let mut output = pin.into_output_low();
        output.set_reset_on_drop(false);
        Ok(output)
    })
}

/// Are the lines there, and nobody else's?
pub(super) fn probe<const N: usize>(road: Gpio, pins: [u8; N]) -> Result<String, BoardError> {
    if road == Gpio::Rppal {
        rppal::gpio::Gpio::new().map_err(|error| BoardError::open("the GPIO registers", error))?;
        return Ok("the GPIO registers are ours to write".to_owned());
    }
    let mut chip = header()?;
    for pin in pins {
        let line = chip.get_line(u32::from(pin)).and_then(|line| line.info());
        let info = line.map_err(|error| BoardError::open(name(pin), error))?;
        let user = info.consumer().unwrap_or("another program");
        if info.is_used() && user != CONSUMER {
            return Err(BoardError::open(
                name(pin),
                format!("it is in use by {user}"),
            ));
        }
    }
    Ok(format!("the lines of {} are there", chip.label()))
}

fn request(chip: &mut Chip, pin: u8) -> Result<CdevPin, BoardError> {
    let line = chip
        .get_line(u32::from(pin))
        .map_err(|error| BoardError::open(name(pin), error))?;
    line.request(LineRequestFlags::OUTPUT, 0, CONSUMER)
        .and_then(CdevPin::new)
        .map_err(|error| {
            let user = line
                .info()
                .ok()
                .and_then(|info| info.consumer().map(str::to_owned));
            let user = user.map_or(String::new(), |user| format!(" (it is in use by {user})"));
            BoardError::open(format!("{}{user}", name(pin)), error)
        })
}

fn header() -> Result<Chip, BoardError> {
    let what = format!("a GPIO chip labelled {}", header_chip::LABELS.join(", "));
    header_chip::open().map_err(|error| BoardError::open(what, error))
}

fn name(pin: u8) -> String {
    format!("GPIO {pin}")
}

/// All of the lines, or the first error.
fn collect<P: OutputPin, const N: usize>(
    pins: [u8; N],
    mut open: impl FnMut(u8) -> Result<P, BoardError>,
) -> Result<[P; N], BoardError> {
    let mut lines = Vec::with_capacity(N);
    for pin in pins {
        lines.push(open(pin)?);
    }
    lines
        .try_into()
        .map_err(|_| BoardError::Unexpected("as many lines as pins were asked for".to_owned()))
}
