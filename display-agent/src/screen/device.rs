//! Which device there is, by the config.

use std::fmt;
use std::path::PathBuf;

use super::sink::{Fault, Sink};
use super::{framebuffer, panel, png};

/// Which device, and how it is connected.
#[derive(Clone, Debug, PartialEq)]
pub enum Device {
    /// A panel on the SPI bus.
    Panel(panel::Settings),
    /// A framebuffer of the kernel.
    Framebuffer(framebuffer::Settings),
    /// A PNG file.
    Png(PathBuf),
}

/// What the config says about the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The device.
    pub device: Device,
    /// A PNG file that always holds what the screen shows, for a console.
    pub copy: Option<PathBuf>,
}

impl Device {
    /// Opens it.
    pub fn open(&self) -> Result<Box<dyn Sink>, Fault> {
        Ok(match self {
            Device::Panel(settings) => panel::open(settings)?,
            Device::Framebuffer(settings) => Box::new(framebuffer::Framebuffer::open(settings)?),
            Device::Png(path) => Box::new(png::PngFile::new(path)),
        })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Panel(panel) => write!(f, "{:?} on {}", panel.model, panel.spi.display()),
            Device::Framebuffer(settings) => {
                write!(
                    f,
                    "framebuffer {}",
                    settings.device.as_deref().unwrap_or("of the panel")
                )
            }
            Device::Png(path) => write!(f, "{}", path.display()),
        }
    }
}
