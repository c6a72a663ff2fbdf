use super::*;
use crate::clock::Clock;
use crate::mars::{Kind, answer};

use crate::page::Weather;

/// 21 November 2026, 14:05 UTC.
const NOW: i64 = 1_795_269_900;
const INTERVAL: Duration = Duration::from_secs(300);

struct Bench {
    view: View,
    start: Instant,
}

impl Bench {
    fn new(snapshot: Option<Snapshot>) -> Self {
        let start = Clock::real().now().steady;
        let view = View::new(Wording::default(), INTERVAL, snapshot.map(Arc::new), start);
        Self { view, start }
    }

    fn good(&mut self, at_s: u64, source_age: Option<u64>, json: &str) {
        let source_age = source_age.map(Duration::from_secs);
        let snapshot = Some(Arc::new(snapshot(json)));
        let polled = Polled {
            snapshot,
            error: None,
            source_age,
            unsaved: None,
        };
        self.view
            .polled(polled, self.start + Duration::from_secs(at_s), false);
    }

    fn bad(&mut self, at_s: u64, part: Part, kind: Kind, lasting: bool) {
        let snapshot = self.view.snapshot.clone();
        let error = Some(Error::new(part, kind, "so it is"));
        let polled = Polled {
            snapshot,
            error,
            source_age: None,
            unsaved: None,
        };
        self.view
            .polled(polled, self.start + Duration::from_secs(at_s), lasting);
    }

    fn page(&self, at_s: u64) -> Page {
        let steady = self.start + Duration::from_secs(at_s);
        self.view.page(Now {
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

fn snapshot(json: &str) -> Snapshot {
    let answer = answer::read(json.as_bytes()).unwrap();
    Snapshot {
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
        .view
        .next_change(bench.start + Duration::from_secs(10))
        .unwrap();
    assert_eq!(change - bench.start, Duration::from_secs(670));
    assert_eq!(bench.view.next_change(change), None);
}

#[test]
fn saved_data_is_not_called_fresh_before_it_is_confirmed() {
    let mut bench = Bench::new(Some(snapshot(PLAIN)));
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
    let page = bench.view.page(Now {
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
    bench.view.stop(Now {
        steady: bench.start + Duration::from_secs(60),
        unix: NOW + 60,
    });
    assert_eq!(
        bench.caution(60).as_deref(),
        Some("Stopped at 14:06 UTC · as of 14:05 UTC")
    );
    let mut empty = Bench::new(None);
    empty.view.stop(Now {
        steady: empty.start,
        unix: NOW,
    });
    assert_eq!(empty.title(0), "Stopped");
}
