//! Whose picture is wanted: a rover, and one of its cameras by a name people use.
//!
//! Owns the table of NASA's instrument names. Knows no feed and no network.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

/// A rover that still sends pictures and weather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Rover {
    /// In Gale crater since 2012; its weather station REMS is alive, but measures no wind any more.
    Curiosity,
    /// In Jezero crater since 2021; the feed of its weather station MEDA stands still since April 2024.
    Perseverance,
}

/// The rover asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum RoverChoice {
    #[default]
    /// Either, at random; the other one when the first has nothing to give.
    Any,
    /// Curiosity only.
    Curiosity,
    /// Perseverance only.
    Perseverance,
}

/// The camera asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Camera {
    #[default]
    /// The colour cameras; any camera if they sent nothing lately.
    Colour,
    /// Any camera.
    Any,
    /// The pair of cameras on the mast, in colour.
    Mastcam,
    /// The navigation cameras: grey on Curiosity, colour on Perseverance.
    Navcam,
    /// The wide cameras under the front.
    FrontHazcam,
    /// The wide cameras under the rear.
    RearHazcam,
    /// Curiosity's hand lens on the arm, in colour.
    Mahli,
    /// Curiosity's camera that looks straight down.
    Mardi,
    /// Curiosity's telescope on the mast, grey.
    Chemcam,
    /// Perseverance's close-up camera on the arm, in colour.
    Watson,
    /// Perseverance's telescope on the mast.
    Supercam,
    /// Perseverance's camera that looks at the sky.
    Skycam,
}

/// A rover and a camera: the key under which a picture is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// The rover asked for.
    pub rover: RoverChoice,
    /// The camera asked for.
    pub camera: Camera,
}

impl Selection {
    /// What the query of a request asks for, and `self` where it does not say.
    pub(crate) fn with_query(mut self, query: &str) -> Result<Self, String> {
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "rover" => self.rover = parse("rover", &value)?,
                "camera" => self.camera = parse("camera", &value)?,
                _ => {}
            }
        }
        if self.rovers().is_empty() {
            return Err(format!("{} has no camera {}", self.rover, self.camera));
        }
        Ok(self)
    }

    /// The query that asks for this selection again.
    pub(crate) fn query(self) -> String {
        format!("rover={}&camera={}", self.rover, self.camera)
    }

    /// The rovers that have such a camera; empty if none has.
    pub(crate) fn rovers(self) -> Vec<Rover> {
        let asked: &[Rover] = match self.rover {
            RoverChoice::Any => &[Rover::Curiosity, Rover::Perseverance],
            RoverChoice::Curiosity => &[Rover::Curiosity],
            RoverChoice::Perseverance => &[Rover::Perseverance],
        };
        let has = |rover: &Rover| {
            self.camera == Camera::Any || !self.camera.instruments(*rover).is_empty()
        };
        asked.iter().copied().filter(has).collect()
    }
}

impl Camera {
    /// NASA's names of the instruments that are meant, which may carry a suffix in a feed
    /// (`FHAZ_LEFT_B`). Empty for `Any`, and where the rover has no such camera.
    pub(crate) fn instruments(self, rover: Rover) -> &'static [&'static str] {
        match (rover, self) {
            (Rover::Curiosity, Self::Colour) => &["MAST_LEFT", "MAST_RIGHT", "MAHLI"],
            (Rover::Curiosity, Self::Mastcam) => &["MAST_LEFT", "MAST_RIGHT"],
            (Rover::Curiosity, Self::Navcam) => {
                &["NAV_LEFT", "NAV_RIGHT", "NAVCAM_LEFT", "NAVCAM_RIGHT"]
            }
            (Rover::Curiosity, Self::FrontHazcam) => &["FHAZ_LEFT", "FHAZ_RIGHT"],
            (Rover::Curiosity, Self::RearHazcam) => &["RHAZ_LEFT", "RHAZ_RIGHT"],
            (Rover::Curiosity, Self::Mahli) => &["MAHLI"],
            (Rover::Curiosity, Self::Mardi) => &["MARDI"],
            (Rover::Curiosity, Self::Chemcam) => &["CHEMCAM_RMI"],
            (Rover::Perseverance, Self::Colour) => &[
                "MCZ_LEFT",
                "MCZ_RIGHT",
                "NAVCAM_LEFT",
                "NAVCAM_RIGHT",
                "SHERLOC_WATSON",
            ],
            (Rover::Perseverance, Self::Mastcam) => &["MCZ_LEFT", "MCZ_RIGHT"],
            (Rover::Perseverance, Self::Navcam) => &["NAVCAM_LEFT", "NAVCAM_RIGHT"],
            (Rover::Perseverance, Self::FrontHazcam) => {
                &["FRONT_HAZCAM_LEFT", "FRONT_HAZCAM_RIGHT"]
            }
            (Rover::Perseverance, Self::RearHazcam) => &["REAR_HAZCAM_LEFT", "REAR_HAZCAM_RIGHT"],
            (Rover::Perseverance, Self::Watson) => &["SHERLOC_WATSON"],
            (Rover::Perseverance, Self::Supercam) => &["SUPERCAM_RMI"],
            (Rover::Perseverance, Self::Skycam) => &["SKYCAM"],
            _ => &[],
        }
    }

    /// Whether a picture by `instrument` is what this choice asks for.
    pub(crate) fn matches(self, rover: Rover, instrument: &str) -> bool {
        let instrument = instrument.to_ascii_uppercase();
        self == Self::Any
            || self
                .instruments(rover)
                .iter()
                .any(|name| instrument.starts_with(name))
    }
}

/// The words of the choices, the same on the command line, in a query and in a file name.
impl fmt::Display for RoverChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl fmt::Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// An error repeats what was asked, but a page of nonsense is not repeated whole.
const MAX_WORD_SHOWN: usize = 40;

/// Reads a choice from a query; the error lists the words that are known.
fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, String> {
    let word: String = text.chars().take(MAX_WORD_SHOWN).collect();
    let word = word.to_ascii_lowercase();
    T::deserialize(StrDeserializer::<Error>::new(&word)).map_err(|error| format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(rover: RoverChoice, camera: Camera) -> Selection {
        Selection { rover, camera }
    }

    #[test]
    fn only_rovers_that_have_the_camera_are_asked() {
        let both = [Rover::Curiosity, Rover::Perseverance];
        assert_eq!(selection(RoverChoice::Any, Camera::Colour).rovers(), both);
        assert_eq!(selection(RoverChoice::Any, Camera::Any).rovers(), both);
        assert_eq!(
            selection(RoverChoice::Any, Camera::Mahli).rovers(),
            [Rover::Curiosity]
        );
        assert_eq!(
            selection(RoverChoice::Curiosity, Camera::Watson).rovers(),
            []
        );
    }

    #[test]
    fn instruments_match_with_their_suffixes() {
        let cases = [
            (Rover::Curiosity, Camera::FrontHazcam, "FHAZ_LEFT_B", true),
            (Rover::Curiosity, Camera::Colour, "MAHLI", true),
            (Rover::Curiosity, Camera::Colour, "NAV_LEFT_B", false),
            (Rover::Perseverance, Camera::Navcam, "navcam_right", true),
            (Rover::Perseverance, Camera::Any, "CACHECAM", true),
            (Rover::Perseverance, Camera::Mastcam, "SUPERCAM_RMI", false),
        ];
        for (rover, camera, instrument, expected) in cases {
            assert_eq!(camera.matches(rover, instrument), expected, "{instrument}");
        }
    }

    #[test]
    fn a_mistyped_choice_is_answered_with_the_known_ones() {
        assert_eq!(
            parse::<Camera>("camera", "Front-Hazcam"),
            Ok(Camera::FrontHazcam)
        );
        let error = parse::<RoverChoice>("rover", "spirit").unwrap_err();
        assert_eq!(
            error,
            "rover: unknown variant `spirit`, expected one of `any`, `curiosity`, `perseverance`"
        );
    }
}
