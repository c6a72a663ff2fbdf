//! Which page is true now: from what is known, what failed and when, to a [`Page`]. Pure.
//!
//! Ages are counted on the steady clock, because a Pi without network has no idea of the date, and
//! are written as the time of day they began, so that a screen nobody has news for is not redrawn
//! every minute. Nothing is called fresh that was not confirmed since the program began.

pub mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::words::Wording;
use crate::clock::Now;
use crate::mars::{Error, Part, Polled, Snapshot};
use crate::page::{Notice, Page};

/// Missed polls before the data is called old: one may be lost, two are a pattern.
const MISSED_POLLS: u32 = 2;
/// On top of that, the time the two requests of a poll may take.
const POLL_LIMIT: Duration = Duration::from_secs(60);
/// A server that says nothing else may have a copy as old as this: rovers report once a sol, and
/// caches in front of their feeds live for hours.
const SOURCE_AGE_FINE: Duration = Duration::from_secs(12 * 3600);

/// All that has happened so far.
#[derive(Clone, Debug)]
pub struct View {
    wording: Wording,
    stale_after: Duration,
    began: Instant,
    snapshot: Option<Arc<Snapshot>>,
    confirmed: Option<Instant>,
    failing: Option<Failing>,
    source_age: Option<Duration>,
    unsaved: Option<String>,
    stopped: Option<Now>,
}

#[derive(Clone, Debug)]
struct Failing {
    error: Error,
    since: Instant,
    lasting: bool,
}

impl View {
    /// The view that begins with what the last run left behind.
    pub fn new(
        wording: Wording,
        interval: Duration,
        snapshot: Option<Arc<Snapshot>>,
        began: Instant,
    ) -> Self {
        Self {
            wording,
            stale_after: interval * MISSED_POLLS + POLL_LIMIT,
            began,
            snapshot,
            confirmed: None,
            failing: None,
            source_age: None,
            unsaved: None,
            stopped: None,
        }
    }

    /// A poll that was begun at `asked` came to this; `lasting` if it is one failure too many.
    pub fn polled(&mut self, polled: Polled, asked: Instant, lasting: bool) {
        self.snapshot = polled.snapshot;
        self.unsaved = polled.unsaved;
        let Some(error) = polled.error else {
            self.confirmed = Some(asked);
            self.source_age = polled.source_age;
            self.failing = None;
            return;
        };
        let since = self.failing.as_ref().map_or(asked, |failing| failing.since);
        self.failing = Some(Failing {
            error,
            since,
            lasting,
        });
    }

    /// Nothing will change any more.
    pub fn stop(&mut self, now: Now) {
        self.stopped = Some(now);
    }

    /// The page that is true at `now`.
    pub fn page(&self, now: Now) -> Page {
        if let Some(snapshot) = &self.snapshot {
            return Page::Weather(self.wording.weather(snapshot, self.caution(snapshot, now)));
        }
        if let Some(stopped) = self.stopped {
            return Page::Notice(Notice {
                title: "Stopped".into(),
                text: "display-agent was stopped before anything arrived from Mars.".into(),
                remedy: None,
                foot: format!("At {}.", self.wording.time(stopped.unix, now.unix)),
            });
        }
        Page::Notice(match &self.failing {
            Some(failing) if failing.lasting || failing.error.is_configuration() => self
                .wording
                .error_page(&failing.error, now.wall_at(failing.since), now.unix),
            failing => self
                .wording
                .first_boot(failing.as_ref().map(|failing| &failing.error)),
        })
    }

    /// When the page will change although nothing happens.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let old_at = self.confirmed.unwrap_or(self.began) + self.stale_after;
        (old_at > now).then_some(old_at)
    }

    fn caution(&self, snapshot: &Snapshot, now: Now) -> Option<String> {
        let time = |unix| self.wording.time(unix, now.unix);
        let as_of = self.as_of(snapshot, now);
        if let Some(stopped) = self.stopped {
            return Some(format!(
                "Stopped at {} · as of {}",
                time(stopped.unix),
                time(as_of)
            ));
        }
        if let Some(failing) = &self.failing {
            let bad =
                failing.error.is_configuration() || failing.lasting || self.is_old(now.steady);
            if bad || self.confirmed.is_none() {
                let part = match failing.error.part {
                    Part::Picture if snapshot.picture.is_some() => "picture ",
                    _ => "",
                };
                let short = self.wording.short(&failing.error);
                return Some(format!("{short} · {part}as of {}", time(as_of)));
            }
        }
        if self.confirmed.is_none() {
            return Some(format!("Saved {} · asking for news", time(as_of)));
        }
        if self.is_old(now.steady) {
            return Some(format!("No news since {}", time(as_of)));
        }
        if snapshot.answer.drawn {
            return Some("Drawn: the server has no photograph yet".into());
        }
        let old_source = self.source_age.is_some_and(|age| age > SOURCE_AGE_FINE);
        if snapshot.answer.stale.unwrap_or(old_source) {
            return Some(match self.source_age {
                Some(_) => format!("The server has no news since {}", time(as_of)),
                None => "The server has no news from Mars".into(),
            });
        }
        self.unsaved.clone()
    }

    fn is_old(&self, now: Instant) -> bool {
        self.confirmed
            .is_none_or(|confirmed| now.saturating_duration_since(confirmed) >= self.stale_after)
    }

    /// When what is shown was last known to be the newest there is.
    fn as_of(&self, snapshot: &Snapshot, now: Now) -> i64 {
        let own = match self.confirmed {
            Some(confirmed) => now.wall_at(confirmed),
            None if snapshot.picture.is_some() => snapshot.answer_unix.min(snapshot.picture_unix),
            None => snapshot.answer_unix,
        };
        own.saturating_sub_unsigned(self.source_age.unwrap_or_default().as_secs())
    }
}

#[cfg(test)]
mod tests;
