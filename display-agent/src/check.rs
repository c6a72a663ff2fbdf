//! `display-agent check`: is everything there that a display needs?
//!
//! Every part is tried for real: the folder is written to, the screen opened, the Mars API asked.

use std::fmt;
use std::io::{self, Write};

use crate::clock::Now;
use crate::config::Settings;
use crate::feed::Feed;
use crate::feed::cache::Cache;
use crate::feed::fetch::Fetcher;

/// The start of 2026: a clock before that has not been set since it was powered.
const CLOCK_IS_SET: i64 = 1_767_225_600;

/// One part, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The part.
    pub part: &'static str,
    /// How it is; the error says what is wrong and what to do.
    pub state: Result<String, String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Ok(words) => write!(f, "ok    {:9} {words}", self.part),
            Err(words) => write!(f, "FAIL  {:9} {words}", self.part),
        }
    }
}

/// Tries everything, in the order in which it would fail at start.
pub fn check(settings: &Settings, now: Now) -> Vec<Finding> {
    let finding = |part, state| Finding { part, state };
    vec![
        finding("clock", clock(now, settings)),
        finding("key", key(settings)),
        finding("cache", cache(settings)),
        finding("screen", screen(settings)),
        finding("Mars API", mars(settings, now)),
    ]
}

/// Writes the findings; true if all is well.
pub fn print(findings: &[Finding], mut out: impl Write) -> io::Result<bool> {
    for finding in findings {
        writeln!(out, "{finding}")?;
    }
    Ok(findings.iter().all(|finding| finding.state.is_ok()))
}

fn clock(now: Now, settings: &Settings) -> Result<String, String> {
    let time = settings.manner().date(now.unix);
    if now.unix < CLOCK_IS_SET {
        return Err(format!(
            "it is {time} on this clock (wait for network time, or see `timedatectl`)"
        ));
    }
    Ok(time)
}

fn key(settings: &Settings) -> Result<String, String> {
    Ok(match settings.key {
        Some(_) => "there is one".into(),
        None => "none; the Mars API will tell whether it needs one".into(),
    })
}

fn cache(settings: &Settings) -> Result<String, String> {
    let folder = settings.cache.display();
    let probe = settings.cache.join("check");
    let written =
        std::fs::create_dir_all(&settings.cache).and_then(|()| std::fs::write(&probe, "check"));
    // Whatever could be written can be taken away; what could not is not there.
    let _ = std::fs::remove_file(&probe);
    written.map_err(|error| {
        format!(
            "cannot write to {folder}: {error} (set display.cache to a folder display-agent owns)"
        )
    })?;
    let saved = match Cache::new(&settings.cache).load() {
        Ok(Some(saved)) => format!(
            "holds the picture of {}",
            settings.manner().date(saved.meta.picture_unix)
        ),
        Ok(None) => "empty".into(),
        Err(error) => format!("holds a damaged file ({error}), which will be replaced"),
    };
    Ok(format!("{folder}: {saved}"))
}

fn screen(settings: &Settings) -> Result<String, String> {
    settings
        .screen
        .device
        .open()
        .map_err(|fault| fault.to_string())?;
    Ok(format!("{}", settings.screen.device))
}

fn mars(settings: &Settings, now: Now) -> Result<String, String> {
    let fetcher = Fetcher::new(
        &settings.url,
        settings.key.as_deref(),
        settings.ca.as_deref(),
        settings.limit,
    )
    .map_err(|error| format!("cannot read display.ca: {error}"))?;
    let polled = Feed::new(settings.url.clone(), fetcher, None).poll(now.unix);
    if let Some(trouble) = polled.trouble {
        return Err(trouble.to_string());
    }
    let known = polled.known.ok_or("nothing came, and nothing failed")?;
    let sol = known.answer.weather.sol.as_deref().unwrap_or("unknown");
    let words = format!("{}: a picture, and the weather of sol {sol}", settings.url);
    match known.answer.unreadable.as_slice() {
        [] => Ok(words),
        bad => Err(format!("{words}, but without sense: {}", bad.join(", "))),
    }
}
