//! `display-agent check`: is everything there that a display needs?
//!
//! Every part is tried for real: the folder is written to, the screen opened, the Mars API asked.

use daemon::check::Line;

use crate::clock::Now;
use crate::config::Settings;
use crate::mars::Client;
use crate::mars::cache::Cache;
use crate::mars::fetch::Fetcher;

/// The start of 2026: a clock before that has not been set since it was powered.
const CLOCK_IS_SET: i64 = 1_767_225_600;

/// Tries everything, in the order in which it would fail at start.
pub fn check(settings: &Settings, now: Now) -> Vec<Line> {
    vec![
        clock(settings, now),
        key(settings),
        cache(settings),
        screen(settings),
        mars(settings, now),
    ]
}

fn clock(settings: &Settings, now: Now) -> Line {
    let time = settings.wording().date(now.unix);
    if now.unix < CLOCK_IS_SET {
        let found = format!("it is {time} on this clock");
        return Line::fault(
            "clock",
            found,
            "wait for network time, or see `timedatectl`",
        );
    }
    Line::ok("clock", time)
}

fn key(settings: &Settings) -> Line {
    let found = match settings.key {
        Some(_) => "there is one",
        None => "none; the Mars API will tell whether it needs one",
    };
    Line::ok("key", found)
}

fn cache(settings: &Settings) -> Line {
    const NAME: &str = "cache";
    let folder = settings.cache.display();
    let probe = settings.cache.join("check");
    let written =
        std::fs::create_dir_all(&settings.cache).and_then(|()| std::fs::write(&probe, "check"));
    // Whatever could be written can be taken away; what could not is not there.
    let _ = std::fs::remove_file(&probe);
    if let Err(error) = written {
        let found = format!("cannot write to {folder}: {error}");
        return Line::fault(
            NAME,
            found,
            "set display.cache to a folder display-agent owns",
        );
    }
    let saved = match Cache::new(&settings.cache).load() {
        Ok(Some(saved)) => format!(
            "holds the picture of {}",
            settings.wording().date(saved.meta.picture_unix)
        ),
        Ok(None) => "empty".into(),
        Err(error) => format!("holds a damaged file ({error}), which will be replaced"),
    };
    Line::ok(NAME, format!("{folder}: {saved}"))
}

fn screen(settings: &Settings) -> Line {
    let device = &settings.screen.device;
    match device.open() {
        Ok(_) => Line::ok("screen", device.to_string()),
        Err(fault) => Line::fault("screen", fault.what, fault.remedy),
    }
}

fn mars(settings: &Settings, now: Now) -> Line {
    match ask(settings, now) {
        Ok(found) => Line::ok("Mars API", found),
        Err(found) => Line::fault("Mars API", found, ""),
    }
}

fn ask(settings: &Settings, now: Now) -> Result<String, String> {
    let fetcher = Fetcher::new(
        &settings.url,
        settings.key.as_deref(),
        settings.ca.as_deref(),
        settings.limit,
    )
    .map_err(|error| format!("cannot read display.ca: {error}"))?;
    let polled = Client::new(settings.url.clone(), fetcher, None).poll(now.unix);
    if let Some(error) = polled.error {
        return Err(error.to_string());
    }
    let snapshot = polled.snapshot.ok_or("nothing came, and nothing failed")?;
    let sol = snapshot.answer.weather.sol.as_deref().unwrap_or("unknown");
    let words = format!("{}: a picture, and the weather of sol {sol}", settings.url);
    match snapshot.answer.unreadable.as_slice() {
        [] => Ok(words),
        bad => Err(format!("{words}, but without sense: {}", bad.join(", "))),
    }
}
