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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> Result<Settings, String> {
        let Value::Object(root) = serde_json::from_str(json).unwrap() else {
            panic!("not an object");
        };
        Settings::from_json(&root, Path::new("/etc/outpost"))
            .map_err(|(problems, _)| problems.join("\n"))
    }

    #[test]
    fn an_address_is_all_it_takes() {
        let settings =
            settings(r#"{"display":{"url":"https://station.local:8443/mars"}}"#).unwrap();
        assert_eq!(settings.url.as_str(), "https://station.local:8443/mars");
        assert_eq!(settings.key, None);
        assert_eq!(settings.interval, Duration::from_secs(300));
        assert_eq!(settings.zone, TimeZone::UTC);
        let Device::Panel(panel) = settings.screen.device else {
            panic!("a panel is the usual screen");
        };
        assert_eq!(panel.model, panel::Model::Ili9341);
        assert_eq!((panel.dc, panel.spi_hz), (25, 32_000_000));
        assert_eq!(panel.spi, Path::new("/dev/spidev0.0"));
    }

    #[test]
    fn the_originals_keys_are_accepted_and_the_section_wins() {
        let original = r#"{"ssid":"x","password":"y","interval_minutes":5,"timezone":"America/Phoenix",
            "mars_api_url":"https://a.execute-api.us-east-1.amazonaws.com/Prod/mars","mars_api_key":"abc"}"#;
        let settings = settings(original).unwrap();
        assert_eq!(settings.key.as_deref(), Some("abc"));
        assert_eq!(settings.zone.iana_name(), Some("America/Phoenix"));
        let both = original.replacen('{', r#"{"display":{"key":"def","interval_minutes":15},"#, 1);
        let settings = super::tests::settings(&both).unwrap();
        assert_eq!(settings.key.as_deref(), Some("def"));
        assert_eq!(settings.interval, Duration::from_secs(900));
    }

    #[test]
    fn a_robots_config_may_hold_a_display_too() {
        let json = r#"{"IOT_THINGNAME":"rover","motors":{"driver":"simulated"},
            "display":{"url":"http://h/mars","screen":{"driver":"png","path":"d.png","copy":null}}}"#;
        let settings = settings(json).unwrap();
        assert_eq!(
            settings.screen.device,
            Device::Png("/etc/outpost/d.png".into())
        );
        assert_eq!(settings.cache, Path::new("/etc/outpost/state/display"));
    }

    #[test]
    fn every_problem_is_reported_with_its_key_its_value_and_what_would_be_right() {
        let problems = settings(
            r#"{"dispaly":{},"display":{"url":"mars","interval_minutes":"5","units":"K","timezone":"Mars/Gale",
                "intervall":1,"screen":{"driver":"lcd","dc":99,"bgr":"yes","spi_mhz":32,"rotate":45}}}"#,
        )
        .unwrap_err();
        let expected = [
            "dispaly is not a known key: did you mean display?",
            r#"display.url is "mars": it must be an address"#,
            r#"display.interval_minutes is "5": it must be a number from 0.05 to 10080"#,
            r#"display.units is "K": it must be one of C, F"#,
            r#"display.timezone is "Mars/Gale": it must be "UTC", "local" or a name"#,
            "display.intervall is not a known key: did you mean interval_minutes?",
            r#"display.screen.driver is "lcd": it must be one of panel, framebuffer, png, simulated"#,
            "display.screen.dc is 99: it must be a number from 0 to 27",
            r#"display.screen.bgr is "yes": it must be true or false"#,
            "display.screen.spi_mhz is not a known key: did you mean spi_hz?",
            "display.screen.rotate is 45: it must be one of 90, 270",
        ];
        for words in expected {
            assert!(problems.contains(words), "{words:?} is not in\n{problems}");
        }
        assert_eq!(problems.lines().count(), expected.len(), "{problems}");
    }

    #[test]
    fn a_missing_address_still_lets_the_screen_say_so() {
        let json = r#"{"display":{"screen":{"driver":"png","path":"/x.png"}}}"#;
        let Value::Object(root) = serde_json::from_str(json).unwrap() else {
            panic!("not an object");
        };
        let (problems, screen) = Settings::from_json(&root, Path::new("")).unwrap_err();
        assert!(
            problems[0].contains("display.url is missing"),
            "{problems:?}"
        );
        assert_eq!(screen.unwrap().device, Device::Png("/x.png".into()));
    }

    #[test]
    fn pins_and_mounting_are_read() {
        let settings = settings(
            r#"{"display":{"url":"http://h/mars","units":"f","screen":{"model":"st7789","spi":"/dev/spidev0.1",
                "spi_hz":60000000,"dc":9,"reset":27,"backlight":13,"rotate":270,"invert":false}}}"#,
        )
        .unwrap();
        assert!(settings.fahrenheit);
        let Device::Panel(panel) = settings.screen.device else {
            panic!("a panel is the usual screen");
        };
        assert_eq!(
            (panel.dc, panel.reset, panel.backlight),
            (9, Some(27), Some(13))
        );
        let mounting = panel::Mounting {
            upside_down: true,
            mirror: false,
            bgr: false,
            invert: false,
        };
        assert_eq!(panel.mounting, mounting);
    }

    #[test]
    fn the_shipped_example_holds_every_key_with_working_values() {
        let text = include_str!("../../config.json.example");
        settings(text).unwrap();
        for place in ["/display", "/display/screen"] {
            let mut json: Value = serde_json::from_str(text).unwrap();
            let section = json.pointer_mut(place).unwrap().as_object_mut().unwrap();
            let shipped: Vec<_> = section.keys().cloned().collect();
            // The problem with a key like no other names all that there are.
            section.insert("\u{7f}".into(), Value::Null);
            let problem = settings(&json.to_string()).unwrap_err();
            let (_, known) = problem.split_once("known are ").unwrap();
            for key in known.split(", ") {
                assert!(shipped.iter().any(|it| it == key), "{place} lacks {key}");
            }
        }
    }

    #[test]
    fn the_manuals_example_is_valid() {
        let manual = include_str!("../../docs/display.md");
        let example = manual
            .split("```json")
            .nth(1)
            .and_then(|rest| rest.split("```").next());
        let settings = settings(example.unwrap()).unwrap();
        assert_eq!(settings.zone.iana_name(), Some("Europe/Berlin"));
        assert_eq!(
            settings.screen.copy.as_deref(),
            Some(Path::new("/etc/outpost/state/display.png"))
        );
    }
}
