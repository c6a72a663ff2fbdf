//! Every state of the page against a picture of it that a person has looked at.
//!
//! `OUTPOST_GOLDEN=write` writes the pictures anew, to be looked at again.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use display_agent::bitmap::Picture;
use display_agent::clock::{Clock, Now};
use display_agent::mars::{Error, Kind, Part, Polled, Snapshot, answer};
use display_agent::page::{self, Page};
use display_agent::screen::{Frame, png};
use display_agent::view::View;
use display_agent::view::words::{self, Wording};
use image::RgbImage;

use crate::pictures;

/// 21 November 2026, 14:05 UTC.
const NOW: i64 = 1_795_269_900;
const INTERVAL: Duration = Duration::from_secs(300);

const FALL: &str = r#"{"image_url":"x","insight":{"sol":"675","av_at":-62.314,"av_HWS":7.233,
    "av_PRE":750.563,"Last_UTC":"2020-10-20T19:11:55Z","season":"fall"}}"#;
/// Curiosity has no wind sensor left.
const REMS: &str = r#"{"image_url":"x","insight":{"sol":"4995","av_at":-31.5,"av_HWS":null,
    "av_PRE":851.0,"Last_UTC":"2026-08-25","season":"late summer"}}"#;
const BROKEN: &str = r#"{"image_url":"x","insight":{"sol":"4995","av_at":"warm","av_HWS":"--",
    "av_PRE":[1],"Last_UTC":"yesterday, about noon, when the sun stood high over the crater","season":null}}"#;

struct Bench {
    view: View,
    start: Instant,
}

impl Bench {
    fn new(snapshot: Option<Snapshot>) -> Self {
        Self::for_reader(wording(), snapshot)
    }

    fn for_reader(wording: Wording, snapshot: Option<Snapshot>) -> Self {
        let start = Clock::real().now().steady;
        Self {
            view: View::new(wording, INTERVAL, snapshot.map(Arc::new), start),
            start,
        }
    }

    fn polled(mut self, snapshot: Option<Snapshot>, error: Option<Error>, lasting: bool) -> Self {
        let polled = Polled {
            snapshot: snapshot.map(Arc::new),
            error,
            source_age: None,
            unsaved: None,
        };
        self.view.polled(polled, self.start, lasting);
        self
    }

    fn page(&self, later: Duration) -> Page {
        let unix = NOW + later.as_secs() as i64;
        self.view.page(Now {
            steady: self.start + later,
            unix,
        })
    }
}

fn wording() -> Wording {
    Wording {
        host: "station.local".into(),
        has_key: true,
        ..Wording::default()
    }
}

fn dunes() -> Vec<u8> {
    pictures::encode(pictures::Kind::TwentyFour, 320, 240, pictures::dunes)
}

fn snapshot(json: &str) -> Snapshot {
    let bmp = dunes();
    Snapshot {
        answer: answer::read(json.as_bytes()).unwrap(),
        answer_unix: NOW - 7200,
        picture: Some(Picture::from_bmp(&bmp).unwrap()),
        picture_unix: NOW - 7200,
    }
}

fn error(part: Part, kind: Kind, detail: &str) -> Error {
    Error::new(part, kind, detail)
}

fn assert_looks_like(name: &str, page: &Page) {
    let mut frame = Frame::black();
    let Ok(()) = page::draw(page, &mut frame);
    assert_is(name, &png::encoded(&frame).unwrap());
}

/// Compares with `tests/golden/NAME.png`; what differs is written under `target/golden`.
fn assert_is(name: &str, actual: &[u8]) {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = home.join("tests/golden").join(format!("{name}.png"));
    if std::env::var_os("OUTPOST_GOLDEN").is_some_and(|wish| wish == "write") {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, actual).unwrap();
        return;
    }
    let actual = image::load_from_memory(actual).unwrap().into_rgb8();
    let expected = image::open(&golden).map(|image| image.into_rgb8());
    let expected = expected.unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
    let wrong = differing(&actual, &expected);
    if wrong > 0 {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
        std::fs::create_dir_all(&folder).unwrap();
        actual
            .save(folder.join(format!("{name}.actual.png")))
            .unwrap();
        difference(&actual, &expected)
            .save(folder.join(format!("{name}.difference.png")))
            .unwrap();
        panic!(
            "{wrong} pixels of page {name} differ; see {}",
            folder.display()
        );
    }
}

/// A pixel differs if it is more than a rounding away: floating point is not the same on every chip.
fn differing(a: &RgbImage, b: &RgbImage) -> usize {
    assert_eq!(a.dimensions(), b.dimensions());
    let apart = |a: &image::Rgb<u8>, b: &image::Rgb<u8>| {
        a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 9)
    };
    a.pixels()
        .zip(b.pixels())
        .filter(|(a, b)| apart(a, b))
        .count()
}

fn difference(a: &RgbImage, b: &RgbImage) -> RgbImage {
    RgbImage::from_fn(a.width(), a.height(), |x, y| {
        let (a, b) = (a.get_pixel(x, y), b.get_pixel(x, y));
        image::Rgb(std::array::from_fn(|i| {
            a.0[i].abs_diff(b.0[i]).saturating_mul(4)
        }))
    })
}

#[test]
fn a_normal_day() {
    let bench = Bench::new(None).polled(Some(snapshot(FALL)), None, false);
    assert_looks_like("normal", &bench.page(Duration::from_secs(60)));
}

#[test]
fn a_normal_day_drawn_by_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name| folder.path().join(name);
    std::fs::write(at("x"), dunes()).unwrap();
    std::fs::write(at("answer.json"), FALL).unwrap();
    let mut render = Command::new(crate::program());
    render.args(["render", "--from", "answer.json", "--out", "page.png"]);
    let output = render.current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_is("normal", &std::fs::read(at("page.png")).unwrap());
}

#[test]
fn fahrenheit_and_local_time() {
    let zone = jiff::tz::TimeZone::get("America/Phoenix").unwrap();
    let reader = Wording {
        fahrenheit: true,
        zone,
        ..wording()
    };
    let bench = Bench::for_reader(reader, None).polled(Some(snapshot(FALL)), None, false);
    assert_looks_like("fahrenheit-local", &bench.page(Duration::ZERO));
}

#[test]
fn missing_values() {
    let bench = Bench::new(None).polled(Some(snapshot(REMS)), None, false);
    assert_looks_like("missing-values", &bench.page(Duration::ZERO));
}

#[test]
fn values_without_sense() {
    let bench = Bench::new(None).polled(Some(snapshot(BROKEN)), None, false);
    assert_looks_like("unreadable-values", &bench.page(Duration::ZERO));
}

#[test]
fn stale() {
    let bench = Bench::new(None).polled(Some(snapshot(FALL)), None, false);
    let down = Some(error(
        Part::Answer,
        Kind::Network,
        "no address for station.local",
    ));
    let bench = bench.polled(Some(snapshot(FALL)), down, true);
    assert_looks_like("stale", &bench.page(Duration::from_secs(30 * 3600)));
}

#[test]
fn saved_by_the_last_run() {
    assert_looks_like(
        "saved",
        &Bench::new(Some(snapshot(FALL))).page(Duration::ZERO),
    );
}

#[test]
fn a_bad_picture_beside_good_weather() {
    let weather = Snapshot {
        picture: None,
        ..snapshot(FALL)
    };
    let bad = error(
        Part::Picture,
        Kind::Nonsense,
        "not a bitmap but an XML message",
    );
    let bench = Bench::new(None).polled(Some(weather), Some(bad), true);
    assert_looks_like("bad-picture", &bench.page(Duration::ZERO));
}

#[test]
fn first_boot() {
    assert_looks_like("first-boot", &Bench::new(None).page(Duration::ZERO));
}

#[test]
fn first_boot_while_the_network_comes_up() {
    let down = error(Part::Answer, Kind::Network, "no address for station.local");
    let bench = Bench::new(None).polled(None, Some(down), false);
    assert_looks_like("first-boot-retrying", &bench.page(Duration::from_secs(3)));
}

#[test]
fn no_key() {
    let refused = error(
        Part::Answer,
        Kind::Key,
        "station.local answers 403 Forbidden",
    );
    let reader = Wording {
        has_key: false,
        ..wording()
    };
    let bench = Bench::for_reader(reader, None).polled(None, Some(refused), false);
    assert_looks_like("no-key", &bench.page(Duration::ZERO));
}

#[test]
fn wrong_key() {
    let refused = error(
        Part::Answer,
        Kind::Key,
        "station.local answers 403 Forbidden",
    );
    let bench = Bench::new(None).polled(None, Some(refused), false);
    assert_looks_like("wrong-key", &bench.page(Duration::ZERO));
}

#[test]
fn no_network() {
    let down = error(Part::Answer, Kind::Network, "no address for station.local");
    let bench = Bench::new(None).polled(None, Some(down), true);
    assert_looks_like("no-network", &bench.page(Duration::from_secs(1200)));
}

#[test]
fn certificate() {
    let bad = "the certificate of station.local is not good: certificate expired: verified at 2036";
    let bench = Bench::new(None).polled(
        None,
        Some(error(Part::Answer, Kind::Certificate, bad)),
        true,
    );
    assert_looks_like("certificate", &bench.page(Duration::ZERO));
}

#[test]
fn nonsense() {
    let bad = error(
        Part::Answer,
        Kind::Nonsense,
        "the answer is a web page, not JSON",
    );
    let bench = Bench::new(None).polled(None, Some(bad), true);
    assert_looks_like("nonsense", &bench.page(Duration::ZERO));
}

#[test]
fn no_panel() {
    let remedy = "switch SPI on with `sudo raspi-config nonint do_spi 0`";
    let page = words::no_panel(
        "cannot open /dev/spidev0.0: No such file or directory",
        remedy,
    );
    assert_looks_like("no-panel", &Page::Notice(page));
}

#[test]
fn bad_config() {
    let problems = [
        "display.interval is not a known key: did you mean interval_minutes?",
        "more",
    ];
    let page = words::bad_config(&problems.map(String::from));
    assert_looks_like("bad-config", &Page::Notice(page));
}

#[test]
fn letters_hold_their_own_over_white_and_over_noise() {
    type Ground = fn(usize, usize) -> u32;
    let grounds: [(&str, Ground); 2] = [
        ("over-white", |_, _| 0x00ff_ffff),
        ("over-noise", |x, y| {
            if (x / 2 * 31 + y / 2 * 17) % 7 < 3 {
                0x00ff_f0c0
            } else {
                0x0030_6080
            }
        }),
    ];
    for (name, pixel) in grounds {
        let bmp = pictures::encode(pictures::Kind::TwentyFour, 320, 240, pixel);
        let snapshot = Snapshot {
            picture: Some(Picture::from_bmp(&bmp).unwrap()),
            ..snapshot(REMS)
        };
        let down = error(Part::Answer, Kind::Server, "station.local answers 500");
        let bench = Bench::new(None).polled(Some(snapshot), Some(down), true);
        assert_looks_like(name, &bench.page(Duration::ZERO));
    }
}
