//! What the display costs: from a poll to the pixels, per frame, at rest, and on the wire.
//!
//! `cargo bench -p display-agent --bench display -- [--json FILE] [--idle-seconds N]`
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should say where"
)]

#[path = "../tests/display/controller.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod controller;
#[path = "../tests/display/pictures.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod pictures;
#[path = "../tests/display/upstream.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod upstream;

use controller::{Controller, NoDelay};
use std::convert::Infallible;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use display_agent::bitmap::Picture;
use display_agent::clock::Clock;
use display_agent::config::Settings;
use display_agent::mars::Client;
use display_agent::mars::fetch::Fetcher;
use display_agent::page::{self, Page};
use display_agent::screen::panel::{Model, start};
use display_agent::screen::{self, Device, Fault, Frame, Screen, Sink};
use display_agent::view::words::Wording;
use display_agent::{Events, run};
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::spi::{self, Operation, SpiDevice};
use serde_json::json;
use upstream::{Answer, Identity, Request, Upstream};
use url::Url;

const ROUNDS: usize = 60;
const NOW: i64 = 1_795_269_900;
const SPI_HZ: f64 = 32_000_000.0;
/// Ten minutes at the usual interval are two polls.
const TEN_MINUTES_S: f64 = 600.0;
const POLLS_IN_TEN_MINUTES: f64 = 2.0;
/// The shortest interval the config allows.
const QUICK_INTERVAL_S: f64 = 3.0;

#[expect(clippy::disallowed_methods, reason = "a benchmark owns its clock")]
fn now() -> Instant {
    Instant::now()
}

struct Arguments {
    json: Option<PathBuf>,
    idle: Duration,
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        json: None,
        idle: Duration::from_secs(30),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => arguments.json = Some(words.next().expect("--json FILE").into()),
            "--idle-seconds" => {
                let seconds = words.next().and_then(|seconds| seconds.parse().ok());
                arguments.idle = Duration::from_secs(seconds.expect("--idle-seconds N"));
            }
            // What cargo adds of its own accord.
            _ => {}
        }
    }
    arguments
}

/// Sorted, so that the middle is the median.
struct Times(Vec<Duration>);

impl Times {
    fn of(rounds: usize, mut once: impl FnMut(usize) -> Duration) -> Self {
        let mut times: Vec<_> = (0..rounds).map(&mut once).collect();
        times.sort();
        Self(times)
    }

    fn measure(mut what: impl FnMut(usize)) -> Self {
        Self::of(ROUNDS, |round| {
            let before = now();
            what(round);
            now() - before
        })
    }

    fn median_us(&self) -> f64 {
        self.0[self.0.len() / 2].as_secs_f64() * 1e6
    }

    fn worst_us(&self) -> f64 {
        self.0[self.0.len() - 1].as_secs_f64() * 1e6
    }
}

const REPORT: &str = r#"{"image_url":"/p.bmp","insight":{"sol":"675","av_at":-62.314,"av_HWS":7.233,
    "av_PRE":750.563,"Last_UTC":"2020-10-20T19:11:55Z","First_UTC":"2020-10-19T18:32:20Z","season":"fall"}}"#;

/// The backend's usual bitmap, another one each time.
fn bitmap(version: usize) -> Vec<u8> {
    let kind = pictures::Kind::Eight {
        colours: 226,
        counted: true,
    };
    pictures::encode(kind, 320, 240, |x, y| {
        ((x / 3 + y / 2 + version) % 226) as u32
    })
}

fn fresh(request: &Request, version: usize) -> Answer {
    match request.path.as_str() {
        "/mars" => Answer::json(REPORT),
        _ => Answer::bmp(bitmap(version)),
    }
}

fn unchanged(request: &Request) -> Answer {
    let answer = match request.header("if-none-match") {
        Some("\"1\"") => Answer::status(304),
        _ => fresh(request, 1),
    };
    answer.header("etag", "\"1\"")
}

/// From the first byte asked to the last pixel on the glass of the simulated panel, over TLS.
fn poll_to_pixels(identity: &Identity, ca: &Path) -> Times {
    let mut version = 0;
    let upstream = Upstream::https(identity, move |request| {
        version += 1;
        fresh(request, version)
    });
    let url = Url::parse(&upstream.url("/mars")).unwrap();
    let fetcher = Fetcher::new(&url, None, Some(ca), Duration::from_secs(30)).unwrap();
    let mut client = Client::new(url, fetcher, None);
    let controller = Controller::new();
    let (bus, dc, backlight) = Controller::wires(&controller);
    let mounting = Model::Ili9341.usual_mounting();
    let mut panel = start(
        Model::Ili9341,
        mounting,
        bus,
        dc,
        None,
        Some(backlight),
        &mut NoDelay,
    )
    .unwrap();
    Times::measure(|_| {
        let polled = client.poll(NOW);
        assert_eq!(polled.error, None);
        let mut frame = Frame::black();
        let page = Page::Weather(Wording::default().weather(&polled.snapshot.unwrap(), None));
        let Ok(()) = page::draw(&page, &mut frame);
        panel.show(&frame).unwrap();
    })
}

/// A bus that takes everything at once, but looks at each byte.
struct NoBus;

impl spi::ErrorType for NoBus {
    type Error = Infallible;
}

impl SpiDevice for NoBus {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
        for operation in operations {
            if let Operation::Write(bytes) = operation {
                black_box(bytes.iter().fold(0_u8, |sum, byte| sum ^ byte));
            }
        }
        Ok(())
    }
}

impl digital::ErrorType for NoBus {
    type Error = Infallible;
}

impl OutputPin for NoBus {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// What it costs us to hand a frame to the bus, and what the bus then needs.
fn panel_us() -> (f64, f64) {
    let mounting = Model::Ili9341.usual_mounting();
    let mut panel = start(
        Model::Ili9341,
        mounting,
        NoBus,
        NoBus,
        None,
        None,
        &mut NoDelay,
    )
    .unwrap();
    let frame = Frame::black();
    let ours = Times::measure(|_| panel.show(black_box(&frame)).unwrap()).median_us();
    (ours, 153_611.0 * 8.0 / SPI_HZ * 1e6)
}

fn decode_and_page() -> (Times, Times) {
    let bmp = bitmap(1);
    let decode = Times::measure(|_| {
        black_box(Picture::from_bmp(black_box(&bmp)).unwrap());
    });
    let snapshot = display_agent::mars::Snapshot {
        answer: display_agent::mars::answer::read(REPORT.as_bytes()).unwrap(),
        answer_unix: NOW,
        picture: Some(Picture::from_bmp(&bmp).unwrap()),
        picture_unix: NOW,
    };
    let page = Page::Weather(
        Wording::default().weather(&snapshot, Some("No connection · as of 14:05".into())),
    );
    let mut frame = Frame::black();
    let draw = Times::measure(|_| {
        let Ok(()) = page::draw(black_box(&page), &mut frame);
    });
    (decode, draw)
}

/// The real program at work, over TLS, with an upstream that has nothing new after the first poll.
struct AtRest {
    rss_mib: f64,
    peak_mib: f64,
    cpu_ms_per_poll: f64,
    tls_bytes_per_poll: f64,
}

fn at_rest(identity: &Identity, folder: &Path, idle: Duration) -> AtRest {
    let upstream = Upstream::https(identity, unchanged);
    let config = json!({"display": {
        "url": upstream.url("/mars"), "ca": "ca.pem", "interval_minutes": QUICK_INTERVAL_S / 60.0,
        "screen": {"driver": "png", "path": "out.png"},
    }});
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_display-agent"));
    command
        .arg("run")
        .current_dir(folder)
        .env_remove("STATE_DIRECTORY");
    let mut program = command.stderr(Stdio::null()).spawn().unwrap();
    while upstream.requests().len() < 4 {
        assert!(program.try_wait().unwrap().is_none(), "the program ended");
        thread::sleep(Duration::from_millis(10));
    }
    let before = (
        cpu_s(&program),
        upstream.requests().len(),
        upstream.bytes_on_the_wire(),
    );
    thread::sleep(idle);
    let after = (
        cpu_s(&program),
        upstream.requests().len(),
        upstream.bytes_on_the_wire(),
    );
    let polls = ((after.1 - before.1) as f64 / 2.0).max(1.0);
    let rest = AtRest {
        rss_mib: status_mib(&program, "VmRSS"),
        peak_mib: status_mib(&program, "VmHWM"),
        cpu_ms_per_poll: (after.0 - before.0) * 1000.0 / polls,
        tls_bytes_per_poll: (after.2 - before.2) as f64 / polls,
    };
    program.kill().unwrap();
    program.wait().unwrap();
    rest
}

fn status_mib(program: &Child, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// User and system time of the process and all its threads, also those that ended; in hundredths.
fn cpu_s(program: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.id())).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: f64 = fields[11..=12]
        .iter()
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum();
    ticks / 100.0
}

/// A screen that only counts.
struct Counter(Arc<AtomicUsize>);

impl Sink for Counter {
    fn show(&mut self, _: &Frame) -> Result<(), Fault> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Ten minutes in ten seconds with nothing new: frames sent, and bytes of the answers of one poll.
fn ten_idle_minutes(folder: &Path) -> (usize, f64) {
    let upstream = Upstream::http(unchanged);
    let clock = Clock::scaled(60);
    let settings = Settings {
        url: Url::parse(&upstream.url("/mars")).unwrap(),
        key: None,
        ca: None,
        interval: Duration::from_secs(60),
        fahrenheit: false,
        zone: jiff::tz::TimeZone::UTC,
        cache: folder.join("idle"),
        limit: Duration::from_secs(30),
        screen: screen::Settings {
            device: Device::Png(PathBuf::new()),
            copy: None,
        },
    };
    let draws = Arc::new(AtomicUsize::new(0));
    let counter = draws.clone();
    let screen = Screen::over(move || Ok(Box::new(Counter(counter.clone()))));
    let events = Events::new();
    let stopper = events.stopper();
    let display = thread::spawn(move || run(&settings, clock, screen, events));
    // The second poll is answered: the picture of the first is long drawn.
    while upstream.requests().len() < 4 {
        thread::sleep(Duration::from_millis(5));
    }
    let before = (
        draws.load(Ordering::Relaxed),
        upstream.requests().len(),
        upstream.bytes_sent(),
    );
    thread::sleep(Duration::from_secs(10));
    let after = (
        draws.load(Ordering::Relaxed),
        upstream.requests().len(),
        upstream.bytes_sent(),
    );
    stopper.stop();
    display.join().unwrap().unwrap();
    let polls = ((after.1 - before.1) as f64 / 2.0).max(1.0);
    (after.0 - before.0, (after.2 - before.2) as f64 / polls)
}

/// Everything that was measured.
struct Figures {
    pixels: Times,
    decode: Times,
    page: Times,
    panel_us: f64,
    bus_us: f64,
    idle_draws: usize,
    unchanged_bytes: f64,
    rest: AtRest,
}

impl Figures {
    fn measure(idle: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        let identity = Identity::valid_days(365 * 50);
        std::fs::write(&ca, &identity.ca_pem).unwrap();
        let pixels = poll_to_pixels(&identity, &ca);
        let (decode, page) = decode_and_page();
        let (panel_us, bus_us) = panel_us();
        let (idle_draws, unchanged_bytes) = ten_idle_minutes(folder.path());
        let rest = at_rest(&identity, folder.path(), idle);
        Self {
            pixels,
            decode,
            page,
            panel_us,
            bus_us,
            idle_draws,
            unchanged_bytes,
            rest,
        }
    }

    fn idle_cpu_pct(&self) -> f64 {
        self.rest.cpu_ms_per_poll / 1000.0 * POLLS_IN_TEN_MINUTES / TEN_MINUTES_S * 100.0
    }

    fn rows(&self) -> [(&'static str, String); 11] {
        let (pixels, rest) = (&self.pixels, &self.rest);
        let both = format!(
            "{:.1} ms, {:.1} ms",
            pixels.median_us() / 1e3,
            pixels.worst_us() / 1e3
        );
        [
            ("poll to pixels, new picture, TLS (median, worst)", both),
            (
                "decode an 8-bit bitmap",
                format!("{:.0} µs", self.decode.median_us()),
            ),
            (
                "draw a page with caution",
                format!("{:.0} µs", self.page.median_us()),
            ),
            (
                "hand a frame to the panel, without the bus",
                format!("{:.0} µs", self.panel_us),
            ),
            (
                "the same frame on a bus of 32 MHz",
                format!("{:.0} µs", self.bus_us),
            ),
            (
                "RSS at rest, at most",
                format!("{:.1} MiB, {:.1} MiB", rest.rss_mib, rest.peak_mib),
            ),
            (
                "CPU of a poll without news, TLS",
                format!("{:.2} ms", rest.cpu_ms_per_poll),
            ),
            (
                "CPU over ten idle minutes at the usual interval",
                format!("{:.4} %", self.idle_cpu_pct()),
            ),
            (
                "frames sent in ten idle minutes",
                format!("{}", self.idle_draws),
            ),
            (
                "answers of a poll without news",
                format!("{:.0} B", self.unchanged_bytes),
            ),
            (
                "the same over TLS, with its handshakes",
                format!("{:.0} B", rest.tls_bytes_per_poll),
            ),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let (decode_us, page_us) = (self.decode.median_us(), self.page.median_us());
        json!({
            "poll_to_pixels_ms": self.pixels.median_us() / 1e3,
            "poll_to_pixels_worst_ms": self.pixels.worst_us() / 1e3,
            "decode_us": decode_us,
            "page_us": page_us,
            "draw_us": decode_us + page_us,
            "panel_us": self.panel_us,
            "spi_32mhz_us": self.bus_us,
            "rss_mib": self.rest.rss_mib,
            "peak_rss_mib": self.rest.peak_mib,
            "poll_cpu_ms": self.rest.cpu_ms_per_poll,
            "idle_cpu_pct": self.idle_cpu_pct(),
            "idle_draws": self.idle_draws,
            "unchanged_bytes": self.unchanged_bytes,
            "unchanged_tls_bytes": self.rest.tls_bytes_per_poll,
        })
    }
}

fn main() {
    let arguments = arguments();
    let figures = Figures::measure(arguments.idle);
    let mut out = std::io::stdout().lock();
    for (what, figure) in figures.rows() {
        writeln!(out, "{what:50} {figure}").unwrap();
    }
    if let Some(path) = arguments.json {
        std::fs::write(path, format!("{:#}\n", figures.json())).unwrap();
    }
}
