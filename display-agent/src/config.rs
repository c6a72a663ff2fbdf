//! The config file: from JSON to [`Settings`], checked once, with all problems reported together.
//!
//! Everything of the display is in the section `display`; the original's flat keys are accepted beside
//! it, and the robot's keys are none of our business. Nobody checks again after this.

mod section;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use url::Url;

use self::section::Section;
use crate::screen::{Device, panel};
use crate::{feed, screen};

/// The original's five minutes.
const INTERVAL_MINUTES: f64 = 5.0;
/// From three seconds, for a demonstration, to a week.
const INTERVAL_MINUTES_RANGE: std::ops::RangeInclusive<f64> = 0.05..=10_080.0;
/// The fastest clock that the wiring of such panels carries.
const SPI_HZ_RANGE: std::ops::RangeInclusive<f64> = 100_000.0..=125_000_000.0;
/// What every ILI9341 and ST7789 takes.
const SPI_HZ: f64 = 32_000_000.0;
/// The 40-pin header has GPIO 0 to 27.
const PIN_MAX: f64 = 27.0;

/// Keys of the same file that belong to the robot, and of the original's secrets that belong to the
/// operating system.
const FOREIGN: [&str; 14] = [
    "IOT_THINGNAME",
    "IOT_CORE_ENDPOINT",
    "IOT_GET_CREDENTIAL_ENDPOINT",
    "ROLE_ALIAS",
    "AWS_DEFAULT_REGION",
    "KVS_ENDPOINT",
    "certs",
    "mqtt",
    "motors",
    "drive",
    "telemetry",
    "video",
    "ssid",
    "password",
];

/// Everything a display needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The Mars API.
    pub url: Url,
    /// Its key.
    pub key: Option<String>,
    /// A file with the only certificate authorities to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// Between two polls.
    pub interval: Duration,
    /// °F rather than °C.
    pub fahrenheit: bool,
    /// The zone of every time on the screen.
    pub zone: TimeZone,
    /// Where the last good picture is kept.
    pub cache: PathBuf,
    /// The limit on one request.
    pub limit: Duration,
    /// The screen.
    pub screen: screen::Settings,
}

/// A config that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {}", path.display(), problems.join("; "))]
pub struct Unusable {
    /// The file.
    pub path: PathBuf,
    /// Each with its key, its value and what would be right.
    pub problems: Vec<String>,
    /// The screen, if that part was understood: it can say what is wrong with the rest.
    pub screen: Option<Box<screen::Settings>>,
}

impl Settings {
    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Self, Unusable> {
        let unusable = |problem| Unusable {
            path: path.to_owned(),
            problems: vec![problem],
            screen: None,
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| unusable(format!("cannot be read: {error}")))?;
        let value = serde_json::from_str(&text)
            .map_err(|error| unusable(format!("is not JSON: {error}")))?;
        let Value::Object(root) = value else {
            return Err(unusable("is not a JSON object".into()));
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::from_json(&root, folder).map_err(|(problems, screen)| Unusable {
            path: path.to_owned(),
            problems,
            screen,
        })
    }

    /// From the file's object; relative paths are relative to `folder`.
    fn from_json(
        root: &Map<String, Value>,
        folder: &Path,
    ) -> Result<Self, (Vec<String>, Option<Box<screen::Settings>>)> {
        let mut problems = Vec::new();
        let mut top = Section::new("", root, &mut problems);
        top.ignore(&FOREIGN);
        let original = Original {
            url: top.text("mars_api_url"),
            key: top.text("mars_api_key").or(top.text("api_key")),
            interval: top.number("interval_minutes", INTERVAL_MINUTES_RANGE),
            zone: top.text("timezone"),
        };
        let display = top.section("display");
        top.finish();
        let empty = Map::new();
        let mut display = Section::new("display.", display.unwrap_or(&empty), &mut problems);
        let screen = display.section("screen");
        let settings = original.completed(&mut display, folder);
        display.finish();
        let screen = read_screen(screen.unwrap_or(&empty), folder, &mut problems);
        match (settings, screen) {
            (Some(mut settings), Some(screen)) if problems.is_empty() => {
                settings.screen = screen;
                Ok(settings)
            }
            (_, screen) => Err((problems, screen.map(Box::new))),
        }
    }

    /// How texts are written for this reader.
    pub fn manner(&self) -> crate::page::words::Manner {
        crate::page::words::Manner {
            fahrenheit: self.fahrenheit,
            zone: self.zone.clone(),
            host: self.url.host_str().unwrap_or("the Mars API").to_owned(),
            has_key: self.key.is_some(),
        }
    }
}

/// The flat keys of the original.
struct Original {
    url: Option<String>,
    key: Option<String>,
    interval: Option<f64>,
    zone: Option<String>,
}

impl Original {
    fn completed(self, display: &mut Section<'_, '_>, folder: &Path) -> Option<Settings> {
        let url = display.text("url").or(self.url);
        let key = display
            .text("key")
            .or(self.key)
            .filter(|key| !key.trim().is_empty());
        let minutes = display
            .number("interval_minutes", INTERVAL_MINUTES_RANGE)
            .or(self.interval);
        let units = display.choice("units", &["C", "F"]);
        let zone = display.text("timezone").or(self.zone);
        let zone = zone.map_or(Some(TimeZone::UTC), |zone| read_zone(&zone, display));
        let ca = display.text("ca").map(|ca| folder.join(ca));
        let cache = display.text("cache").map(|cache| folder.join(cache));
        Some(Settings {
            url: read_url(url, display)?,
            key: key.map(|key| key.trim().to_owned()),
            ca,
            interval: Duration::from_secs_f64(minutes.unwrap_or(INTERVAL_MINUTES) * 60.0),
            fahrenheit: units == Some("F"),
            zone: zone?,
            cache: cache.unwrap_or_else(|| default_cache(folder)),
            limit: feed::fetch::LIMIT,
            screen: screen::Settings {
                device: Device::Png(PathBuf::new()),
                copy: None,
            },
        })
    }
}

/// systemd's `StateDirectory=` if there is one, else beside the config.
fn default_cache(folder: &Path) -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| folder.join("state/display"), PathBuf::from)
}

fn read_url(url: Option<String>, display: &mut Section<'_, '_>) -> Option<Url> {
    let Some(text) = url else {
        display.problem(
            "url",
            "is missing: the address of the Mars API, as https://station.local:8443/mars",
        );
        return None;
    };
    let url = Url::parse(text.trim()).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        let words =
            format!("is {text:?}: it must be an address as https://station.local:8443/mars");
        display.problem("url", &words);
    }
    url
}

fn read_zone(zone: &str, display: &mut Section<'_, '_>) -> Option<TimeZone> {
    let found = match zone {
        "UTC" => Ok(TimeZone::UTC),
        "local" => Ok(TimeZone::system()),
        name => TimeZone::get(name),
    };
    if found.is_err() {
        let words =
            format!("is {zone:?}: it must be \"UTC\", \"local\" or a name as \"Europe/Berlin\"");
        display.problem("timezone", &words);
    }
    found.ok()
}

fn read_screen(
    json: &Map<String, Value>,
    folder: &Path,
    problems: &mut Vec<String>,
) -> Option<screen::Settings> {
    let before = problems.len();
    let mut section = Section::new("display.screen.", json, problems);
    let drivers = ["panel", "framebuffer", "png", "simulated"];
    let driver = section.choice("driver", &drivers).unwrap_or("panel");
    let model = match section.choice("model", &["ili9341", "st7789"]) {
        Some("st7789") => panel::Model::St7789,
        _ => panel::Model::Ili9341,
    };
    let path = section.text("path").map_or_else(
        || folder.join("state/display.png"),
        |path| folder.join(path),
    );
    let copy = section.text("copy").map(|copy| folder.join(copy));
    let bgr = section.flag("bgr");
    let panel = read_panel(&mut section, model, bgr);
    let framebuffer =
        screen::framebuffer::Settings::new(section.text("device"), bgr.unwrap_or(false));
    section.finish();
    let device = match driver {
        "framebuffer" => Device::Framebuffer(framebuffer),
        "png" => Device::Png(path),
        "simulated" => Device::Simulated(model, path),
        _ => Device::Panel(panel),
    };
    (problems.len() == before).then_some(screen::Settings { device, copy })
}

fn read_panel(
    section: &mut Section<'_, '_>,
    model: panel::Model,
    bgr: Option<bool>,
) -> panel::Settings {
    let usual = model.usual_mounting();
    let mut pin = |name| section.number(name, 0.0..=PIN_MAX).map(|pin| pin as u32);
    let (dc, reset, backlight) = (pin("dc").unwrap_or(25), pin("reset"), pin("backlight"));
    panel::Settings {
        model,
        spi: section
            .text("spi")
            .unwrap_or_else(|| "/dev/spidev0.0".into())
            .into(),
        spi_hz: section.number("spi_hz", SPI_HZ_RANGE).unwrap_or(SPI_HZ) as u32,
        dc,
        reset,
        backlight,
        gpio_chip: section.text("gpio_chip").map(PathBuf::from),
        mounting: panel::Mounting {
            upside_down: section.choice("rotate", &["90", "270"]) == Some("270"),
            mirror: section.flag("mirror").unwrap_or(usual.mirror),
            bgr: bgr.unwrap_or(usual.bgr),
            invert: section.flag("invert").unwrap_or(usual.invert),
        },
    }
}
