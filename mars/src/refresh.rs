//! The one place where NASA is asked: two loops, one for the weather and one for pictures, each
//! with one question under way at a time.
//!
//! Woken by requests, never by the clock alone: a station that nobody asks is silent.

use std::sync::Arc;

use crate::clock::unix_s;
use image::RgbImage;
use rand::seq::SliceRandom;
use tokio_util::sync::CancellationToken;

use super::cache::{Kept, Origin, Picture};
use super::http_client::Fault;
use super::photo_feed::{self, Candidate};
use super::selection::{Rover, Selection};
use super::{Known, Mars, bitmap, drawing, picture, weather_feed};

/// A frame of 1648×1200 as PNG is 5 MB.
const MAX_PICTURE_BYTES: usize = 12 << 20;
/// How many pictures of a sol are looked at before a doubtful one is taken.
const MAX_TRIES: usize = 4;

impl Mars {
    /// Answers the requests' need for something new until `stop`.
    ///
    /// # Errors
    /// Never; it ends as the station's other parts do.
    pub async fn keep_fresh(self, stop: CancellationToken) -> anyhow::Result<()> {
        tokio::select! {
            () = stop.cancelled() => {}
            _ = async {
                tokio::join!(
                    self.draw_ahead(),
                    self.keep_weather_fresh(),
                    self.keep_pictures_fresh(),
                )
            } => {}
        }
        Ok(())
    }

    /// A station that has nothing yet will be asked for the landscape first.
    async fn draw_ahead(&self) {
        let has_none = self.lock().pictures.is_empty();
        if has_none {
            drawing().await;
        }
    }

    async fn keep_weather_fresh(&self) {
        loop {
            self.0.weather_wanted.notified().await;
            let settings = &self.0.settings;
            let asked = weather_feed::newest(&self.0.upstream, &settings.feeds, &settings.weather);
            let outcome = asked.await.map(Arc::new);
            let now = unix_s();
            if let Some(kept) = self.settle(outcome, now, "weather", |known| &mut known.weather) {
                let shelf = self.0.shelf.clone();
                let saved = tokio::task::spawn_blocking(move || shelf.keep_weather(&kept));
                let _ = saved.await;
            }
        }
    }

    async fn keep_pictures_fresh(&self) {
        loop {
            self.0.picture_wanted.notified().await;
            while let Some((selection, shown)) = self.next_wanted() {
                let outcome = self.new_picture(selection, shown).await;
                let now = unix_s();
                let kept = self.settle(outcome, now, "picture", |known| {
                    known.pictures.entry(selection).or_default()
                });
                if let Some(kept) = kept {
                    let shelf = self.0.shelf.clone();
                    let saved =
                        tokio::task::spawn_blocking(move || shelf.keep_picture(selection, &kept));
                    let _ = saved.await;
                }
            }
        }
    }

    /// Records what came of a question, and gives back what is to be kept.
    fn settle<T: Clone>(
        &self,
        outcome: Result<Arc<T>, Fault>,
        now: u64,
        what: &str,
        place: impl FnOnce(&mut super::Everything) -> &mut Known<T>,
    ) -> Option<Kept<T>> {
        let kept = {
            let mut known = self.lock();
            let entry = place(&mut known);
            match outcome {
                Ok(value) => {
                    entry.pace.succeeded(now);
                    entry.value = Some(value.clone());
                    Some(Kept {
                        checked_at: now,
                        value: T::clone(&value),
                    })
                }
                Err(fault) => {
                    entry.pace.failed(now, fault.retry_after(), rand::random());
                    let again_in_s = entry.pace.retry_at().saturating_sub(now);
                    tracing::warn!(%fault, again_in_s, "nothing new from Mars: {what}");
                    None
                }
            }
        };
        self.0.changed.send_modify(|count| *count += 1);
        kept
    }

    async fn new_picture(
        &self,
        selection: Selection,
        shown: Option<Arc<Picture>>,
    ) -> Result<Arc<Picture>, Fault> {
        let mut rovers = selection.rovers();
        rovers.shuffle(&mut rand::rng());
        let mut fault = Fault::Content("no rover has such a camera".to_owned());
        for rover in rovers {
            match self.picture_by(rover, selection, shown.as_ref()).await {
                Ok(picture) => return Ok(picture),
                Err(error) => {
                    tracing::debug!(?rover, %error, "no picture from this rover");
                    fault = error;
                }
            }
        }
        Err(fault)
    }

    async fn picture_by(
        &self,
        rover: Rover,
        selection: Selection,
        shown: Option<&Arc<Picture>>,
    ) -> Result<Arc<Picture>, Fault> {
        let feeds = &self.0.settings.feeds;
        let mut offered =
            photo_feed::newest(&self.0.upstream, feeds, rover, selection.camera).await?;
        let source = shown.and_then(|shown| Some((shown, &shown.origin.as_ref()?.source)));
        if let Some((shown, source)) = source {
            let had = offered.len();
            offered.retain(|candidate| candidate.url.as_str() != source);
            if offered.is_empty() && had > 0 {
                return Ok(shown.clone());
            }
        }
        if offered.is_empty() {
            let name = rover.name();
            return Err(Fault::Content(format!(
                "{name}'s feed offers no such picture"
            )));
        }
        offered.shuffle(&mut rand::rng());
        self.best_of(offered).await.map(Arc::new)
    }

    /// The first that is worth showing; of doubtful ones the one with most to see.
    async fn best_of(&self, offered: Vec<Candidate>) -> Result<Picture, Fault> {
        let mut best: Option<(f32, RgbImage, Candidate)> = None;
        let mut fault = None;
        for candidate in offered.into_iter().take(MAX_TRIES) {
            let (screen, merit) = match self.look_at(&candidate).await {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::debug!(url = %candidate.url, %error, "a picture cannot be used");
                    fault = Some(error);
                    continue;
                }
            };
            let contrast = if merit.fair { f32::MAX } else { merit.contrast };
            if best.as_ref().is_none_or(|(most, ..)| contrast > *most) {
                best = Some((contrast, screen, candidate));
            }
            if merit.fair {
                break;
            }
        }
        let Some((_, screen, candidate)) = best else {
            return Err(fault.unwrap_or_else(|| Fault::Content("no picture to try".to_owned())));
        };
        let bitmap = off_the_runtime(move || bitmap::encode(&screen)).await?;
        let origin = Origin {
            rover: candidate.rover,
            instrument: candidate.instrument,
            sol: candidate.sol,
            taken: candidate.taken,
            credit: candidate.credit,
            source: candidate.url.into(),
        };
        Ok(Picture {
            bitmap: bitmap.into(),
            made_at: unix_s(),
            origin: Some(origin),
        })
    }

    async fn look_at(&self, candidate: &Candidate) -> Result<(RgbImage, picture::Merit), Fault> {
        let bytes = self
            .0
            .upstream
            .get(&candidate.url, MAX_PICTURE_BYTES)
            .await?;
        let seen = off_the_runtime(move || {
            let screen = picture::fit(&picture::decode(&bytes)?);
            let merit = picture::merit(&screen);
            Ok((screen, merit))
        });
        seen.await?.map_err(Fault::Content)
    }
}

/// Pixels are worked on beside the runtime, and a decoder that panics costs one picture.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Fault::Content("the picture made the decoder fail".to_owned()))
}
