//! `display-agent render`: one page as a PNG, from an answer in a file or from an address.
//!
//! For looking at a page without a display, and for trying a Mars API.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use url::Url;

use crate::bitmap::{BYTES_MAX, Picture};
use crate::clock::Now;
use crate::config::Settings;
use crate::mars::fetch::{Fetched, Fetcher, LIMIT};
use crate::mars::{Client, Part, Snapshot, answer};
use crate::page::{Page, Weather};
use crate::run::drawn;
use crate::screen::png;
use crate::view::words::Wording;

/// What to ask with.
#[derive(Clone, Copy)]
struct Access<'a> {
    key: Option<&'a str>,
    ca: Option<&'a Path>,
}

/// Draws what a display would show of `from` to `out`. If something is missing the page says so, and
/// the error says what. Units, zone and key are those of `settings`.
pub fn render(from: &str, out: &Path, settings: Option<&Settings>, now: Now) -> anyhow::Result<()> {
    let wording = &settings.map_or_else(Wording::default, Settings::wording);
    let access = Access {
        key: settings.and_then(|settings| settings.key.as_deref()),
        ca: settings.and_then(|settings| settings.ca.as_deref()),
    };
    let (page, error) = match Url::parse(from) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            from_address(url, wording, access, now)?
        }
        _ => (
            Page::Weather(from_file(Path::new(from), wording, access, now)?),
            None,
        ),
    };
    fs::write(out, png::encoded(&drawn(&page))?)
        .with_context(|| format!("cannot write {}", out.display()))?;
    match error {
        Some(error) => bail!(error),
        None => Ok(()),
    }
}

fn from_address(
    url: Url,
    wording: &Wording,
    access: Access<'_>,
    now: Now,
) -> anyhow::Result<(Page, Option<String>)> {
    let polled = Client::new(url.clone(), fetcher(&url, access)?, None).poll(now.unix);
    let short = polled
        .error
        .as_ref()
        .map(|error| wording.short(error).to_owned());
    let page = match (&polled.snapshot, &polled.error) {
        (Some(snapshot), _) => Page::Weather(wording.weather(snapshot, short)),
        (None, Some(error)) => Page::Notice(wording.error_page(error, now.unix, now.unix)),
        (None, None) => Page::Notice(wording.first_boot(None)),
    };
    Ok((page, polled.error.map(|error| error.to_string())))
}

fn from_file(
    path: &Path,
    wording: &Wording,
    access: Access<'_>,
    now: Now,
) -> anyhow::Result<Weather> {
    let name = path.display();
    let body = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let answer = answer::read(&body)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("cannot use {name}"))?;
    let picture = match Url::parse(&answer.image_url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => download(&url, access)?,
        _ => {
            // As a picture's address is relative to its answer's, its path is relative to the file's.
            let place = answer.image_url.trim_start_matches("file://");
            let place = path.parent().unwrap_or(Path::new("")).join(place);
            fs::read(&place)
                .with_context(|| format!("cannot read the picture {}", place.display()))?
        }
    };
    let picture = Picture::from_bmp(&picture).with_context(|| format!("{:?}", answer.image_url))?;
    let snapshot = Snapshot {
        answer,
        answer_unix: now.unix,
        picture: Some(picture),
        picture_unix: now.unix,
    };
    Ok(wording.weather(&snapshot, None))
}

fn download(url: &Url, access: Access<'_>) -> anyhow::Result<Vec<u8>> {
    match fetcher(url, access)?.get(Part::Picture, url, None, BYTES_MAX)? {
        Fetched::Body { bytes, .. } => Ok(bytes),
        Fetched::Unchanged { .. } => bail!("{url} says \"unchanged\" to who never asked"),
    }
}

fn fetcher(url: &Url, access: Access<'_>) -> anyhow::Result<Fetcher> {
    Fetcher::new(url, access.key, access.ca, LIMIT).context("cannot read display.ca")
}
