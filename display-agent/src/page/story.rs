//! Which page is true now: from what is known, what failed and when, to a [`Page`]. Pure.
//!
//! Ages are counted on the steady clock, because a Pi without network has no idea of the date, and
//! are written as the time of day they began, so that a screen nobody has news for is not redrawn
//! every minute. Nothing is called fresh that was not confirmed since the program began.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::words::Manner;
use super::{Notice, Page};
use crate::clock::Now;
use crate::feed::trouble::{Part, Trouble};
use crate::feed::{Known, Polled};

/// Missed polls before the data is called old: one may be lost, two are a pattern.
const MISSED_POLLS: u32 = 2;
/// On top of that, the time the two requests of a poll may take.
const POLL_LIMIT: Duration = Duration::from_secs(60);
/// A server's own copy may be this old without a word: rovers report once a sol, and caches in
/// front of their feeds live for hours.
const SOURCE_AGE_FINE: Duration = Duration::from_secs(12 * 3600);

/// All that has happened so far.
#[derive(Clone, Debug)]
pub struct Story {
    manner: Manner,
    stale_after: Duration,
    began: Instant,
    known: Option<Arc<Known>>,
    confirmed: Option<Instant>,
    failing: Option<Failing>,
    source_age: Duration,
    unsaved: Option<String>,
    stopped: Option<Now>,
}

#[derive(Clone, Debug)]
struct Failing {
    trouble: Trouble,
    since: Instant,
    lasting: bool,
}

impl Story {
    /// A story that begins with what the last run left behind.
    pub fn new(
        manner: Manner,
        interval: Duration,
        known: Option<Arc<Known>>,
        began: Instant,
    ) -> Self {
        Self {
            manner,
            stale_after: interval * MISSED_POLLS + POLL_LIMIT,
            began,
            known,
            confirmed: None,
            failing: None,
            source_age: Duration::ZERO,
            unsaved: None,
            stopped: None,
        }
    }

    /// A poll that was begun at `asked` came to this; `lasting` if it is one failure too many.
    pub fn polled(&mut self, polled: Polled, asked: Instant, lasting: bool) {
        self.known = polled.known;
        self.unsaved = polled.unsaved;
        let Some(trouble) = polled.trouble else {
            self.confirmed = Some(asked);
            self.source_age = polled.source_age.unwrap_or_default();
            self.failing = None;
            return;
        };
        let since = self.failing.as_ref().map_or(asked, |failing| failing.since);
        self.failing = Some(Failing {
            trouble,
            since,
            lasting,
        });
    }

    /// Nobody will tell the rest of the story.
    pub fn stop(&mut self, now: Now) {
        self.stopped = Some(now);
    }

    /// The page that is true at `now`.
    pub fn page(&self, now: Now) -> Page {
        if let Some(known) = &self.known {
            return Page::Weather(self.manner.weather(known, self.caution(known, now)));
        }
        if let Some(stopped) = self.stopped {
            return Page::Notice(Notice {
                title: "Stopped".into(),
                text: "display-agent was stopped before anything arrived from Mars.".into(),
                remedy: None,
                foot: format!("At {}.", self.manner.time(stopped.unix, now.unix)),
            });
        }
        Page::Notice(match &self.failing {
            Some(failing) if failing.lasting || failing.trouble.is_configuration() => self
                .manner
                .trouble(&failing.trouble, now.wall_at(failing.since), now.unix),
            failing => self
                .manner
                .first_boot(failing.as_ref().map(|failing| &failing.trouble)),
        })
    }

    /// When the page will change although nothing happens.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let old_at = self.confirmed.unwrap_or(self.began) + self.stale_after;
        (old_at > now).then_some(old_at)
    }

    fn caution(&self, known: &Known, now: Now) -> Option<String> {
        let time = |unix| self.manner.time(unix, now.unix);
        let as_of = self.as_of(known, now);
        if let Some(stopped) = self.stopped {
            return Some(format!(
                "Stopped at {} · as of {}",
                time(stopped.unix),
                time(as_of)
            ));
        }
        if let Some(failing) = &self.failing {
            let bad =
                failing.trouble.is_configuration() || failing.lasting || self.is_old(now.steady);
            if bad || self.confirmed.is_none() {
                let part = match failing.trouble.part {
                    Part::Picture if known.picture.is_some() => "picture ",
                    _ => "",
                };
                let short = self.manner.short(&failing.trouble);
                return Some(format!("{short} · {part}as of {}", time(as_of)));
            }
        }
        if self.confirmed.is_none() {
            return Some(format!("Saved {} · asking for news", time(as_of)));
        }
        if self.is_old(now.steady) {
            return Some(format!("No news since {}", time(as_of)));
        }
        if self.source_age > SOURCE_AGE_FINE {
            return Some(format!("The server has no news since {}", time(as_of)));
        }
        self.unsaved.clone()
    }

    fn is_old(&self, now: Instant) -> bool {
        self.confirmed
            .is_none_or(|confirmed| now.saturating_duration_since(confirmed) >= self.stale_after)
    }

    /// When what is shown was last known to be the newest there is.
    fn as_of(&self, known: &Known, now: Now) -> i64 {
        let own = match self.confirmed {
            Some(confirmed) => now.wall_at(confirmed),
            None if known.picture.is_some() => known.answer_unix.min(known.picture_unix),
            None => known.answer_unix,
        };
        own.saturating_sub_unsigned(self.source_age.as_secs())
    }
}
