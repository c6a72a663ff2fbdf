//! The config file: from JSON to [`Settings`], checked once, with all problems reported together.
//!
//! Everything of the display is in the section `display`; the original's flat keys are accepted beside
//! it, and the robot's keys are none of our business. Nobody checks again after this.

mod fields;
mod screen_section;

use std::path::{Path, PathBuf};
use std::time::Duration;

use daemon::config::{Document, Error, Problem, Section};
use jiff::tz::TimeZone;
use url::Url;

use self::fields::{choice, text};
use self::screen_section::read_screen;
use crate::view::words::Wording;
use crate::{mars, screen};

/// The original's five minutes.
const INTERVAL_MINUTES: f64 = 5.0;
/// From three seconds, for a demonstration, to a week.
const INTERVAL_MINUTES_RANGE: std::ops::RangeInclusive<f64> = 0.05..=10_080.0;

/// Keys of the same file that belong to the robot, and of the original's secrets that belong to the
/// operating system.
const FOREIGN: [&str; 15] = [
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
    "audio",
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
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Unusable {
    /// All that is wrong; what is said of this is said of it, so it is no cause beside it.
    pub error: Error,
    /// The screen, if that part was understood: it can say what is wrong with the rest.
    pub screen: Option<Box<screen::Settings>>,
}

impl Settings {
    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Self, Unusable> {
        match Document::load(path) {
            Ok(document) => Self::check(document),
            Err(error) => Err(Unusable {
                error,
                screen: None,
            }),
        }
    }

    fn check(document: Document) -> Result<Self, Unusable> {
        let folder = document.folder();
        let mut top = document.top();
        top.ignore(&FOREIGN);
        let original = Original {
            url: text(&mut top, "mars_api_url"),
            key: text(&mut top, "mars_api_key").or(text(&mut top, "api_key")),
            interval: top.number("interval_minutes", INTERVAL_MINUTES_RANGE),
            zone: text(&mut top, "timezone"),
        };
        let mut display = top.section("display");
        let screen = read_screen(&mut display.section("screen"), folder);
        let settings = original.completed(&mut display, folder, screen.clone());
        drop((top, display));
        document.finish(settings, |_| true).map_err(|error| {
            let of_screen = |problem: &Problem| problem.key.starts_with("display.screen");
            let unclear = matches!(&error, Error::Wrong(_, all) if all.iter().any(of_screen));
            let screen = (!unclear).then(|| Box::new(screen));
            Unusable { error, screen }
        })
    }

    /// How texts are written for this reader.
    pub fn wording(&self) -> Wording {
        Wording {
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
    fn completed(
        self,
        display: &mut Section<'_>,
        folder: &Path,
        screen: screen::Settings,
    ) -> Option<Settings> {
        let url = text(display, "url").or(self.url);
        let key = text(display, "key")
            .or(self.key)
            .filter(|key| !key.trim().is_empty());
        let minutes = display
            .number("interval_minutes", INTERVAL_MINUTES_RANGE)
            .or(self.interval);
        let units = choice(display, "units", &["C", "F"]);
        let zone = text(display, "timezone").or(self.zone);
        let zone = zone.map_or(Some(TimeZone::UTC), |zone| read_zone(&zone, display));
        let ca = text(display, "ca").map(|ca| folder.join(ca));
        let cache = text(display, "cache").map(|cache| folder.join(cache));
        Some(Settings {
            url: read_url(url, display)?,
            key: key.map(|key| key.trim().to_owned()),
            ca,
            interval: Duration::from_secs_f64(minutes.unwrap_or(INTERVAL_MINUTES) * 60.0),
            fahrenheit: units == Some("F"),
            zone: zone?,
            cache: cache.unwrap_or_else(|| default_cache(folder)),
            limit: mars::fetch::LIMIT,
            screen,
        })
    }
}

/// systemd's `StateDirectory=` if there is one, else beside the config.
fn default_cache(folder: &Path) -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| folder.join("state/display"), PathBuf::from)
}

fn read_url(url: Option<String>, display: &mut Section<'_>) -> Option<Url> {
    let Some(text) = url else {
        display.problem(
            "url",
            "is missing: the address of the Mars API, as https://station.local:8443/mars".into(),
        );
        return None;
    };
    let url = Url::parse(text.trim()).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        let words = "it must be an address as https://station.local:8443/mars";
        display.problem("url", format!("is {text:?}: {words}"));
    }
    url
}

fn read_zone(zone: &str, display: &mut Section<'_>) -> Option<TimeZone> {
    let found = match zone {
        "UTC" => Ok(TimeZone::UTC),
        "local" => Ok(TimeZone::system()),
        name => TimeZone::get(name),
    };
    if found.is_err() {
        let words = r#"it must be "UTC", "local" or a name as "Europe/Berlin""#;
        display.problem("timezone", format!("is {zone:?}: {words}"));
    }
    found.ok()
}

#[cfg(test)]
mod tests;
