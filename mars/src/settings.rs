//! What the owner may choose about the Mars API, as command line options and as plain values.
//!
//! Defaults are NASA's live feeds. Knows no network.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use url::Url;

use super::selection::Selection;

/// A weather station on Mars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Station {
    /// REMS in Gale crater: alive; no wind any more.
    Curiosity,
    /// MEDA in Jezero crater: the feed stands still since April 2024.
    Perseverance,
    /// InSight in Elysium Planitia: an archive that ends in October 2020.
    Insight,
}

/// What the Mars API works with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is shown to a request that does not say.
    pub selection: Selection,
    /// Where weather comes from.
    pub weather: Vec<Station>,
    /// How old a picture may get before a new one is looked for.
    pub refresh: Duration,
    /// Whether NASA is never asked.
    pub offline: bool,
    /// The address under which displays reach this station, if not the one they ask with.
    pub public_url: Option<Url>,
    /// The feeds.
    pub feeds: Feeds,
    /// How long is waited, and for what.
    pub patience: Patience,
    /// Where answers are kept across restarts.
    pub folder: PathBuf,
}

/// The addresses of the feeds.
#[derive(Clone, Debug)]
pub struct Feeds {
    /// Curiosity's pictures.
    pub curiosity: Url,
    /// Perseverance's pictures.
    pub perseverance: Url,
    /// Curiosity's weather.
    pub curiosity_weather: Url,
    /// Perseverance's weather.
    pub perseverance_weather: Url,
    /// InSight's weather, with the key in its query.
    pub insight_weather: Url,
}

/// How long is waited, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub idle: Duration,
    /// For a whole answer.
    pub total: Duration,
    /// How long the very first request waits for a real picture before it gets the drawing.
    pub first: Duration,
}

impl Default for Patience {
    /// A display waits 30 s for an answer, so the first one is given well before that; the other
    /// three are what a slow line needs for the 1.7 MB of the weather feed.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(15),
            total: Duration::from_secs(60),
            first: Duration::from_secs(8),
        }
    }
}
