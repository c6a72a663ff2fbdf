//! What the Mars API works with. Defaults are NASA's live feeds. Knows no network.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::selection::{Rover, Selection};

/// What the Mars API works with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is shown to a request that does not choose.
    pub selection: Selection,
    /// Whose weather is shown; of several, the newest sol wins.
    pub weather: Vec<Rover>,
    /// How old a picture may get before a new one is looked for.
    pub refresh: Duration,
    /// Whether NASA is never asked.
    pub offline: bool,
    /// The address under which displays reach the picture, if not the one they ask with.
    pub public_url: Option<Url>,
    /// NASA's feeds, or what stands in for them.
    pub feeds: Feeds,
    /// How long a whole answer of NASA's may take: a slow line needs a while for the 1.7 MB of
    /// Curiosity's weather.
    pub fetch_timeout: Duration,
    /// How long the very first request waits for a real picture before it gets the drawing: a
    /// display waits 30 s for an answer.
    pub first_timeout: Duration,
    /// Where answers are kept across restarts.
    pub cache_dir: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            weather: vec![Rover::Curiosity, Rover::Perseverance],
            refresh: Duration::from_secs(3600),
            offline: false,
            public_url: None,
            feeds: Feeds::default(),
            fetch_timeout: Duration::from_secs(60),
            first_timeout: Duration::from_secs(8),
            cache_dir: PathBuf::from("mars"),
        }
    }
}

/// The addresses of the feeds.
#[derive(Clone, Debug)]
pub struct Feeds {
    /// Curiosity's raw pictures.
    pub curiosity: Url,
    /// Perseverance's raw pictures.
    pub perseverance: Url,
    /// Curiosity's weather, by REMS.
    pub curiosity_weather: Url,
    /// Perseverance's weather, by MEDA.
    pub perseverance_weather: Url,
}

impl Default for Feeds {
    fn default() -> Self {
        let nasa = |path| {
            let url = Url::parse(&format!("https://mars.nasa.gov/{path}"));
            url.expect("constants, parsed by a test")
        };
        Self {
            curiosity: nasa("api/v1/raw_image_items/?order=sol%20desc&condition_1=msl:mission"),
            perseverance: nasa(
                "rss/api/?feed=raw_images&category=mars2020&feedtype=json&ver=1.2&order=sol%20desc",
            ),
            curiosity_weather: nasa("rss/api/?feed=weather&category=msl&feedtype=json"),
            perseverance_weather: nasa("rss/api/?feed=weather&category=mars2020&feedtype=json"),
        }
    }
}
