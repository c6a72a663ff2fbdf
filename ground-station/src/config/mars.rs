//! The options of `run` for the Mars API. Defaults are NASA's live feeds.

use ::mars::{Camera, Feeds, Patience, RoverChoice, Selection, Settings, Station};
use clap::Args;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// What `/mars` shows, and whom it asks.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Mars API")]
pub(crate) struct MarsOptions {
    /// Whose pictures are shown unless a request asks for another rover
    #[arg(long, value_enum, default_value = "any", value_name = "ROVER")]
    pub mars_rover: RoverChoice,
    /// Which camera's pictures are shown unless a request asks for another one
    #[arg(long, value_enum, default_value = "colour", value_name = "CAMERA")]
    pub mars_camera: Camera,
    /// Where weather comes from; of several, the newest sol wins
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "curiosity,perseverance",
        value_name = "SOURCE"
    )]
    pub mars_weather: Vec<Station>,
    /// How often NASA is asked for something new, in minutes; at least 60
    #[arg(long, default_value_t = 60, value_name = "MINUTES",
          value_parser = clap::value_parser!(u64).range(60..=10_080))]
    pub mars_refresh: u64,
    /// Never ask NASA: serve what was kept, or the drawn landscape
    #[arg(long)]
    pub mars_offline: bool,
    /// The address under which displays reach this station, if it is not the one they ask with
    #[arg(long, value_name = "URL")]
    pub mars_public_url: Option<Url>,
    /// Feed of Curiosity's pictures
    #[arg(long, value_name = "URL", default_value = CURIOSITY_PICTURES)]
    pub mars_curiosity_url: Url,
    /// Feed of Perseverance's pictures
    #[arg(long, value_name = "URL", default_value = PERSEVERANCE_PICTURES)]
    pub mars_perseverance_url: Url,
    /// Feed of Curiosity's weather station (REMS)
    #[arg(long, value_name = "URL", default_value = CURIOSITY_WEATHER)]
    pub mars_curiosity_weather_url: Url,
    /// Feed of Perseverance's weather station (MEDA)
    #[arg(long, value_name = "URL", default_value = PERSEVERANCE_WEATHER)]
    pub mars_perseverance_weather_url: Url,
    /// InSight's archive, which ends in 2020 and is asked only if chosen by --mars-weather
    #[arg(long, value_name = "URL", default_value = INSIGHT_WEATHER)]
    pub mars_insight_weather_url: Url,
    /// Key for api.nasa.gov, which only InSight's archive needs
    #[arg(
        long,
        env = "NASA_API_KEY",
        hide_env_values = true,
        default_value = "DEMO_KEY",
        value_name = "KEY"
    )]
    pub mars_nasa_key: String,
}

const CURIOSITY_PICTURES: &str =
    "https://mars.nasa.gov/api/v1/raw_image_items/?order=sol%20desc&condition_1=msl:mission";
const PERSEVERANCE_PICTURES: &str = "https://mars.nasa.gov/rss/api/?feed=raw_images&category=mars2020&feedtype=json&ver=1.2&order=sol%20desc";
const CURIOSITY_WEATHER: &str =
    "https://mars.nasa.gov/rss/api/?feed=weather&category=msl&feedtype=json";
const PERSEVERANCE_WEATHER: &str =
    "https://mars.nasa.gov/rss/api/?feed=weather&category=mars2020&feedtype=json";
const INSIGHT_WEATHER: &str = "https://api.nasa.gov/insight_weather/?feedtype=json&ver=1.0";

impl MarsOptions {
    /// The settings, with answers kept in `state`/mars.
    pub(crate) fn settings(&self, state: &Path) -> Settings {
        let mut insight_weather = self.mars_insight_weather_url.clone();
        insight_weather
            .query_pairs_mut()
            .append_pair("api_key", &self.mars_nasa_key);
        Settings {
            selection: Selection {
                rover: self.mars_rover,
                camera: self.mars_camera,
            },
            weather: self.mars_weather.clone(),
            refresh: Duration::from_secs(self.mars_refresh * 60),
            offline: self.mars_offline,
            public_url: self.mars_public_url.clone(),
            feeds: Feeds {
                curiosity: self.mars_curiosity_url.clone(),
                perseverance: self.mars_perseverance_url.clone(),
                curiosity_weather: self.mars_curiosity_weather_url.clone(),
                perseverance_weather: self.mars_perseverance_weather_url.clone(),
                insight_weather,
            },
            patience: Patience::default(),
            folder: state.join("mars"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        mars: MarsOptions,
    }

    #[test]
    fn the_defaults_are_nasas_live_feeds() {
        let line = Line::try_parse_from(["station"]).expect("defaults are valid");
        let settings = line.mars.settings(Path::new("/var/lib/outpost"));
        assert_eq!(settings.folder, Path::new("/var/lib/outpost/mars"));
        assert_eq!(settings.refresh, Duration::from_secs(3600));
        assert_eq!(
            settings.weather,
            [Station::Curiosity, Station::Perseverance]
        );
        assert_eq!(settings.feeds.curiosity.host_str(), Some("mars.nasa.gov"));
        assert_eq!(
            settings.feeds.curiosity_weather.path(),
            "/rss/api/",
            "without the last slash the feed answers with a redirect"
        );
    }

    #[test]
    fn nasa_is_not_asked_more_than_once_an_hour() {
        let refused = Line::try_parse_from(["station", "--mars-refresh", "5"]);
        assert!(refused.is_err_and(|error| error.to_string().contains("60")));
    }

    #[test]
    fn every_source_of_weather_can_be_chosen() {
        let line = Line::try_parse_from(["station", "--mars-weather", "insight,curiosity"]);
        let chosen = line.expect("both are known").mars.mars_weather;
        assert_eq!(chosen, [Station::Insight, Station::Curiosity]);
    }
}
