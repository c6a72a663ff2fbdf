//! Whose picture is wanted: a rover, and one of its cameras by a name people use.
//!
//! Owns the table of NASA's instrument names. Knows no feed and no network.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A rover that still sends pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Rover {
    /// Mars Science Laboratory, in Gale crater since 2012.
    Curiosity,
    /// Mars 2020, in Jezero crater since 2021.
    Perseverance,
}

/// The rover asked for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum RoverChoice {
    /// Either, at random; the other one when the first has nothing to give.
    Any,
    /// Curiosity only.
    Curiosity,
    /// Perseverance only.
    Perseverance,
}

/// The camera asked for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Camera {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Selection {
    /// The rover asked for.
    pub rover: RoverChoice,
    /// The camera asked for.
    pub camera: Camera,
}

impl Selection {
    /// The rovers that have such a camera; empty if none has.
    pub(super) fn rovers(self) -> Vec<Rover> {
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

    /// A short name that is safe in a file name and in a query.
    pub(super) fn name(self) -> String {
        format!("{}-{}", word(&self.rover), word(&self.camera))
    }

    /// The query that asks for this selection again.
    pub(super) fn query(self) -> String {
        format!("rover={}&camera={}", word(&self.rover), word(&self.camera))
    }
}

impl Rover {
    /// The rover's name as people write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Curiosity => "Curiosity",
            Self::Perseverance => "Perseverance",
        }
    }
}

impl Camera {
    /// NASA's names of the instruments that are meant, which may carry a suffix in a feed
    /// (`FHAZ_LEFT_B`). Empty for `Any`, and where the rover has no such camera.
    pub(super) fn instruments(self, rover: Rover) -> &'static [&'static str] {
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
    pub(super) fn matches(self, rover: Rover, instrument: &str) -> bool {
        let instrument = instrument.to_ascii_uppercase();
        self == Self::Any
            || self
                .instruments(rover)
                .iter()
                .any(|name| instrument.starts_with(name))
    }
}

/// Reads a choice from a query, in words that help whoever mistyped it.
pub(super) fn parse<T: ValueEnum>(what: &str, text: &str) -> Result<T, String> {
    T::from_str(text, true).map_err(|_| {
        let known: Vec<_> = T::value_variants().iter().map(word).collect();
        let shown: String = text.chars().take(LONGEST_WORD_SHOWN).collect();
        format!(
            "{what} {shown:?} is unknown, use one of: {}",
            known.join(", ")
        )
    })
}

/// An error repeats what was asked, but a page of nonsense is not repeated whole.
const LONGEST_WORD_SHOWN: usize = 40;

/// The word of a choice, the same on the command line, in a query and in a file name.
pub(super) fn word<T: ValueEnum>(choice: &T) -> String {
    let value = choice.to_possible_value();
    value
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
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
        let refusal = parse::<RoverChoice>("rover", "spirit").unwrap_err();
        assert_eq!(
            refusal,
            "rover \"spirit\" is unknown, use one of: any, curiosity, perseverance"
        );
    }
}
