//! A panel on the SPI bus: ILI9341 or ST7789, driven by `mipidsi`.
//!
//! The drawing half is generic over `embedded-hal`, so that the same code runs on a Pi's bus and on
//! a panel in a test's memory. The opening half explains what is missing when a device node is. Knows
//! registers only through the driver crate.

use std::io::ErrorKind;
use std::path::PathBuf;

use daemon::header_chip::{self, NotFound};
use embedded_graphics::pixelcolor::Rgb565;
use embedded_graphics::prelude::*;
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{OutputPin, PinState};
use embedded_hal::spi::SpiDevice;
use gpio_cdev::{Chip, LineRequestFlags};
use linux_embedded_hal::spidev::{SpiModeFlags, Spidev, SpidevOptions};
use linux_embedded_hal::{CdevPin, Delay, SpidevDevice};
use mipidsi::interface::{Interface, InterfaceKind, SpiError, SpiInterface};
use mipidsi::models::{ILI9341Rgb565, Model as Driver, ST7789};
use mipidsi::options::{ColorInversion, ColorOrder, Orientation, Rotation};
use mipidsi::{Builder, Display, NoResetPin};

use super::frame::Frame;
use super::sink::{Fault, Sink};

/// The largest write: spidev refuses more than its `bufsiz`, which is 4096 unless somebody changed it.
const CHUNK: usize = 4096;

/// Which controller the panel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// PiTFT 2.4", 2.8", 3.2" and most red boards.
    Ili9341,
    /// Display HAT Mini, Mini PiTFT and most IPS panels.
    St7789,
}

/// How a panel is connected and mounted.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The controller.
    pub model: Model,
    /// The bus and chip select.
    pub spi: PathBuf,
    /// The bus clock.
    pub spi_hz: u32,
    /// Data/command, as a GPIO number of the header.
    pub dc: u32,
    /// Reset, if it is connected.
    pub reset: Option<u32>,
    /// Backlight, if a pin switches it.
    pub backlight: Option<u32>,
    /// The chip of these pins; found by its label if not given.
    pub gpio_chip: Option<PathBuf>,
    /// How it is mounted.
    pub mounting: Mounting,
}

/// Which way up, and which colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mounting {
    /// 90 or 270: the controllers are portrait by nature, the page is landscape.
    pub upside_down: bool,
    /// Mirrored left to right, for a panel that is read in a mirror or wired that way.
    pub mirror: bool,
    /// Blue and red change places.
    pub bgr: bool,
    /// Light and dark change places, as IPS panels need.
    pub invert: bool,
}

impl Model {
    /// What the common boards with this controller need.
    pub fn usual_mounting(self) -> Mounting {
        let ips = self == Model::St7789;
        Mounting {
            upside_down: false,
            mirror: false,
            bgr: !ips,
            invert: ips,
        }
    }
}

/// Opens the panel on its bus, initialises it and lights it.
pub fn open(settings: &Settings) -> Result<Box<dyn Sink>, Fault> {
    let spi = open_spi(settings)?;
    let mut chip = open_chip(settings)?;
    let dc = open_pin(&mut chip, settings.dc, "dc")?;
    let reset = settings
        .reset
        .map(|pin| open_pin(&mut chip, pin, "reset"))
        .transpose()?;
    let backlight = settings
        .backlight
        .map(|pin| open_pin(&mut chip, pin, "backlight"))
        .transpose()?;
    start(
        settings.model,
        settings.mounting,
        spi,
        dc,
        reset,
        backlight,
        &mut Delay,
    )
}

/// Initialises a panel on any bus, and gives the sink that draws on it.
pub fn start<SPI, PIN>(
    model: Model,
    mounting: Mounting,
    spi: SPI,
    dc: PIN,
    reset: Option<PIN>,
    backlight: Option<PIN>,
    delay: &mut impl DelayNs,
) -> Result<Box<dyn Sink>, Fault>
where
    SPI: SpiDevice + Send + 'static,
    PIN: OutputPin + Send + 'static,
{
    if let Some(mut reset) = reset {
        pulse(&mut reset, delay).map_err(|error| lost(&error))?;
    }
    let bus = Bus {
        spi,
        dc,
        buffer: vec![0; CHUNK].into(),
    };
    match model {
        Model::Ili9341 => initialise(ILI9341Rgb565, mounting, bus, backlight, delay),
        Model::St7789 => initialise(ST7789, mounting, bus, backlight, delay),
    }
}

/// ILI9341 15.4 and ST7789 7.4.5: low for 10 µs or more, then 120 ms before the first command.
fn pulse<PIN: OutputPin>(reset: &mut PIN, delay: &mut impl DelayNs) -> Result<(), PIN::Error> {
    reset.set_low()?;
    delay.delay_us(20);
    reset.set_high()?;
    delay.delay_ms(120);
    Ok(())
}

fn initialise<SPI, PIN, D>(
    driver: D,
    mounting: Mounting,
    bus: Bus<SPI, PIN>,
    backlight: Option<PIN>,
    delay: &mut impl DelayNs,
) -> Result<Box<dyn Sink>, Fault>
where
    SPI: SpiDevice + Send + 'static,
    PIN: OutputPin + Send + 'static,
    D: Driver<ColorFormat = Rgb565> + Send + 'static,
{
    let display = Builder::new(driver, bus)
        .orientation(mounting.orientation())
        .color_order(if mounting.bgr {
            ColorOrder::Bgr
        } else {
            ColorOrder::Rgb
        })
        .invert_colors(if mounting.invert {
            ColorInversion::Inverted
        } else {
            ColorInversion::Normal
        })
        .init(delay)
        .map_err(|error| lost(&error))?;
    Ok(Box::new(Panel { display, backlight }))
}

/// The driver's way to the panel, with a buffer that it owns: a panel that comes and goes for months
/// must leave nothing behind.
struct Bus<SPI, PIN> {
    spi: SPI,
    dc: PIN,
    buffer: Box<[u8]>,
}

impl<SPI: SpiDevice, PIN: OutputPin> Bus<SPI, PIN> {
    fn interface(&mut self) -> SpiInterface<'_, &mut SPI, &mut PIN> {
        SpiInterface::new(&mut self.spi, &mut self.dc, &mut self.buffer)
    }
}

impl<SPI: SpiDevice, PIN: OutputPin> Interface for Bus<SPI, PIN> {
    type Word = u8;
    type Error = SpiError<SPI::Error, PIN::Error>;
    const KIND: InterfaceKind = InterfaceKind::Serial4Line;

    fn send_command(&mut self, command: u8, arguments: &[u8]) -> Result<(), Self::Error> {
        self.interface().send_command(command, arguments)
    }

    fn send_pixels<const N: usize>(
        &mut self,
        pixels: impl IntoIterator<Item = [u8; N]>,
    ) -> Result<(), Self::Error> {
        self.interface().send_pixels(pixels)
    }

    fn send_repeated_pixel<const N: usize>(
        &mut self,
        pixel: [u8; N],
        count: u32,
    ) -> Result<(), Self::Error> {
        self.interface().send_repeated_pixel(pixel, count)
    }
}

impl Mounting {
    fn orientation(self) -> Orientation {
        let rotation = if self.upside_down {
            Rotation::Deg270
        } else {
            Rotation::Deg90
        };
        let orientation = Orientation::new().rotate(rotation);
        if self.mirror {
            orientation.flip_horizontal()
        } else {
            orientation
        }
    }
}

/// A panel that has been initialised.
struct Panel<SPI, PIN, D>
where
    SPI: SpiDevice,
    PIN: OutputPin,
    D: Driver<ColorFormat = Rgb565>,
{
    display: Display<Bus<SPI, PIN>, D, NoResetPin>,
    /// Lit with the first frame, so that nobody sees what the panel's memory woke up with.
    backlight: Option<PIN>,
}

impl<SPI, PIN, D> Sink for Panel<SPI, PIN, D>
where
    SPI: SpiDevice + Send,
    PIN: OutputPin + Send,
    D: Driver<ColorFormat = Rgb565> + Send,
{
    fn show(&mut self, frame: &Frame) -> Result<(), Fault> {
        let area = self.display.bounding_box();
        self.display
            .fill_contiguous(&area, frame.pixels().iter().copied())
            .map_err(|error| lost(&error))?;
        if let Some(backlight) = &mut self.backlight {
            backlight
                .set_state(PinState::High)
                .map_err(|error| lost(&error))?;
        }
        Ok(())
    }
}

fn lost(error: &impl std::fmt::Debug) -> Fault {
    Fault {
        what: format!("the panel does not take what is sent: {error:?}"),
        remedy: "check its plug and its cable".into(),
    }
}

fn open_spi(settings: &Settings) -> Result<SpidevDevice, Fault> {
    let path = settings.spi.display();
    let mut spi = Spidev::open(&settings.spi).map_err(|error| Fault {
        what: format!("cannot open {path}: {error}"),
        remedy: match error.kind() {
            ErrorKind::NotFound => {
                "switch SPI on with `sudo raspi-config nonint do_spi 0`; if a display overlay \
                 in /boot/firmware/config.txt drives the panel, it takes spidev away: set \
                 screen.driver to \"framebuffer\" instead"
                    .into()
            }
            ErrorKind::PermissionDenied => {
                "add the user to the group spi: `sudo usermod -aG spi $USER`".into()
            }
            _ => "check screen.spi in the config".into(),
        },
    })?;
    let options = SpidevOptions::new()
        .max_speed_hz(settings.spi_hz)
        .mode(SpiModeFlags::SPI_MODE_0)
        .bits_per_word(8)
        .build();
    spi.configure(&options).map_err(|error| Fault {
        what: format!(
            "{path} does not take {} Hz in mode 0: {error}",
            settings.spi_hz
        ),
        remedy: "lower screen.spi_hz in the config".into(),
    })?;
    Ok(SpidevDevice(spi))
}

fn open_chip(settings: &Settings) -> Result<Chip, Fault> {
    if let Some(path) = &settings.gpio_chip {
        return Chip::new(path).map_err(|error| Fault {
            what: format!("cannot open {}: {error}", path.display()),
            remedy: "check screen.gpio_chip in the config".into(),
        });
    }
    header_chip::open().map_err(|NotFound { seen }| Fault {
        what: "cannot find the GPIO chip of the 40-pin header".into(),
        remedy: if seen.is_empty() {
            "there is no /dev/gpiochip* that may be read: add the user to the group gpio: \
             `sudo usermod -aG gpio $USER`"
                .into()
        } else {
            format!(
                "set screen.gpio_chip in the config to one of {}",
                seen.join(", ")
            )
        },
    })
}

fn open_pin(chip: &mut Chip, number: u32, role: &str) -> Result<CdevPin, Fault> {
    let line = chip.get_line(number);
    let pin = line.and_then(|line| line.request(LineRequestFlags::OUTPUT, 0, "outpost-display"));
    pin.and_then(CdevPin::new).map_err(|error| Fault {
        what: format!("cannot have GPIO {number} as {role}: {error}"),
        remedy: format!("check screen.{role} in the config, and that nothing else uses the pin"),
    })
}
