//! Every bad input on its way: the client against an upstream that misbehaves, one way at a time.

use std::path::Path;
use std::time::Duration;

use display_agent::mars::cache::Cache;
use display_agent::mars::fetch::Fetcher;
use display_agent::mars::{Client, Polled};
use display_agent::mars::{Error, Kind, Part};
use url::Url;

use crate::pictures;
use crate::upstream::{Answer, Identity, Length, Request, Upstream};

/// Long enough for a loaded machine, short enough for the tests that wait for it.
const LIMIT: Duration = Duration::from_secs(10);
/// For the tests in which the limit is what happens.
const SHORT: Duration = Duration::from_millis(400);
const NOW: i64 = 1_795_269_900;
const REPORT: &str = r#"{"image_url":"/p.bmp","insight":{"sol":"675","av_at":-62.3}}"#;

fn client(upstream: &Upstream, limit: Duration) -> Client {
    let url = Url::parse(&upstream.url("/mars")).unwrap();
    let fetcher = Fetcher::new(&url, Some("a-key"), None, limit).unwrap();
    Client::new(url, fetcher, None)
}

fn good(request: &Request) -> Answer {
    match request.path.as_str() {
        "/mars" => Answer::json(REPORT),
        _ => Answer::bmp(pictures::plain(200, 100, 50)),
    }
}

/// What the API's answer comes to, if it is this.
fn answered(answer: Answer) -> Error {
    answered_within(LIMIT, answer)
}

fn answered_within(limit: Duration, answer: Answer) -> Error {
    let upstream = Upstream::http(move |_| answer.clone());
    let polled = client(&upstream, limit).poll(NOW);
    assert_eq!(polled.snapshot, None, "nothing usable came");
    let error = polled.error.expect("it cannot be used");
    assert_eq!(error.part, Part::Answer);
    error
}

/// What a picture comes to, if it is this; the weather is good, and so was the picture before.
fn pictured(answer: Answer) -> Error {
    pictured_within(LIMIT, answer)
}

fn pictured_within(limit: Duration, answer: Answer) -> Error {
    let mut pictures = 0;
    let upstream = Upstream::http(move |request| match request.path.as_str() {
        "/p.bmp" if pictures > 0 => answer.clone(),
        path => {
            pictures += usize::from(path == "/p.bmp");
            good(request)
        }
    });
    let mut client = client(&upstream, limit);
    let first = client.poll(NOW).snapshot.expect("the first was good");
    let polled = client.poll(NOW + 300);
    let snapshot = polled.snapshot.expect("what was good stays");
    assert_eq!(
        snapshot.picture, first.picture,
        "the last good picture stays"
    );
    assert_eq!(snapshot.picture_unix, NOW, "and keeps its age");
    let error = polled.error.expect("it cannot be used");
    assert_eq!(error.part, Part::Picture);
    error
}

fn assert_says(error: &Error, kind: Kind, words: &str) {
    assert_eq!(error.kind, kind, "{error}");
    assert!(
        error.detail.contains(words),
        "{:?} should say {words:?}",
        error.detail
    );
}

#[test]
fn a_good_upstream_is_asked_with_the_key_and_gives_picture_and_weather() {
    let upstream = Upstream::http(good);
    let polled = client(&upstream, LIMIT).poll(NOW);
    assert_eq!(polled.error, None);
    let snapshot = polled.snapshot.unwrap();
    assert_eq!(snapshot.answer.weather.sol.as_deref(), Some("675"));
    assert_eq!(
        &snapshot.picture.as_ref().unwrap().rgb()[..3],
        [200, 100, 50]
    );
    let requests = upstream.requests();
    assert_eq!(requests[0].header("x-api-key"), Some("a-key"));
    assert_eq!(requests[0].header("if-none-match"), None);
}

#[test]
fn nothing_new_costs_less_than_a_kilobyte_and_changes_nothing() {
    let upstream = Upstream::http(|request| {
        let known = request.header("if-none-match") == Some("\"1\"")
            && request.header("if-modified-since") == Some("Sat, 21 Nov 2026 14:05:00 GMT");
        let answer = if known {
            Answer::status(304)
        } else {
            good(request)
        };
        answer
            .header("etag", "\"1\"")
            .header("last-modified", "Sat, 21 Nov 2026 14:05:00 GMT")
    });
    let mut client = client(&upstream, LIMIT);
    let first = client.poll(NOW);
    let before = upstream.bytes_sent();
    let second = client.poll(NOW + 300);
    assert_eq!(second.error, None);
    assert_eq!(second.snapshot, first.snapshot);
    assert!(
        upstream.bytes_sent() - before < 1000,
        "{}",
        upstream.bytes_sent() - before
    );
}

#[test]
fn a_new_picture_behind_the_old_address_is_noticed() {
    let mut version = 0_u8;
    let upstream = Upstream::http(move |request| match request.path.as_str() {
        "/mars" => Answer::json(REPORT),
        _ => {
            version += 1;
            Answer::bmp(pictures::plain(version, 0, 0)).header("etag", format!("\"{version}\""))
        }
    });
    let mut client = client(&upstream, LIMIT);
    let red = |polled: Polled| polled.snapshot.unwrap().picture.as_ref().unwrap().rgb()[0];
    assert_eq!(
        [
            red(client.poll(NOW)),
            red(client.poll(NOW)),
            red(client.poll(NOW))
        ],
        [1, 2, 3]
    );
}

#[test]
fn a_picture_at_a_new_address_is_not_asked_for_with_the_old_ones_mark() {
    let mut asked = 0;
    let upstream = Upstream::http(move |request| match request.path.as_str() {
        "/mars" => {
            asked += 1;
            Answer::json(format!(r#"{{"image_url":"/{asked}.bmp"}}"#))
        }
        _ => good(request).header("etag", "\"same\""),
    });
    let mut client = client(&upstream, LIMIT);
    client.poll(NOW);
    client.poll(NOW);
    let last = upstream.requests().pop().unwrap();
    assert_eq!(
        (last.path.as_str(), last.header("if-none-match")),
        ("/2.bmp", None)
    );
}

#[test]
fn statuses_are_told_apart() {
    let cases = [
        (400, Kind::Address),
        (401, Kind::Key),
        (403, Kind::Key),
        (404, Kind::Address),
        (408, Kind::Busy),
        (410, Kind::Address),
        (429, Kind::Busy),
        (500, Kind::Server),
        (502, Kind::Server),
        (204, Kind::Nonsense),
    ];
    for (status, kind) in cases {
        assert_says(&answered(Answer::status(status)), kind, &status.to_string());
    }
    assert_says(&pictured(Answer::status(403)), Kind::Key, "403");
    let unasked = answered(Answer::status(304));
    assert_says(&unasked, Kind::Nonsense, "never asked");
}

#[test]
fn retry_after_is_read_in_seconds_and_as_a_date() {
    let busy = |value: &str| answered(Answer::status(429).header("retry-after", value)).retry_after;
    assert_eq!(busy("120"), Some(Duration::from_secs(120)));
    assert_eq!(busy("soon"), None);
    assert_eq!(busy("-5"), None);
    let dated = Answer::status(503)
        .header("date", "Sat, 21 Nov 2026 14:05:00 GMT")
        .header("retry-after", "Sat, 21 Nov 2026 14:06:30 GMT");
    assert_eq!(answered(dated).retry_after, Some(Duration::from_secs(90)));
}

#[test]
fn bodies_that_are_no_answer_are_refused_in_words() {
    assert_says(&answered(Answer::json("")), Kind::Nonsense, "empty");
    assert_says(
        &answered(Answer::json("<html>502</html>")),
        Kind::Nonsense,
        "web page",
    );
    assert_says(&answered(Answer::json("[]")), Kind::Nonsense, "a list");
    assert_says(
        &answered(Answer::json("{}")),
        Kind::Nonsense,
        "no image_url",
    );
    let nan = r#"{"image_url":"x","insight":{"av_at":NaN}}"#;
    assert_says(&answered(Answer::json(nan)), Kind::Nonsense, "not JSON");
    let large = vec![b' '; 10_000_000];
    assert_says(
        &answered(Answer::json(large.clone())),
        Kind::Nonsense,
        "more than 64 kB",
    );
    let unsaid = Answer {
        length: Length::Unsaid,
        ..Answer::json(large)
    };
    assert_says(&answered(unsaid), Kind::Nonsense, "more than 64 kB");
}

#[test]
fn half_an_answer_is_a_broken_connection() {
    let mut half = Answer::json(&REPORT[..30]);
    half.length = Length::Lie(REPORT.len());
    assert_says(&answered(half), Kind::Network, "broke off");
    let mut nothing = Answer::json("");
    nothing.hang_up = true;
    assert_says(&answered(nothing), Kind::Network, "localhost");
}

#[test]
fn a_slow_trickle_ends_at_the_limit() {
    let trickle = Some((1, Duration::from_millis(30)));
    let slow = Answer {
        trickle,
        ..Answer::json(REPORT)
    };
    assert_says(&answered_within(SHORT, slow), Kind::TooSlow, "took longer");
    let slow = Answer {
        trickle,
        ..Answer::bmp(pictures::plain(0, 0, 0))
    };
    assert_says(&pictured_within(SHORT, slow), Kind::TooSlow, "took longer");
}

#[test]
fn redirects_are_followed_but_not_for_ever_and_never_with_the_key() {
    let elsewhere = Upstream::http(good);
    let (there, picture) = (elsewhere.url("/mars"), elsewhere.url("/p.bmp"));
    let upstream = Upstream::http(move |_| Answer::status(302).header("location", there.clone()));
    let polled = client(&upstream, LIMIT).poll(NOW);
    assert_eq!(
        polled.error.map(|error| error.part),
        Some(Part::Picture),
        "/p.bmp is relative to the API"
    );
    assert_eq!(
        elsewhere.requests()[0].header("x-api-key"),
        None,
        "the key is not for them"
    );

    let report = format!(r#"{{"image_url":"{picture}"}}"#);
    let upstream = Upstream::http(move |_| Answer::json(report.clone()));
    assert_eq!(client(&upstream, LIMIT).poll(NOW).error, None);
    assert_eq!(elsewhere.requests()[1].header("x-api-key"), None);

    let circle = Answer::status(302).header("location", "/mars");
    assert_says(&answered(circle), Kind::Nonsense, "redirects in a circle");
    assert_says(
        &answered(Answer::status(302)),
        Kind::Nonsense,
        "redirects to nowhere",
    );
    let file = Answer::status(302).header("location", "file:///etc/passwd");
    assert_says(&answered(file), Kind::Nonsense, "redirects to nowhere");
}

#[test]
fn addresses_of_pictures_that_are_none_are_refused() {
    for url in ["file:///etc/passwd", "http://", "javascript:1", "ftp://x/y"] {
        let report = format!(r#"{{"image_url":"{url}"}}"#);
        let upstream = Upstream::http(move |_| Answer::json(report.clone()));
        let polled = client(&upstream, LIMIT).poll(NOW);
        assert!(polled.snapshot.is_some(), "the weather is good");
        assert_says(&polled.error.unwrap(), Kind::Nonsense, "no web address");
    }
}

#[test]
fn bodies_that_are_no_picture_are_refused_in_words() {
    let xml = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
    assert_says(
        &pictured(Answer::new(200, "application/xml", xml)),
        Kind::Nonsense,
        "an XML message",
    );
    assert_says(
        &pictured(Answer::new(200, "text/html", "<html>")),
        Kind::Nonsense,
        "a web page",
    );
    assert_says(&pictured(Answer::bmp("")), Kind::Nonsense, "an empty body");
    assert_says(
        &pictured(Answer::bmp(vec![b'B'; 9_000_000])),
        Kind::Nonsense,
        "sends more than",
    );
    let mut forty = pictures::plain(0, 0, 0);
    forty[18..26].copy_from_slice(&[0x40, 0x1f, 0, 0, 0x88, 0x13, 0, 0]);
    assert_says(
        &pictured(Answer::bmp(forty)),
        Kind::Nonsense,
        "8000×5000 pixels is too large",
    );
    let whole = pictures::plain(1, 2, 3);
    let cut = Answer::bmp(&whole[..whole.len() - 1000]);
    assert_says(&pictured(cut.clone()), Kind::Nonsense, "cut short");
    let lying = Answer {
        length: Length::Lie(whole.len()),
        ..cut
    };
    assert_says(&pictured(lying), Kind::Network, "broke off");
}

#[test]
fn nobody_there_and_no_such_host_are_network_troubles() {
    let upstream = Upstream::http(good);
    let mut client = client(&upstream, LIMIT);
    assert_eq!(client.poll(NOW).error, None);
    let port = upstream.port;
    drop(upstream);
    let gone = wait_until_refused(&mut client);
    assert_says(
        &gone,
        Kind::Network,
        &format!("localhost:{port} refuses the connection"),
    );
    let url = Url::parse("http://no-such-host.invalid/mars").unwrap();
    let fetcher = Fetcher::new(&url, None, None, LIMIT).unwrap();
    let polled = Client::new(url, fetcher, None).poll(NOW);
    assert_says(
        &polled.error.unwrap(),
        Kind::Network,
        "no address for no-such-host.invalid",
    );
}

/// The listener closes a moment after it was told to.
fn wait_until_refused(client: &mut Client) -> Error {
    (0..1000)
        .filter_map(|_| client.poll(NOW).error)
        .find(|error| error.detail.contains("refuses"))
        .expect("nobody listens any more")
}

fn secure(identity: &Identity, ca: Option<&Path>) -> Polled {
    let upstream = Upstream::https(identity, good);
    let url = Url::parse(&upstream.url("/mars")).unwrap();
    let fetcher = Fetcher::new(&url, None, ca, LIMIT).unwrap();
    Client::new(url, fetcher, None).poll(NOW)
}

#[test]
fn certificates_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let identity = Identity::valid_days(365 * 50);
    std::fs::write(&ca, &identity.ca_pem).unwrap();
    assert_eq!(secure(&identity, Some(&ca)).error, None);
    let unknown = secure(&identity, None).error.unwrap();
    assert_says(&unknown, Kind::Certificate, "not good");
    let expired = Identity::valid_days(10);
    std::fs::write(&ca, &expired.ca_pem).unwrap();
    let expired = secure(&expired, Some(&ca)).error.unwrap();
    assert_says(&expired, Kind::Certificate, "expired");
}

#[test]
fn a_file_without_certificates_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let url = Url::parse("https://localhost/mars").unwrap();
    assert!(
        Fetcher::new(&url, None, Some(&ca), LIMIT).is_err(),
        "there is no such file"
    );
    std::fs::write(&ca, "hello").unwrap();
    assert!(
        Fetcher::new(&url, None, Some(&ca), LIMIT).is_err(),
        "there is nothing in it"
    );
}

#[test]
fn a_disk_that_refuses_costs_nothing_today() {
    let upstream = Upstream::http(good);
    let url = Url::parse(&upstream.url("/mars")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let fetcher = Fetcher::new(&url, None, None, LIMIT).unwrap();
    let mut client = Client::new(
        url,
        fetcher,
        Some(Cache::new(folder.path().join("file/cache"))),
    );
    let polled = client.poll(NOW);
    assert_eq!(polled.error, None);
    assert!(polled.snapshot.unwrap().picture.is_some());
    assert!(polled.unsaved.unwrap().contains("annot save"));
}

#[test]
fn a_disk_that_cannot_be_written_keeps_the_last_good_picture() {
    let mut version = 0_u8;
    let upstream = Upstream::http(move |request| match request.path.as_str() {
        "/mars" => Answer::json(REPORT),
        _ => {
            version += 1;
            Answer::bmp(pictures::plain(version, 0, 0))
        }
    });
    let url = Url::parse(&upstream.url("/mars")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let fetcher = Fetcher::new(&url, None, None, LIMIT).unwrap();
        Client::new(url.clone(), fetcher, Some(Cache::new(folder.path())))
    };
    let mut client = open();
    assert_eq!(client.poll(NOW).unsaved, None);
    // A folder is in the way of the new file.
    let blocked = folder.path().join("last-good.new");
    std::fs::create_dir(&blocked).unwrap();
    let polled = client.poll(NOW + 300);
    assert_eq!(
        polled.snapshot.unwrap().picture.as_ref().unwrap().rgb()[0],
        2,
        "today's is shown"
    );
    assert!(polled.unsaved.unwrap().contains("annot save"));
    assert_eq!(
        open().snapshot().unwrap().picture.as_ref().unwrap().rgb()[0],
        1,
        "yesterday's is kept"
    );
    std::fs::remove_dir(&blocked).unwrap();
    assert_eq!(client.poll(NOW + 600).unsaved, None, "it works again");
}

#[test]
fn what_was_saved_is_known_at_the_next_start_and_asked_for_conditionally() {
    let upstream = Upstream::http(|request| match request.header("if-none-match") {
        Some("\"7\"") => Answer::status(304),
        _ => good(request).header("etag", "\"7\""),
    });
    let url = Url::parse(&upstream.url("/mars")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = |url: &Url| {
        let fetcher = Fetcher::new(url, None, None, LIMIT).unwrap();
        Client::new(url.clone(), fetcher, Some(Cache::new(folder.path())))
    };
    let first = open(&url).poll(NOW).snapshot;
    let mut again = open(&url);
    assert_eq!(again.snapshot(), first);
    let before = upstream.bytes_sent();
    assert_eq!(again.poll(NOW + 300).error, None);
    assert!(upstream.bytes_sent() - before < 1000);
    let other = Url::parse(&upstream.url("/other")).unwrap();
    assert_eq!(
        open(&other).snapshot(),
        None,
        "another API's picture is not this one's"
    );
}
