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
/// A server that says nothing else may have a copy as old as this: rovers report once a sol, and
/// caches in front of their feeds live for hours.
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
    source_age: Option<Duration>,
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
            source_age: None,
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
            self.source_age = polled.source_age;
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
        if known.answer.drawn {
            return Some("Drawn: the server has no photograph yet".into());
        }
        let old_source = self.source_age.is_some_and(|age| age > SOURCE_AGE_FINE);
        if known.answer.stale.unwrap_or(old_source) {
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
    fn as_of(&self, known: &Known, now: Now) -> i64 {
        let own = match self.confirmed {
            Some(confirmed) => now.wall_at(confirmed),
            None if known.picture.is_some() => known.answer_unix.min(known.picture_unix),
            None => known.answer_unix,
        };
        own.saturating_sub_unsigned(self.source_age.unwrap_or_default().as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::feed::answer;
    use crate::feed::trouble::Kind;
    use crate::page::Weather;

    /// 21 November 2026, 14:05 UTC.
    const NOW: i64 = 1_795_269_900;
    const INTERVAL: Duration = Duration::from_secs(300);

    struct Bench {
        story: Story,
        start: Instant,
    }

    impl Bench {
        fn new(known: Option<Known>) -> Self {
            let start = Clock::real().now().steady;
            let story = Story::new(Manner::default(), INTERVAL, known.map(Arc::new), start);
            Self { story, start }
        }

        fn good(&mut self, at_s: u64, source_age: Option<u64>, json: &str) {
            let source_age = source_age.map(Duration::from_secs);
            let known = Some(Arc::new(known(json)));
            let polled = Polled {
                known,
                trouble: None,
                source_age,
                unsaved: None,
            };
            self.story
                .polled(polled, self.start + Duration::from_secs(at_s), false);
        }

        fn bad(&mut self, at_s: u64, part: Part, kind: Kind, lasting: bool) {
            let known = self.story.known.clone();
            let trouble = Some(Trouble::new(part, kind, "so it is"));
            let polled = Polled {
                known,
                trouble,
                source_age: None,
                unsaved: None,
            };
            self.story
                .polled(polled, self.start + Duration::from_secs(at_s), lasting);
        }

        fn page(&self, at_s: u64) -> Page {
            let steady = self.start + Duration::from_secs(at_s);
            self.story.page(Now {
                steady,
                unix: NOW + at_s as i64,
            })
        }

        fn caution(&self, at_s: u64) -> Option<String> {
            match self.page(at_s) {
                Page::Weather(Weather { caution, .. }) => caution,
                Page::Notice(notice) => panic!("not the weather but {notice:?}"),
            }
        }

        fn title(&self, at_s: u64) -> String {
            match self.page(at_s) {
                Page::Notice(notice) => notice.title,
                Page::Weather(weather) => panic!("not a notice but {weather:?}"),
            }
        }
    }

    const PLAIN: &str = r#"{"image_url":"x"}"#;

    fn known(json: &str) -> Known {
        let answer = answer::read(json.as_bytes()).unwrap();
        Known {
            answer,
            answer_unix: NOW - 600,
            picture: None,
            picture_unix: NOW - 600,
        }
    }

    #[test]
    fn fresh_data_needs_no_word_until_two_polls_are_missed() {
        let mut bench = Bench::new(None);
        bench.good(10, None, PLAIN);
        assert_eq!(bench.caution(10), None);
        assert_eq!(bench.caution(669), None);
        assert_eq!(
            bench.caution(670).as_deref(),
            Some("No news since 14:05 UTC")
        );
        let change = bench
            .story
            .next_change(bench.start + Duration::from_secs(10))
            .unwrap();
        assert_eq!(change - bench.start, Duration::from_secs(670));
        assert_eq!(bench.story.next_change(change), None);
    }

    #[test]
    fn saved_data_is_not_called_fresh_before_it_is_confirmed() {
        let mut bench = Bench::new(Some(known(PLAIN)));
        assert_eq!(
            bench.caution(0).as_deref(),
            Some("Saved 13:55 UTC · asking for news")
        );
        bench.bad(1, Part::Answer, Kind::Network, false);
        assert_eq!(
            bench.caution(1).as_deref(),
            Some("No connection · as of 13:55 UTC")
        );
        bench.good(5, None, PLAIN);
        assert_eq!(bench.caution(5), None);
    }

    #[test]
    fn a_hiccup_is_not_worth_a_word_but_a_wrong_key_is_at_once() {
        let mut bench = Bench::new(None);
        bench.good(0, None, PLAIN);
        bench.bad(300, Part::Answer, Kind::Network, false);
        assert_eq!(bench.caution(301), None);
        bench.bad(310, Part::Answer, Kind::Network, true);
        assert_eq!(
            bench.caution(310).as_deref(),
            Some("No connection · as of 14:05 UTC")
        );
        bench.good(320, None, PLAIN);
        assert_eq!(bench.caution(320), None);
        bench.bad(620, Part::Answer, Kind::Key, false);
        assert_eq!(
            bench.caution(620).as_deref(),
            Some("Key missing · as of 14:10 UTC")
        );
    }

    #[test]
    fn without_data_a_hiccup_is_waited_out_and_a_lasting_trouble_explained() {
        let mut bench = Bench::new(None);
        assert_eq!(bench.title(0), "Waiting for Mars");
        bench.bad(1, Part::Answer, Kind::Network, false);
        assert_eq!(bench.title(1), "Waiting for Mars");
        bench.bad(9, Part::Answer, Kind::Network, true);
        assert_eq!(bench.title(9), "No connection");
        bench.bad(20, Part::Answer, Kind::Key, true);
        assert_eq!(bench.title(20), "A key is needed");
    }

    #[test]
    fn an_old_source_is_not_hidden_behind_a_fresh_answer() {
        let mut bench = Bench::new(None);
        bench.good(0, Some(3600), PLAIN);
        assert_eq!(bench.caution(0), None);
        bench.good(0, Some(13 * 3600), PLAIN);
        assert_eq!(
            bench.caution(0).as_deref(),
            Some("The server has no news since 01:05 UTC")
        );
        bench.good(0, Some(3600), r#"{"image_url":"x","stale":true}"#);
        assert_eq!(
            bench.caution(0).as_deref(),
            Some("The server has no news since 13:05 UTC")
        );
        bench.good(0, None, r#"{"image_url":"x","stale":true}"#);
        assert_eq!(
            bench.caution(0).as_deref(),
            Some("The server has no news from Mars")
        );
        bench.good(0, Some(13 * 3600), r#"{"image_url":"x","stale":false}"#);
        assert_eq!(bench.caution(0), None);
    }

    #[test]
    fn a_drawing_is_not_passed_off_as_a_photograph() {
        let mut bench = Bench::new(None);
        bench.good(
            0,
            None,
            r#"{"image_url":"x","stale":true,"image":{"placeholder":true}}"#,
        );
        let words = "Drawn: the server has no photograph yet";
        assert_eq!(bench.caution(0).as_deref(), Some(words));
    }

    #[test]
    fn a_clock_that_is_set_late_moves_no_age() {
        let mut bench = Bench::new(None);
        bench.good(0, None, PLAIN);
        // Network time arrives: the wall clock jumps by fifty years, the steady one does not.
        let steady = bench.start + Duration::from_secs(700);
        let page = bench.story.page(Now {
            steady,
            unix: NOW + 700,
        });
        let Page::Weather(Weather {
            caution: Some(caution),
            ..
        }) = page
        else {
            panic!("old data without a word");
        };
        assert_eq!(caution, "No news since 14:05 UTC");
    }

    #[test]
    fn a_stopped_display_says_so() {
        let mut bench = Bench::new(None);
        bench.good(0, None, PLAIN);
        bench.story.stop(Now {
            steady: bench.start + Duration::from_secs(60),
            unix: NOW + 60,
        });
        assert_eq!(
            bench.caution(60).as_deref(),
            Some("Stopped at 14:06 UTC · as of 14:05 UTC")
        );
        let mut empty = Bench::new(None);
        empty.story.stop(Now {
            steady: empty.start,
            unix: NOW,
        });
        assert_eq!(empty.title(0), "Stopped");
    }
}
