//! The one place where NASA is asked: two loops, one for the weather and one for pictures, each
//! with one fetch under way at a time.
//!
//! Woken by requests, never by the clock alone: a station that nobody asks is silent.

use image::RgbImage;
use rand::seq::SliceRandom;

use crate::clock::unix_s;
use crate::http_client::FetchError;
use crate::photo_feed::{self, Photo};
use crate::picture::Picture;
use crate::refresh_state::RefreshState;
use crate::selection::{Rover, Selection};
use crate::state::{Mars, WEATHER_FILE, picture_file};
use crate::{bitmap, photo, weather_feed};

/// A frame of 1648×1200 as PNG is 5 MB.
const MAX_PHOTO_BYTES: usize = 12 << 20;
/// How many photographs of a sol are looked at before a doubtful one is taken.
const MAX_TRIES: usize = 4;

impl Mars {
    /// Fetches what requests find to be due; never ends.
    pub async fn run(&self) {
        tokio::join!(refresh_weather(self), refresh_pictures(self));
    }
}

async fn refresh_weather(mars: &Mars) {
    let settings = &mars.settings;
    loop {
        mars.weather_due.notified().await;
        let newest = weather_feed::newest(&mars.client, &settings.feeds, &settings.weather);
        let outcome = newest.await;
        let file = WEATHER_FILE.to_owned();
        mars.record(outcome, file, |state| &mut state.weather).await;
    }
}

async fn refresh_pictures(mars: &Mars) {
    loop {
        mars.picture_due.notified().await;
        while let Some((selection, shown)) = mars.next_due() {
            let outcome = new_picture(mars, selection, shown).await;
            let file = picture_file(selection);
            let recorded = mars.record(outcome, file, |state| {
                let entry = state.pictures.entry(selection);
                entry.or_insert_with(|| RefreshState::new(None))
            });
            recorded.await;
        }
    }
}

/// A picture by any rover that has the camera, at random; the other one if that gives none.
async fn new_picture(
    mars: &Mars,
    selection: Selection,
    shown: Option<Picture>,
) -> Result<Picture, FetchError> {
    let mut rovers = selection.rovers();
    rovers.shuffle(&mut rand::rng());
    let mut outcome = Err("no rover has such a camera".to_owned().into());
    for rover in rovers {
        outcome = picture_by(mars, rover, selection, shown.as_ref()).await;
        match &outcome {
            Ok(_) => break,
            Err(error) => tracing::debug!(?rover, %error, "no picture from this rover"),
        }
    }
    outcome
}

async fn picture_by(
    mars: &Mars,
    rover: Rover,
    selection: Selection,
    shown: Option<&Picture>,
) -> Result<Picture, FetchError> {
    let feeds = &mars.settings.feeds;
    let mut offered = photo_feed::newest(&mars.client, feeds, rover, selection.camera).await?;
    if let Some(shown) = shown {
        let had_any = !offered.is_empty();
        offered.retain(|photo| photo.source != shown.photo.source);
        if offered.is_empty() && had_any {
            return Ok(shown.clone());
        }
    }
    offered.shuffle(&mut rand::rng());
    offered.truncate(MAX_TRIES);
    let (screen, photo) = best_of(mars, rover, offered).await?;
    let bitmap = off_the_runtime(move || bitmap::encode(&screen)).await?;
    Ok(Picture {
        bitmap: bitmap.into(),
        made_at: unix_s(),
        photo,
    })
}

/// The first that is worth showing; of doubtful ones the one with most to see.
async fn best_of(
    mars: &Mars,
    rover: Rover,
    offered: Vec<Photo>,
) -> Result<(RgbImage, Photo), FetchError> {
    let mut best: Option<(f64, RgbImage, Photo)> = None;
    let mut error = format!("{rover:?}'s feed offers no such picture").into();
    for photo in offered {
        let (screen, merit) = match fetch(mars, &photo).await {
            Ok(fetched) => fetched,
            Err(unusable) => {
                tracing::debug!(url = %photo.source, error = %unusable, "a picture cannot be used");
                error = unusable;
                continue;
            }
        };
        if merit.fair {
            return Ok((screen, photo));
        }
        if best
            .as_ref()
            .is_none_or(|(most, ..)| merit.contrast > *most)
        {
            best = Some((merit.contrast, screen, photo));
        }
    }
    best.map(|(_, screen, photo)| (screen, photo)).ok_or(error)
}

async fn fetch(mars: &Mars, photo: &Photo) -> Result<(RgbImage, photo::Merit), FetchError> {
    let bytes = mars.client.get(&photo.source, MAX_PHOTO_BYTES).await?;
    let fitted = off_the_runtime(move || {
        let screen = photo::fit(&photo::decode(&bytes)?);
        let merit = photo::merit(&screen);
        Ok::<_, String>((screen, merit))
    });
    Ok(fitted.await??)
}

/// Pixels are worked on beside the runtime, and a decoder that panics costs one picture.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FetchError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| "the picture made the decoder fail".to_owned().into())
}
