//! A day of operation in forty seconds, against an upstream that misbehaves at random.
//!
//! The clock runs faster; every decision is the one of a real day. `OUTPOST_DAY_SECONDS=600` takes ten
//! minutes for it, `OUTPOST_DAY_SEED=7` has other weather.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

#[path = "display/pictures.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod pictures;
#[path = "display/upstream.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod upstream;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use display_agent::clock::Clock;
use display_agent::config::Settings;
use display_agent::page::{self, Page};
use display_agent::screen::{self, Device, Fault, Frame, Screen, Sink};
use display_agent::view::words;
use display_agent::{Events, run};
use embedded_graphics::prelude::*;
use upstream::{Answer, Length, Request, Upstream};
use url::Url;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(300);
/// The picture changes this often, and says by its colour which one it is.
const VERSION: Duration = Duration::from_secs(600);
/// The day ends with good weather, in which everything must mend itself.
const CALM: Duration = Duration::from_secs(3600);
/// Real time for a request: a slow server costs it, and the rest of the day should not be spent on that.
const LIMIT: Duration = Duration::from_millis(400);

/// For what must come on any machine; nothing is measured by it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What the upstream does for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spell {
    Good,
    HangsUp,
    Fails,
    Busy,
    Forbids,
    SendsHtml,
    SendsHalf,
    Trickles,
    BadPicture,
    NoPicture,
}

const MISCHIEF: [Spell; 9] = [
    Spell::HangsUp,
    Spell::Fails,
    Spell::Busy,
    Spell::Forbids,
    Spell::SendsHtml,
    Spell::SendsHalf,
    Spell::Trickles,
    Spell::BadPicture,
    Spell::NoPicture,
];

/// SplitMix64, so that a bad day can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// When each spell of the day begins.
fn weather(seed: u64) -> Vec<(Duration, Spell)> {
    let mut dice = Dice(seed);
    let mut spells = vec![(Duration::ZERO, Spell::Fails)];
    let mut at = MINUTE * 4;
    while at < DAY - CALM {
        let good = spells.len() % 2 == 1;
        let spell = if good {
            Spell::Good
        } else {
            MISCHIEF[dice.below(MISCHIEF.len() as u64) as usize]
        };
        spells.push((at, spell));
        at += MINUTE * (3 + dice.below(if good { 60 } else { 90 }) as u32);
    }
    spells.push((DAY - CALM, Spell::Good));
    spells
}

/// The day so far, on the fast clock.
#[derive(Clone, Copy)]
struct Day {
    clock: Clock,
    began: Instant,
}

impl Day {
    fn begin(scale: u32) -> Self {
        let clock = Clock::scaled(scale);
        Self {
            clock,
            began: clock.now().steady,
        }
    }

    fn time(&self) -> Duration {
        self.clock.now().steady - self.began
    }

    fn version(at: Duration) -> u64 {
        at.as_secs() / VERSION.as_secs()
    }
}

/// 32 reds and 8 greens that the panel has exactly.
fn colour_of(version: u64) -> [u8; 3] {
    let step = |step: u64, most: u64| ((step * 255 + most / 2) / most) as u8;
    [step(version % 32, 31), step(version / 32 * 8, 63), 0]
}

fn answer(spell: Spell, request: &Request, version: u64) -> Answer {
    let is_picture = request.path == "/p.bmp";
    let [red, green, blue] = colour_of(version);
    let good = if is_picture {
        Answer::bmp(pictures::plain(red, green, blue)).header("etag", format!("\"p{version}\""))
    } else {
        let body = format!(r#"{{"image_url":"/p.bmp","insight":{{"sol":"{version}"}}}}"#);
        Answer::json(body).header("etag", format!("\"a{version}\""))
    };
    match spell {
        Spell::Good if request.header("if-none-match") == Some(&good.headers[1].1) => {
            Answer::status(304)
        }
        Spell::Good => good,
        Spell::HangsUp => Answer {
            hang_up: true,
            ..good
        },
        Spell::Fails => Answer::status(500),
        Spell::Busy => Answer::status(429).header("retry-after", "120"),
        Spell::Forbids => Answer::status(403),
        Spell::SendsHtml => Answer::new(200, "text/html", "<html>captive portal</html>"),
        Spell::SendsHalf => {
            let length = Length::Lie(good.body.len());
            let half = good.body[..good.body.len() / 2].to_vec();
            Answer {
                length,
                body: half,
                ..good
            }
        }
        Spell::Trickles => Answer {
            trickle: Some((1, Duration::from_millis(20))),
            ..good
        },
        Spell::BadPicture if is_picture => Answer::bmp(&good.body[..good.body.len() / 3]),
        Spell::NoPicture if is_picture => Answer::new(404, "application/xml", "<?xml?><Error/>"),
        Spell::BadPicture | Spell::NoPicture => good,
    }
}

/// One frame that the screen got.
#[derive(Clone, Debug)]
struct Seen {
    at: Duration,
    version: Option<u64>,
    caution: bool,
    colours: usize,
}

struct Witness {
    day: Day,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Sink for Witness {
    fn show(&mut self, frame: &Frame) -> Result<(), Fault> {
        let pixel = |x: usize, y: usize| frame.pixels()[y * 320 + x];
        // A prime step looks at every column; a blank frame would have one colour.
        let colours: HashSet<u16> = frame
            .pixels()
            .iter()
            .step_by(97)
            .map(|p| p.into_storage())
            .collect();
        // Between the rows of text, at the right edge, the picture is as it came.
        let ground = pixel(300, 84);
        let rust = pixel(12, 170);
        let is_weather = rust.r() > 20 && rust.g() > 10 && rust.b() < 10;
        let version = (is_weather && ground.b() == 0)
            .then(|| u64::from(ground.r()) + u64::from(ground.g()) / 8 * 32);
        let mark = pixel(5, 226);
        let caution = mark.r() > 25 && mark.g() > 40;
        self.seen.lock().unwrap().push(Seen {
            at: self.day.time(),
            version,
            caution,
            colours: colours.len(),
        });
        Ok(())
    }
}

/// How late a thread may wake on this machine, at worst, while the day runs.
fn measure_lateness(over: Arc<AtomicBool>) -> thread::JoinHandle<Duration> {
    const NAP: Duration = Duration::from_millis(5);
    thread::spawn(move || {
        let real = Clock::real();
        let mut worst = Duration::ZERO;
        while !over.load(Ordering::Relaxed) {
            let before = real.now().steady;
            thread::sleep(NAP);
            worst = worst.max((real.now().steady - before).saturating_sub(NAP));
        }
        worst
    })
}

/// How long a page takes here from the decision to the witness: usually, and at worst.
fn measure_drawing(day: Day) -> (Duration, Duration) {
    let real = Clock::real();
    let page = Page::Notice(words::bad_config(&[]));
    let mut witness = Witness {
        day,
        seen: Arc::default(),
    };
    let mut draw = |_| {
        let before = real.now().steady;
        let mut frame = Frame::black();
        let Ok(()) = page::draw(&page, &mut frame);
        witness.show(&frame).unwrap();
        real.now().steady - before
    };
    let mut times: Vec<_> = (0..9).map(&mut draw).collect();
    times.sort();
    (times[4], times[8])
}

/// A day in two minutes: slower than that nobody waits for it.
const SLOWEST: u64 = 720;

/// As fast as asked for, unless this machine could not do an interval's work in an interval.
fn affordable_scale(drawing: Duration) -> u32 {
    let wished = DAY.as_secs() / from_environment("OUTPOST_DAY_SECONDS", 40);
    let shortest_interval = (drawing * 10).max(Duration::from_millis(50));
    let affordable = (INTERVAL.as_millis() / shortest_interval.as_millis()) as u64;
    wished.min(affordable.max(SLOWEST)).max(1) as u32
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn settings(upstream: &Upstream, folder: &Path) -> Settings {
    Settings {
        url: Url::parse(&upstream.url("/mars")).unwrap(),
        key: None,
        ca: None,
        interval: INTERVAL,
        fahrenheit: false,
        zone: jiff::tz::TimeZone::UTC,
        cache: folder.to_owned(),
        limit: LIMIT,
        screen: screen::Settings {
            device: Device::Png(folder.join("unused.png")),
            copy: None,
        },
    }
}

/// An upstream whose spells follow the day's clock.
fn upstream(day: Day, spells: Vec<(Duration, Spell)>) -> Upstream {
    Upstream::http(move |request| {
        let now = day.time();
        let spell = spells
            .iter()
            .rev()
            .find(|(begins, _)| *begins <= now)
            .unwrap()
            .1;
        answer(spell, request, Day::version(now))
    })
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

#[test]
fn a_day_of_trouble_is_told_truly_and_mends_itself() {
    let seed = from_environment("OUTPOST_DAY_SEED", 4);
    let (usual, drawing) = measure_drawing(Day::begin(1));
    let scale = affordable_scale(usual);
    let day = Day::begin(scale);
    let clock = day.clock;
    let spells = weather(seed);
    let upstream = upstream(day, spells.clone());
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&upstream, folder.path());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let witnesses = seen.clone();
    let screen = Screen::over(move || {
        Ok(Box::new(Witness {
            day,
            seen: witnesses.clone(),
        }))
    });
    let events = Events::new();
    let stopper = events.stopper();
    let over = Arc::new(AtomicBool::new(false));
    let lateness = measure_lateness(over.clone());
    let display = thread::spawn(move || run(&settings, clock, screen, events));

    let wait_until =
        |time: Duration| thread::sleep(clock.real_wait(time.saturating_sub(day.time())));
    wait_until(DAY / 4);
    let quarter_kib = resident_kib();
    wait_until(DAY);
    let mended = wait_for_all_well(day, &seen);
    let (end, end_kib) = (day.time(), resident_kib());
    let frames = seen.lock().unwrap().clone();
    stopper.stop();
    display.join().unwrap().unwrap();
    over.store(true, Ordering::Relaxed);
    let late = lateness.join().unwrap();

    let requests = upstream.requests().len();
    eprintln!(
        "seed {seed}, {scale} times as fast: {} spells, {requests} requests, {} frames; threads woke up to {late:?} late, \
         a page took {drawing:?}; \
         RSS {quarter_kib} KiB after six hours, {end_kib} KiB at the end",
        spells.len(),
        frames.len(),
    );
    assert!(
        frames.iter().all(|frame| frame.colours > 20),
        "a frame was blank"
    );
    assert!(
        frames[0].version.is_none(),
        "it begins with the first-boot page"
    );
    assert_tells_the_truth(&frames, end, (late + drawing * 2) * scale);
    assert!(
        mended,
        "in good weather it is not well again: {:?}",
        frames.last()
    );
    assert!(end_kib < quarter_kib + 16 * 1024, "it grows");
}

/// The weather is good now: a fresh picture without a word must come, however busy this machine is.
fn wait_for_all_well(day: Day, seen: &Mutex<Vec<Seen>>) -> bool {
    let real = Clock::real();
    let deadline = real.now().steady + TIMEOUT;
    while real.now().steady < deadline {
        let newest = Day::version(day.time());
        let last = seen.lock().unwrap().last().cloned();
        if last.is_some_and(|last| {
            !last.caution && last.version.is_some_and(|version| version + 2 >= newest)
        }) {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Whatever stands on the screen without a word of caution was the newest there was within two
/// intervals and the time two requests take; the machine's own lateness is not the display's.
fn assert_tells_the_truth(frames: &[Seen], end: Duration, late: Duration) {
    let allowed = INTERVAL * 2 + MINUTE + MINUTE * 2 + late * 2;
    let ends = frames[1..].iter().map(|frame| frame.at).chain([end]);
    for (frame, until) in frames.iter().zip(ends) {
        let Some(version) = frame.version.filter(|_| !frame.caution) else {
            continue;
        };
        let replaced = VERSION * (version as u32 + 1);
        let age = until.saturating_sub(replaced);
        assert!(
            age <= allowed,
            "{frame:?} stood until {until:?} without a word, {age:?} out of date"
        );
        assert!(
            Day::version(frame.at) >= version,
            "{frame:?} is from the future"
        );
    }
    let cautions = frames.iter().filter(|frame| frame.caution).count();
    assert!(
        cautions > 5,
        "a day like this needs more than {cautions} words of caution"
    );
}
