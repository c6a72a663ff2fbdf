//! The section `display.screen`.

use std::path::{Path, PathBuf};

use daemon::config::Section;
use serde_json::Value;

use super::fields::{choice, text};
use crate::screen::{self, Device, panel};

/// The fastest clock that the wiring of such panels carries.
const SPI_HZ_RANGE: std::ops::RangeInclusive<f64> = 100_000.0..=125_000_000.0;
/// What every ILI9341 and ST7789 takes.
const SPI_HZ: f64 = 32_000_000.0;
/// The 40-pin header has GPIO 0 to 27.
const PIN_MAX: f64 = 27.0;

/// Reads the section.
pub(super) fn read_screen(section: &mut Section<'_>, folder: &Path) -> screen::Settings {
    let drivers = ["panel", "framebuffer", "png", "simulated"];
    let driver = choice(section, "driver", &drivers).unwrap_or("panel");
    let model = match choice(section, "model", &["ili9341", "st7789"]) {
        Some("st7789") => panel::Model::St7789,
        _ => panel::Model::Ili9341,
    };
    let path = text(section, "path").unwrap_or_else(|| "state/display.png".into());
    let copy = text(section, "copy").map(|copy| folder.join(copy));
    let bgr = section.optional("bgr", "true or false", Value::as_bool);
    let panel = read_panel(section, model, bgr);
    let framebuffer =
        screen::framebuffer::Settings::new(text(section, "device"), bgr.unwrap_or(false));
    let device = match driver {
        "framebuffer" => Device::Framebuffer(framebuffer),
        // What a panel in memory would show is what the PNG shows.
        "png" | "simulated" => Device::Png(folder.join(path)),
        _ => Device::Panel(panel),
    };
    screen::Settings { device, copy }
}

fn read_panel(
    section: &mut Section<'_>,
    model: panel::Model,
    bgr: Option<bool>,
) -> panel::Settings {
    let usual = model.usual_mounting();
    let mut pin = |name| section.number(name, 0.0..=PIN_MAX).map(|pin| pin as u32);
    let (dc, reset, backlight) = (pin("dc").unwrap_or(25), pin("reset"), pin("backlight"));
    panel::Settings {
        model,
        spi: text(section, "spi")
            .unwrap_or_else(|| "/dev/spidev0.0".into())
            .into(),
        spi_hz: section.number("spi_hz", SPI_HZ_RANGE).unwrap_or(SPI_HZ) as u32,
        dc,
        reset,
        backlight,
        gpio_chip: text(section, "gpio_chip").map(PathBuf::from),
        mounting: panel::Mounting {
            upside_down: choice(section, "rotate", &["90", "270"]) == Some("270"),
            mirror: section.flag("mirror", usual.mirror),
            bgr: bgr.unwrap_or(usual.bgr),
            invert: section.flag("invert", usual.invert),
        },
    }
}
