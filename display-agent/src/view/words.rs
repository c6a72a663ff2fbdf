//! From readings and errors to the texts of a page, in the reader's units and zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::mars::{Error, Kind, Part, Snapshot};
use crate::page::{Notice, Row, Weather};

/// How a reader wants things written.
#[derive(Clone, Debug)]
pub struct Wording {
    /// °F rather than °C.
    pub fahrenheit: bool,
    /// The zone of every time on the screen.
    pub zone: TimeZone,
    /// The host that is asked, for notices.
    pub host: String,
    /// Whether there is a key at all.
    pub has_key: bool,
}

impl Default for Wording {
    /// As the original: °C and UTC.
    fn default() -> Self {
        Self {
            fahrenheit: false,
            zone: TimeZone::UTC,
            host: "the Mars API".into(),
            has_key: false,
        }
    }
}

/// A sensor that took no reading: normal on Mars.
const NO_READING: &str = "no reading";
/// A word that the source left out.
const UNKNOWN: &str = "unknown";
/// A value that came and made no sense: the backend's fault.
const UNREADABLE: &str = "unreadable";
/// Times older than this are written with their day.
const SAME_DAY: i64 = 20 * 3600;

impl Wording {
    /// Picture and weather as they are known.
    pub fn weather(&self, snapshot: &Snapshot, caution: Option<String>) -> Weather {
        let (weather, bad) = (&snapshot.answer.weather, &snapshot.answer.unreadable);
        let row = |label, name, value: Option<String>, missing| {
            let instead = if bad.contains(&name) {
                UNREADABLE
            } else {
                missing
            };
            Row {
                label,
                value: value.ok_or(instead),
            }
        };
        let reading = |label, name, value| row(label, name, value, NO_READING);
        let word = |label, name, value| row(label, name, value, UNKNOWN);
        let last = weather
            .last_utc
            .as_ref()
            .map(|text| self.reading_time(text));
        let degrees = weather.av_at.map(|celsius| self.degrees(celsius));
        let wind = weather
            .av_hws
            .map(|speed| format!("{} m/s", decimal(speed, 1)));
        let pressure = weather
            .av_pre
            .map(|pascal| format!("{} Pa", decimal(pascal, 0)));
        Weather {
            picture: snapshot.picture.clone(),
            top: [
                word("Measured", "Last_UTC", last),
                word("Season", "season", weather.season.clone()),
            ],
            bottom: [
                word("Mars day", "sol", weather.sol.clone()),
                reading("Temperature", "av_at", degrees),
                reading("Wind", "av_HWS", wind),
                reading("Pressure", "av_PRE", pressure),
            ],
            caution,
        }
    }

    fn is_utc(&self) -> bool {
        self.zone == TimeZone::UTC
    }

    fn degrees(&self, celsius: f64) -> String {
        if self.fahrenheit {
            format!("{} °F", decimal(celsius * 1.8 + 32.0, 1))
        } else {
            format!("{} °C", decimal(celsius, 1))
        }
    }

    /// A feed's time in the reader's zone; a mere date, or what nobody understands, as it is.
    fn reading_time(&self, text: &str) -> String {
        if let Ok(time) = text.parse::<Timestamp>() {
            let zoned = time.to_zoned(self.zone.clone());
            return zoned.strftime("%-d %b %Y %H:%M %Z").to_string();
        }
        match text.parse::<Date>() {
            Ok(date) => date.strftime("%-d %b %Y").to_string(),
            Err(_) => text.to_owned(),
        }
    }

    /// A time of this display's own, as short as it can be without being ambiguous.
    pub fn time(&self, unix: i64, now_unix: i64) -> String {
        let Ok(time) = Timestamp::from_second(unix) else {
            return "an unknown time".into();
        };
        let day = if (now_unix - unix).abs() < SAME_DAY {
            ""
        } else {
            "%-d %b "
        };
        let zone = if self.is_utc() { " UTC" } else { "" };
        time.to_zoned(self.zone.clone())
            .strftime(&format!("{day}%H:%M{zone}"))
            .to_string()
    }

    /// An error in few words, for the line under the weather.
    pub fn short(&self, error: &Error) -> &'static str {
        match (error.part, error.kind) {
            (_, Kind::Network) => "No connection",
            (_, Kind::TooSlow) => "No answer in time",
            (_, Kind::Certificate) => "Certificate not trusted",
            (Part::Answer, Kind::Key) if !self.has_key => "Key missing",
            (Part::Answer, Kind::Key) => "Key refused",
            (Part::Answer, Kind::Address) => "Wrong address",
            (_, Kind::Busy) => "Server busy",
            (_, Kind::Server) => "Server fault",
            (Part::Answer, Kind::Nonsense) => "Answer unreadable",
            (Part::Picture, Kind::Key | Kind::Address) => "Picture not there",
            (Part::Picture, Kind::Nonsense) => "Picture unusable",
        }
    }

    /// The page before anything ever arrived.
    pub fn first_boot(&self, error: Option<&Error>) -> Notice {
        let text = match error {
            None => format!("Asking {} for the first picture and weather.", self.host),
            Some(error) => format!("Not there yet: {}. Asking again.", error.detail),
        };
        Notice {
            title: "Waiting for Mars".into(),
            text,
            remedy: None,
            foot: format!("Outpost display {}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// The page of an error that has nothing to hide behind.
    pub fn error_page(&self, error: &Error, since_unix: i64, now_unix: i64) -> Notice {
        let (title, remedy) = self.title_and_remedy(error, now_unix);
        let foot = if error.is_configuration() {
            "Asks again at every interval."
        } else {
            "Trying again by itself."
        };
        Notice {
            title: title.into(),
            text: sentence(&error.detail),
            remedy: Some(remedy),
            foot: format!("Since {}. {foot}", self.time(since_unix, now_unix)),
        }
    }

    fn title_and_remedy(&self, error: &Error, now_unix: i64) -> (&'static str, String) {
        match error.kind {
            Kind::Network => (
                "No connection",
                format!("Check the Wi-Fi or the cable, and that {} is running.", self.host),
            ),
            Kind::TooSlow => ("No answer in time", format!("The network is slow, or {} is stuck.", self.host)),
            Kind::Certificate => (
                "Certificate not trusted",
                format!(
                    "It is {} on this clock; if that is wrong, wait for network time. \
                     For a ground station, set display.ca to its ca.pem.",
                    self.date(now_unix)
                ),
            ),
            Kind::Key if self.has_key => (
                "The key is refused",
                "Put a valid key into display.key in config.json, and restart display-agent.".into(),
            ),
            Kind::Key => (
                "A key is needed",
                "Put the key of the Mars API into display.key in config.json, and restart display-agent.".into(),
            ),
            Kind::Address => (
                "Wrong address",
                "Check display.url in config.json; the address of a Mars API ends in /mars.".into(),
            ),
            Kind::Busy => ("The server is busy", "Nothing to do here: it asked for patience.".into()),
            Kind::Server => ("The server has a fault", format!("Look into the log of {}.", self.host)),
            Kind::Nonsense => (
                "An answer without sense",
                "Check that display.url in config.json is a Mars API.".into(),
            ),
        }
    }

    /// Day and time in full.
    pub fn date(&self, unix: i64) -> String {
        let time = Timestamp::from_second(unix)
            .unwrap_or_default()
            .to_zoned(self.zone.clone());
        time.strftime("%-d %b %Y %H:%M").to_string()
    }
}

/// The page for those who look at the copy of a screen that cannot be opened.
pub fn no_panel(what: &str, remedy: &str) -> Notice {
    Notice {
        title: "No screen".into(),
        text: sentence(what),
        remedy: Some(sentence(remedy)),
        foot: "This is the copy; the screen itself is dark.".into(),
    }
}

/// The page of a config that cannot be used.
pub fn bad_config(problems: &[String]) -> Notice {
    Notice {
        title: "Check the config".into(),
        text: sentence(
            problems
                .first()
                .map_or("config.json is unusable", String::as_str),
        ),
        remedy: Some(
            "Mend config.json, try display-agent check, and restart display-agent.".into(),
        ),
        foot: match problems.len() {
            0 | 1 => "display-agent has stopped.".into(),
            more => format!("and {} more. display-agent has stopped.", more - 1),
        },
    }
}

/// A capital in front, unless it is somebody's name, and a full stop behind.
fn sentence(words: &str) -> String {
    let words = words.trim();
    let is_name = words
        .split(' ')
        .next()
        .is_some_and(|word| word.contains(['.', ':', '/', '_']));
    let mut letters = words.chars();
    let first: String = match letters.next() {
        Some(first) if !is_name => first.to_uppercase().collect(),
        first => first.into_iter().collect(),
    };
    let stop = if words.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{first}{}{stop}", letters.as_str())
}

/// A number with a true minus sign and no minus zero.
fn decimal(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|c| matches!(c, '0' | '.')) => digits.to_owned(),
        Some(digits) => format!("−{digits}"),
        None => text,
    }
}
