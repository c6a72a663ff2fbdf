//! The weather on Mars, from whichever station has the newest, in the contract's words.
//!
//! Owns the two feeds' shapes and the length of a sol. Knows no cache and no picture.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::mars::Weather;

use crate::clock::rfc3339;
use crate::http_client::{FetchError, HttpClient};
use crate::lenient_json::{Record, number, records, text, whole};
use crate::selection::Rover;
use crate::settings::Feeds;

/// The weather of one sol and who measured it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) weather: Weather,
    pub(crate) station: Rover,
    /// When the sol ended, Unix seconds: by this, readings of different stations are compared.
    ended: i64,
}

/// Curiosity's feed lists the whole mission, 1.7 MB in 2026, and grows by 0.4 kB a sol.
const MAX_FEED_BYTES: usize = 6 << 20;

/// The newest reading of `rovers`; an error only if none of them has any.
pub(crate) async fn newest(
    client: &HttpClient,
    feeds: &Feeds,
    rovers: &[Rover],
) -> Result<Reading, FetchError> {
    let mut best: Option<Reading> = None;
    let mut failure = "no source of weather is chosen".to_owned().into();
    for rover in rovers {
        match fetch(client, feeds, *rover).await {
            Ok(reading) if best.as_ref().is_none_or(|best| best.ended < reading.ended) => {
                best = Some(reading);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(?rover, %error, "no weather from this rover");
                failure = error;
            }
        }
    }
    best.ok_or(failure)
}

async fn fetch(client: &HttpClient, feeds: &Feeds, rover: Rover) -> Result<Reading, FetchError> {
    let url = match rover {
        Rover::Curiosity => &feeds.curiosity_weather,
        Rover::Perseverance => &feeds.perseverance_weather,
    };
    let mut body = client.get(url, MAX_FEED_BYTES).await?;
    let reading = read(rover, &mut body);
    reading.map_err(|reason| format!("{rover:?}'s weather feed: {reason}").into())
}

/// The feeds list sols in an order that cannot be relied on, so the highest sol with a
/// measurement is the newest.
pub(crate) fn read(rover: Rover, body: &mut [u8]) -> Result<Reading, String> {
    let (list, site) = match rover {
        Rover::Curiosity => ("soles", GALE),
        Rover::Perseverance => ("sols", JEZERO),
    };
    let measured = records(body, list)?.filter_map(|record| {
        let sol = whole(&record, "sol")?;
        let (weather, ended) = measured(&record, sol, &site)?;
        let reading = Reading {
            weather,
            station: rover,
            ended,
        };
        Some((sol, reading))
    });
    let newest = measured.max_by_key(|(sol, _)| *sol);
    let (_, reading) = newest.ok_or("no sol in it has a measurement")?;
    Ok(reading)
}

/// Temperatures, winds and pressures outside of what Mars can do are faults of a sensor or of a
/// writer (`-9999`), and count as missing.
const AIR_C: RangeInclusive<f64> = -150.0..=60.0;
const WIND_MS: RangeInclusive<f64> = 0.0..=150.0;
const PRESSURE_PA: RangeInclusive<f64> = 100.0..=1500.0;

fn within(range: &RangeInclusive<f64>, value: Option<f64>) -> Option<f64> {
    value.filter(|value| range.contains(value))
}

/// The weather of a record and when its sol ended; none if nothing was measured.
fn measured(record: &Record, sol: u32, site: &Site) -> Option<(Weather, i64)> {
    let low = within(&AIR_C, number(record, "min_temp"));
    let high = within(&AIR_C, number(record, "max_temp"));
    let mean = low.zip(high).map(|(low, high)| f64::midpoint(low, high));
    let (first, last) = sol_times(record, sol, site)?;
    let weather = Weather {
        sol: Some(sol.to_string()),
        av_at: mean,
        av_hws: within(&WIND_MS, number(record, "wind_speed")),
        av_pre: within(&PRESSURE_PA, number(record, "pressure")),
        first_utc: rfc3339(first),
        last_utc: rfc3339(last),
        season: text(record, "season").map(season),
    };
    let is_measured =
        weather.av_at.is_some() || weather.av_hws.is_some() || weather.av_pre.is_some();
    is_measured.then_some((weather, last))
}

/// A season as people say it. REMS counts twelve months of 30° of solar longitude from the northern spring equinox
/// on, and its rover stands in the south, where that is autumn. Other words stay.
fn season(word: &str) -> String {
    const SEASONS: [&str; 4] = ["fall", "winter", "spring", "summer"];
    let month = word
        .strip_prefix("Month ")
        .and_then(|month| month.parse().ok());
    match month {
        Some(month @ 1..=12_usize) => {
            let part = ["early", "mid", "late"][(month - 1) % 3];
            format!("{part} {}", SEASONS[(month - 1) / 3])
        }
        _ => word.to_owned(),
    }
}

/// Where a station stands, as far as its clock is concerned.
struct Site {
    /// Degrees east, which local mean solar time depends on.
    east: f64,
    /// The Mars sol date's whole part at the local midnight that began sol 0.
    sol_zero: f64,
}

const GALE: Site = Site {
    east: 137.4417,
    sol_zero: 49_269.0,
};
const JEZERO: Site = Site {
    east: 77.4509,
    sol_zero: 52_304.0,
};

/// Seconds in a sol: 24 h 39 min 35.244 s.
const SOL_S: f64 = 88_775.244_147;
/// The Mars sol date counts from here: Julian date 2405522.0028779 in terrestrial time, which
/// as Unix time (Julian date 2440587.5) is this many seconds, less 69.184 s by which terrestrial
/// time is ahead of UTC since 2017.
const SOL_DATE_ZERO_S: f64 = (2_405_522.002_877_9 - 2_440_587.5) * 86_400.0 - 69.184;
/// Further off than this the sol's number and the feed's date contradict each other.
const MAX_DATE_OFFSET_S: i64 = 2 * 86_400;

/// When the sol began and ended, Unix seconds. The feeds give only the date on Earth; the sol's
/// number says it to the minute, and is believed if it agrees with the date.
fn sol_times(record: &Record, sol: u32, site: &Site) -> Option<(i64, i64)> {
    let midnight = site.sol_zero + f64::from(sol) - site.east / 360.0;
    let begin = SOL_DATE_ZERO_S + midnight * SOL_S;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "sols are below 2^32: about 4e14 seconds"
    )]
    let computed = (begin.round() as i64, (begin + SOL_S).round() as i64);
    let Some(date) = text(record, "terrestrial_date").and_then(unix_of_date) else {
        return Some(computed);
    };
    let day = (date, date + 86_399);
    let agrees = (date - computed.0).abs() <= MAX_DATE_OFFSET_S;
    Some(if agrees { computed } else { day })
}

fn unix_of_date(date: &str) -> Option<i64> {
    OffsetDateTime::parse(&format!("{date}T00:00:00Z"), &Rfc3339)
        .ok()
        .map(OffsetDateTime::unix_timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_seasons_of_the_south_and_other_words_stay() {
        let said = ["Month 1", "Month 6", "Month 8", "Month 12"].map(season);
        assert_eq!(
            said,
            ["early fall", "late winter", "mid spring", "late summer"]
        );
        for word in ["Month 0", "Month 13", "Month", "mid spring"] {
            assert_eq!(season(word), word);
        }
    }

    fn reading(station: Rover, body: &str) -> Result<Weather, String> {
        read(station, &mut body.as_bytes().to_vec()).map(|reading| reading.weather)
    }

    const REMS: &str = r#"{"descriptions":{"disclaimer_en":"For outreach only"},"soles":[
        {"id":"4992","terrestrial_date":"2026-08-24","sol":"4994","season":"Month 12",
         "min_temp":"-71","max_temp":"-9","pressure":"768","wind_speed":"--"},
        {"id":"4996","terrestrial_date":"2026-08-26","sol":"4996","season":"Month 12",
         "min_temp":"--","max_temp":"--","pressure":"--","wind_speed":"--"},
        {"id":"4990","terrestrial_date":"2026-08-25","sol":"4995","ls":"331","season":"Month 12",
         "min_temp":"-72","max_temp":"-11","pressure":"767","pressure_string":"Higher",
         "abs_humidity":"--","wind_speed":"--","wind_direction":"--","atmo_opacity":"Sunny"},
        {"id":"1","sol":"1","terrestrial_date":"2012-08-07","min_temp":"-80","max_temp":"-5"}]}"#;

    #[test]
    fn curiositys_newest_measured_sol_is_found_in_any_order() {
        let weather = reading(Rover::Curiosity, REMS).expect("a real shape");
        assert_eq!(weather.sol.as_deref(), Some("4995"));
        assert_eq!(weather.av_at, Some(-41.5));
        assert_eq!(weather.av_hws, None);
        assert_eq!(weather.av_pre, Some(767.0));
        assert_eq!(weather.season.as_deref(), Some("late summer"));
    }

    #[test]
    fn a_sols_number_gives_its_hours_on_earth() {
        let weather = reading(Rover::Curiosity, REMS).expect("a real shape");
        let first = weather.first_utc.expect("a date");
        let last = weather.last_utc.expect("a date");
        assert!(
            first.starts_with("2026-08-24T21:2") || first.starts_with("2026-08-24T21:3"),
            "{first}"
        );
        assert!(
            last.starts_with("2026-08-25T22:0") || last.starts_with("2026-08-25T22:1"),
            "{last}"
        );
    }

    /// Both landings are known to the second in UTC and in local mean solar time.
    #[test]
    fn the_clock_agrees_with_both_landings() {
        let landings = [
            (&GALE, "2012-08-06T05:17:57Z", 15.05),
            (&JEZERO, "2021-02-18T20:55:00Z", 15.9),
        ];
        for (site, utc, local_hour) in landings {
            let (begin, end) = sol_times(&Record::new(), 0, site).expect("always");
            let landed = OffsetDateTime::parse(utc, &Rfc3339)
                .expect("a constant")
                .unix_timestamp();
            let hour = (landed - begin) as f64 / (end - begin) as f64 * 24.0;
            assert!(
                (hour - local_hour).abs() < 0.3,
                "{utc}: {hour} instead of {local_hour}"
            );
        }
    }

    #[test]
    fn a_date_that_contradicts_the_sol_is_taken_as_it_is() {
        let body = r#"{"soles":[{"sol":"4995","terrestrial_date":"2031-01-02","pressure":"767"}]}"#;
        let weather = reading(Rover::Curiosity, body).expect("a measurement");
        assert_eq!(weather.first_utc.as_deref(), Some("2031-01-02T00:00:00Z"));
        assert_eq!(weather.last_utc.as_deref(), Some("2031-01-02T23:59:59Z"));
    }

    #[test]
    fn perseverances_numbers_and_gaps_are_read() {
        let body = r#"{"sols":[{"terrestrial_date":"2024-04-26","sol":"1132","season":"mid spring",
            "min_temp":-80.1,"max_temp":"-20","pressure":700.5},
            {"terrestrial_date":"2024-04-27","sol":1133,"season":"mid spring",
            "min_temp":-79,"max_temp":NaN,"pressure":701}]}"#;
        let weather = reading(Rover::Perseverance, body).expect("a real shape");
        assert_eq!(weather.sol.as_deref(), Some("1133"));
        assert_eq!(weather.av_at, None, "a mean needs both ends");
        assert_eq!(weather.av_pre, Some(701.0));
    }

    #[test]
    fn a_feed_without_any_measurement_says_so() {
        for body in [
            r#"{"soles":[]}"#,
            r#"{"soles":[{"sol":"4995","pressure":"--"}]}"#,
        ] {
            let refusal = reading(Rover::Curiosity, body);
            assert_eq!(refusal, Err("no sol in it has a measurement".to_owned()));
        }
        let impossible = r#"{"soles":[{"sol":"4995","pressure":"-9999","min_temp":"900"}]}"#;
        assert!(reading(Rover::Curiosity, impossible).is_err());
    }
}
