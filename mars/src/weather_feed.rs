//! The weather on Mars, from whichever station has the newest, in the contract's words.
//!
//! Owns the three feeds' shapes and the length of a sol. Knows no cache and no picture.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;
use wire::mars::Weather;

use super::http_client::{Fault, Upstream};
use super::lenient_json::{self, Record};
use super::settings::{Feeds, Station};

/// The weather of one sol and who measured it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reading {
    pub(super) weather: Weather,
    pub(super) station: Station,
    /// When the sol ended, Unix seconds: by this, readings of different stations are compared.
    ended: i64,
}

/// Curiosity's feed lists the whole mission, 1.7 MB in 2026, and grows by 0.4 kB a sol.
const MAX_FEED_BYTES: usize = 6 << 20;

/// The newest reading of `stations`; an error only if none of them has any.
pub(super) async fn newest(
    upstream: &Upstream,
    feeds: &Feeds,
    stations: &[Station],
) -> Result<Reading, Fault> {
    let mut best: Option<Reading> = None;
    let mut fault = Fault::Content("no source of weather is chosen".to_owned());
    for station in stations {
        match ask(upstream, feeds, *station).await {
            Ok(reading) if best.as_ref().is_none_or(|best| best.ended < reading.ended) => {
                best = Some(reading);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(?station, %error, "no weather from this station");
                fault = error;
            }
        }
    }
    best.ok_or(fault)
}

async fn ask(upstream: &Upstream, feeds: &Feeds, station: Station) -> Result<Reading, Fault> {
    let url: &Url = match station {
        Station::Curiosity => &feeds.curiosity_weather,
        Station::Perseverance => &feeds.perseverance_weather,
        Station::Insight => &feeds.insight_weather,
    };
    let mut body = upstream.get(url, MAX_FEED_BYTES).await?;
    read(station, &mut body)
        .map_err(|reason| Fault::Content(format!("{station:?}'s weather feed: {reason}")))
}

fn read(station: Station, body: &mut [u8]) -> Result<Reading, String> {
    let found = match station {
        Station::Curiosity => newest_listed(body, "soles", &GALE)?,
        Station::Perseverance => newest_listed(body, "sols", &JEZERO)?,
        Station::Insight => newest_archived(body)?,
    };
    let (weather, ended) = found.ok_or("no sol in it has a measurement")?;
    Ok(Reading {
        weather,
        station,
        ended,
    })
}

/// Temperatures, winds and pressures outside of what Mars can do are faults of a sensor or of a
/// writer (`-9999`), and count as missing.
const AIR_C: std::ops::RangeInclusive<f64> = -150.0..=60.0;
const WIND_MS: std::ops::RangeInclusive<f64> = 0.0..=150.0;
const PRESSURE_PA: std::ops::RangeInclusive<f64> = 100.0..=1500.0;

fn within(range: &std::ops::RangeInclusive<f64>, value: Option<f64>) -> Option<f64> {
    value.filter(|value| range.contains(value))
}

/// REMS and MEDA list sols in an order that cannot be relied on, so the highest sol with a
/// measurement is the newest.
fn newest_listed(
    body: &mut [u8],
    list: &str,
    site: &Site,
) -> Result<Option<(Weather, i64)>, String> {
    let mut best: Option<(u32, Weather, i64)> = None;
    lenient_json::each_record(body, list, |record| {
        let Some(sol) = lenient_json::whole(record, "sol") else {
            return;
        };
        if best.as_ref().is_some_and(|(newest, ..)| *newest >= sol) {
            return;
        }
        let Some((weather, ended)) = listed(record, sol, site) else {
            return;
        };
        best = Some((sol, weather, ended));
    })?;
    Ok(best.map(|(_, weather, ended)| (weather, ended)))
}

fn listed(record: &Record, sol: u32, site: &Site) -> Option<(Weather, i64)> {
    let low = within(&AIR_C, lenient_json::number(record, "min_temp"));
    let high = within(&AIR_C, lenient_json::number(record, "max_temp"));
    let mean = low.zip(high).map(|(low, high)| f64::midpoint(low, high));
    let (first, last) = sol_times(record, sol, site)?;
    let weather = Weather {
        sol: Some(sol.to_string()),
        av_at: mean,
        av_hws: within(&WIND_MS, lenient_json::number(record, "wind_speed")),
        av_pre: within(&PRESSURE_PA, lenient_json::number(record, "pressure")),
        first_utc: rfc3339(first),
        last_utc: rfc3339(last),
        season: lenient_json::text(record, "season").map(str::to_owned),
    };
    is_measured(&weather).then_some((weather, last))
}

fn is_measured(weather: &Weather) -> bool {
    weather.av_at.is_some() || weather.av_hws.is_some() || weather.av_pre.is_some()
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
    let Some(date) = lenient_json::text(record, "terrestrial_date").and_then(unix_of_date) else {
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

fn rfc3339(unix: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(unix)
        .ok()?
        .format(&Rfc3339)
        .ok()
}

/// InSight's archive is an object of sols; any sensor may be missing in any of them.
fn newest_archived(body: &mut [u8]) -> Result<Option<(Weather, i64)>, String> {
    let archive = lenient_json::object(body)?;
    let sols = archive.iter().filter_map(|(key, sol)| {
        let number: u32 = key.parse().ok()?;
        Some((number, archived(key, sol.as_object()?)?))
    });
    Ok(sols
        .max_by_key(|(number, _)| *number)
        .map(|(_, found)| found))
}

fn archived(key: &str, sol: &Record) -> Option<(Weather, i64)> {
    let average = |sensor| lenient_json::number(lenient_json::inner(sol, sensor)?, "av");
    let utc = |name| lenient_json::text(sol, name).map(str::to_owned);
    let weather = Weather {
        sol: Some(key.to_owned()),
        av_at: within(&AIR_C, average("AT")),
        av_hws: within(&WIND_MS, average("HWS")),
        av_pre: within(&PRESSURE_PA, average("PRE")),
        first_utc: utc("First_UTC"),
        last_utc: utc("Last_UTC"),
        season: utc("Season"),
    };
    let ended = weather.last_utc.as_deref();
    let ended = ended.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let ended = ended.map_or(0, OffsetDateTime::unix_timestamp);
    is_measured(&weather).then_some((weather, ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(station: Station, body: &str) -> Result<Weather, String> {
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
        let weather = reading(Station::Curiosity, REMS).expect("a real shape");
        assert_eq!(weather.sol.as_deref(), Some("4995"));
        assert_eq!(weather.av_at, Some(-41.5));
        assert_eq!(weather.av_hws, None);
        assert_eq!(weather.av_pre, Some(767.0));
        assert_eq!(weather.season.as_deref(), Some("Month 12"));
    }

    #[test]
    fn a_sols_number_gives_its_hours_on_earth() {
        let weather = reading(Station::Curiosity, REMS).expect("a real shape");
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
        let weather = reading(Station::Curiosity, body).expect("a measurement");
        assert_eq!(weather.first_utc.as_deref(), Some("2031-01-02T00:00:00Z"));
        assert_eq!(weather.last_utc.as_deref(), Some("2031-01-02T23:59:59Z"));
    }

    #[test]
    fn perseverances_numbers_and_gaps_are_read() {
        let body = r#"{"sols":[{"terrestrial_date":"2024-04-26","sol":"1132","season":"mid spring",
            "min_temp":-80.1,"max_temp":"-20","pressure":700.5},
            {"terrestrial_date":"2024-04-27","sol":1133,"season":"mid spring",
            "min_temp":-79,"max_temp":NaN,"pressure":701}]}"#;
        let weather = reading(Station::Perseverance, body).expect("a real shape");
        assert_eq!(weather.sol.as_deref(), Some("1133"));
        assert_eq!(weather.av_at, None, "a mean needs both ends");
        assert_eq!(weather.av_pre, Some(701.0));
    }

    #[test]
    fn insights_archive_may_lack_any_sensor() {
        let body = r#"{"sol_keys":["674","675"],"validity_checks":{"sol_hours_required":18},
            "674":{"First_UTC":"2020-10-18T17:52:44Z","Last_UTC":"2020-10-19T18:32:20Z","Season":"fall",
                   "AT":{"av":-61.0,"ct":1,"mn":-95,"mx":-5}},
            "675":{"First_UTC":"2020-10-19T18:32:20Z","Last_UTC":"2020-10-20T19:11:55Z","Season":"fall",
                   "AT":{"av":-62.314},"HWS":{"av":"7.233"},"WD":{"most_common":null}},
            "676":{"First_UTC":"2020-10-20T19:11:55Z","AT":null,"PRE":{"av":-9999}}}"#;
        let weather = reading(Station::Insight, body).expect("a real shape");
        assert_eq!(weather.sol.as_deref(), Some("675"));
        assert_eq!(weather.av_at, Some(-62.314));
        assert_eq!(weather.av_hws, Some(7.233));
        assert_eq!(weather.av_pre, None);
        assert_eq!(weather.last_utc.as_deref(), Some("2020-10-20T19:11:55Z"));
        assert_eq!(weather.season.as_deref(), Some("fall"));
    }

    #[test]
    fn a_feed_without_any_measurement_says_so() {
        for body in [
            r#"{"soles":[]}"#,
            r#"{"soles":[{"sol":"4995","pressure":"--"}]}"#,
        ] {
            let refusal = reading(Station::Curiosity, body);
            assert_eq!(refusal, Err("no sol in it has a measurement".to_owned()));
        }
        let impossible = r#"{"soles":[{"sol":"4995","pressure":"-9999","min_temp":"900"}]}"#;
        assert!(reading(Station::Curiosity, impossible).is_err());
    }
}
