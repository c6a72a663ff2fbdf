//! The options of `run` for the Mars API. Defaults are NASA's live feeds.

use ::mars::{Camera, Feeds, Rover, RoverChoice, Selection, Settings};
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
    pub mars_weather: Vec<Rover>,
    /// How often NASA is asked for something new, in minutes; at least 60
    #[arg(long, default_value_t = 60, value_name = "MINUTES",
          value_parser = clap::value_parser!(u64).range(60..=10_080))]
    pub mars_refresh: u64,
    /// Never ask NASA: serve what was cached, or the drawn landscape
    #[arg(long)]
    pub mars_offline: bool,
    /// The address under which displays reach this station, if it is not the one they ask with
    #[arg(long, value_name = "URL")]
    pub mars_public_url: Option<Url>,
    /// Feed of Curiosity's pictures
    #[arg(long, value_name = "URL", default_value_t = Feeds::default().curiosity)]
    pub mars_curiosity_url: Url,
    /// Feed of Perseverance's pictures
    #[arg(long, value_name = "URL", default_value_t = Feeds::default().perseverance)]
    pub mars_perseverance_url: Url,
    /// Feed of Curiosity's weather station (REMS)
    #[arg(long, value_name = "URL", default_value_t = Feeds::default().curiosity_weather)]
    pub mars_curiosity_weather_url: Url,
    /// Feed of Perseverance's weather station (MEDA)
    #[arg(long, value_name = "URL", default_value_t = Feeds::default().perseverance_weather)]
    pub mars_perseverance_weather_url: Url,
    #[arg(long = "mars-insight-weather-url", hide = true, value_parser = insight)]
    _insight_weather_url: Option<String>,
    #[arg(long = "mars-nasa-key", hide = true, value_parser = insight)]
    _nasa_key: Option<String>,
}

/// Refuses the options of a source that is no longer asked.
fn insight(_: &str) -> Result<String, &'static str> {
    Err(
        "InSight's archive ended in 2020 and is no longer asked: leave this option out, \
         weather comes from --mars-weather curiosity,perseverance",
    )
}

impl MarsOptions {
    /// The settings, with answers cached in `state`/mars.
    pub(crate) fn settings(&self, state: &Path) -> Settings {
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
            },
            cache_dir: state.join("mars"),
            ..Settings::default()
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
        assert_eq!(settings.cache_dir, Path::new("/var/lib/outpost/mars"));
        assert_eq!(settings.refresh, Duration::from_secs(3600));
        assert_eq!(settings.weather, [Rover::Curiosity, Rover::Perseverance]);
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
    fn the_sources_of_weather_can_be_chosen() {
        let line = Line::try_parse_from(["station", "--mars-weather", "perseverance"]);
        let chosen = line.expect("it is known").mars.mars_weather;
        assert_eq!(chosen, [Rover::Perseverance]);
    }

    #[test]
    fn the_options_of_insights_archive_name_what_to_use_instead() {
        for (option, value) in [
            ("--mars-weather", "insight"),
            ("--mars-nasa-key", "DEMO_KEY"),
            ("--mars-insight-weather-url", "https://api.nasa.gov/"),
        ] {
            let error = Line::try_parse_from(["station", option, value]).map(|_| ());
            let error = error.unwrap_err().to_string();
            assert!(error.contains("perseverance"), "{error}");
        }
    }
}
