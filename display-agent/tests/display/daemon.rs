//! The real program: its commands, its exit codes, its screen as a PNG, and what a kill leaves behind.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::pictures;
use crate::upstream::{Answer, Request, Upstream};

/// For events that must come on any machine; nothing is measured by it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A folder with a config, in which the program runs.
struct Agent {
    folder: tempfile::TempDir,
}

impl Agent {
    fn new(display: &str) -> Self {
        let agent = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        agent.configure(display);
        agent
    }

    /// The `display` section, with a PNG as the screen.
    fn configure(&self, display: &str) {
        let json =
            format!(r#"{{"display":{{{display},"screen":{{"driver":"png","path":"out.png"}}}}}}"#);
        self.write_config(&json);
    }

    fn write_config(&self, json: &str) {
        std::fs::write(self.path("config.json"), json).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::program());
        command.args(arguments).current_dir(self.folder.path());
        command
            .env_remove("STATE_DIRECTORY")
            .env_remove("RUST_LOG")
            .env("NO_COLOR", "1");
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn run(&self) -> Running {
        let mut command = self.command(&["run"]);
        Running(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    /// Which of the panel's 32 reds the picture has, seen between the rows of text on the right edge of the screen.
    fn red(&self) -> Option<u8> {
        let image = image::open(self.path("out.png")).ok()?.into_rgb8();
        let red = u32::from(image.get_pixel(300, 84).0[0]);
        Some(((red * 31 + 127) / 255) as u8)
    }
}

/// Killed when dropped, so that a failed test leaves nothing running.
struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, signal).unwrap();
    }

    fn exit_code(&mut self) -> Option<i32> {
        wait_for("the program to end", || self.0.try_wait().unwrap()).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's deadline is a matter of real time"
)]
fn now() -> Instant {
    Instant::now()
}

/// Looks again and again, until there is something or the time is up.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = now() + TIMEOUT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn good(request: &Request) -> Answer {
    match request.path.as_str() {
        "/mars" => Answer::json(r#"{"image_url":"/p.bmp","insight":{"sol":"675"}}"#),
        _ => Answer::bmp(pictures::plain(red_of(25), 100, 50)),
    }
}

/// One of the panel's 32 reds, as eight bits.
fn red_of(step: u8) -> u8 {
    ((u32::from(step) * 255 + 15) / 31) as u8
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_runs_until_asked_to_stop_and_says_on_the_screen_that_it_stopped() {
    let upstream = Upstream::http(good);
    let agent = Agent::new(&format!(r#""url":"{}""#, upstream.url("/mars")));
    for signal in [Signal::TERM, Signal::INT] {
        let mut running = agent.run();
        wait_for("the picture", || agent.red().filter(|red| *red == 25));
        let fresh = std::fs::read(agent.path("out.png")).unwrap();
        running.signal(signal);
        assert_eq!(running.exit_code(), Some(0));
        let last = std::fs::read(agent.path("out.png")).unwrap();
        assert!(last != fresh, "the last frame says that it is the last");
        std::fs::remove_file(agent.path("out.png")).unwrap();
    }
}

#[test]
fn a_request_that_hangs_does_not_hold_up_the_end() {
    let (hold, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let upstream = Upstream::http(move |request| {
        // Ends when the test does.
        let _ = held.lock().unwrap().recv();
        good(request)
    });
    let agent = Agent::new(&format!(r#""url":"{}""#, upstream.url("/mars")));
    let mut running = agent.run();
    wait_for("the request", || upstream.accepted().then_some(()));
    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(), Some(0));
    drop(hold);
}

#[test]
fn systemd_hears_ready_alive_and_stopping() {
    let upstream = Upstream::http(good);
    let agent = Agent::new(&format!(r#""url":"{}""#, upstream.url("/mars")));
    let socket = UnixDatagram::bind(agent.path("notify")).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut command = agent.command(&["run"]);
    command
        .env("NOTIFY_SOCKET", agent.path("notify"))
        .env("WATCHDOG_USEC", "100000");
    let mut running = Running(command.stderr(Stdio::null()).spawn().unwrap());
    let hear = |word: &str| {
        let mut buffer = [0; 1024];
        loop {
            let length = socket
                .recv(&mut buffer)
                .unwrap_or_else(|_| panic!("never heard {word}"));
            if text(&buffer[..length]).contains(word) {
                return;
            }
        }
    };
    hear("READY=1");
    hear("WATCHDOG=1");
    hear("STATUS=up to date");
    hear("WATCHDOG=1");
    running.signal(Signal::TERM);
    hear("STOPPING=1");
    assert_eq!(running.exit_code(), Some(0));
}

#[test]
fn exit_codes_tell_usage_from_config_from_trouble() {
    let agent = Agent::new(r#""url":"http://localhost:1/mars""#);
    assert_eq!(agent.output(&[]).status.code(), Some(64));
    assert_eq!(agent.output(&["fly"]).status.code(), Some(64));
    assert_eq!(agent.output(&["--version"]).status.code(), Some(0));
    assert_eq!(
        agent
            .output(&["run", "--config", "nowhere.json"])
            .status
            .code(),
        Some(78)
    );
    assert_eq!(agent.output(&["check"]).status.code(), Some(1));
    agent.configure(r#""url":"http://localhost:1/mars","ca":"nowhere.pem""#);
    assert_eq!(agent.output(&["run"]).status.code(), Some(1));
}

#[test]
fn a_bad_config_is_told_in_the_log_and_on_the_screen() {
    let agent = Agent::new(r#""urll":"http://localhost:1/mars""#);
    let output = agent.output(&["run"]);
    assert_eq!(output.status.code(), Some(78));
    let log = text(&output.stderr);
    assert!(
        log.contains("display.urll is not a known key: did you mean url?"),
        "{log}"
    );
    assert!(agent.red().is_some(), "the screen says so too");
}

#[test]
fn check_names_what_is_missing_and_what_to_do() {
    let upstream = Upstream::http(good);
    let agent = Agent::new(&format!(r#""url":"{}""#, upstream.url("/mars")));
    let well = agent.output(&["check"]);
    assert_eq!(well.status.code(), Some(0), "{}", text(&well.stdout));
    let found = text(&well.stdout);
    assert!(found.contains("OK    Mars API"), "{found}");
    assert!(found.contains("sol 675"), "{found}");
    agent.write_config(
        r#"{"display":{"url":"http://localhost:1/mars","cache":"/dev/null/cache","screen":{"spi":"/dev/none"}}}"#,
    );
    let ill = agent.output(&["check"]);
    assert_eq!(ill.status.code(), Some(1));
    let found = text(&ill.stdout);
    for words in [
        "FAIL  cache",
        "FAIL  screen",
        "raspi-config",
        "FAIL  Mars API",
        "refuses the connection",
    ] {
        assert!(found.contains(words), "{words:?} is not in\n{found}");
    }
}

#[test]
fn render_draws_an_answer_from_a_file_and_from_an_address() {
    let upstream = Upstream::http(good);
    let agent = Agent::new(&format!(r#""url":"{}""#, upstream.url("/mars")));
    let drawn = agent.output(&[
        "render",
        "--from",
        &upstream.url("/mars"),
        "--out",
        "out.png",
    ]);
    assert_eq!(drawn.status.code(), Some(0), "{}", text(&drawn.stderr));
    assert_eq!(agent.red(), Some(25));
    std::fs::write(agent.path("p.bmp"), pictures::plain(red_of(10), 0, 0)).unwrap();
    std::fs::write(agent.path("answer.json"), r#"{"image_url":"p.bmp"}"#).unwrap();
    let drawn = agent.output(&["render", "--from", "answer.json", "--out", "out.png"]);
    assert_eq!(drawn.status.code(), Some(0), "{}", text(&drawn.stderr));
    assert_eq!(agent.red(), Some(10));
    let failed = agent.output(&[
        "render",
        "--from",
        "http://localhost:1/mars",
        "--out",
        "out.png",
    ]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("refuses the connection"));
}

#[test]
fn the_copy_tells_why_the_screen_is_dark() {
    let upstream = Upstream::http(good);
    let agent = Agent::new(r#""url":"x""#);
    agent.write_config(&format!(
        r#"{{"display":{{"url":"{}","screen":{{"spi":"/dev/none","copy":"out.png"}}}}}}"#,
        upstream.url("/mars")
    ));
    let running = agent.run();
    let dark = wait_for("the copy", || agent.red());
    assert!(
        dark < 60,
        "the page is words on a dark ground, not the picture"
    );
    drop(running);
}

/// A generator of our own, so that a failure can be run again: SplitMix64.
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

#[test]
fn a_hundred_kills_while_saving_leave_the_last_good_picture() {
    let version = Arc::new(AtomicUsize::new(0));
    let open = Arc::new(AtomicBool::new(true));
    let served = Arc::new(AtomicUsize::new(0));
    let upstream = {
        let (version, open, served) = (version.clone(), open.clone(), served.clone());
        Upstream::http(move |request| {
            let mut answer = good(request);
            if !open.load(Ordering::SeqCst) {
                return Answer::status(503);
            }
            if request.path == "/p.bmp" {
                let version = version.load(Ordering::SeqCst);
                answer = Answer::bmp(pictures::plain(red_of(step_of(version)), 0, 0));
                served.store(version, Ordering::SeqCst);
            }
            answer
        })
    };
    let agent = Agent::new(&format!(
        r#""url":"{}","interval_minutes":0.05"#,
        upstream.url("/mars")
    ));
    let saved = Path::new("state/display/last-good");
    let first = agent.run();
    wait_for("the first picture", || {
        agent.path(&saved.to_string_lossy()).exists().then_some(())
    });
    drop(first);

    let mut dice = Dice(2026);
    // Decoding and saving take a few milliseconds, or many on a busy machine: the kills find their time
    // by themselves, later after one that came before the rename, sooner after one behind it.
    let mut within_us = 10_000;
    let (mut last, mut new_ones) = (0, 0);
    for round in 1..=100 {
        version.store(round, Ordering::SeqCst);
        let running = agent.run();
        wait_for("the new picture to be fetched", || {
            (served.load(Ordering::SeqCst) == round).then_some(())
        });
        thread::sleep(Duration::from_micros(dice.below(within_us)));
        running.signal(Signal::KILL);
        drop(running);

        open.store(false, Ordering::SeqCst);
        std::fs::remove_file(agent.path("out.png")).ok();
        let again = agent.run();
        let shown = wait_for("the first frame", || agent.red());
        let candidates = [last, round].map(step_of);
        let shown = candidates.iter().position(|red| *red == shown);
        let shown = shown.unwrap_or_else(|| {
            panic!("after kill {round}, neither {candidates:?} but something else")
        });
        if shown == 1 {
            (last, new_ones) = (round, new_ones + 1);
            within_us = (within_us * 3 / 4).max(200);
        } else {
            within_us = within_us * 4 / 3;
        }
        drop(again);
        open.store(true, Ordering::SeqCst);
    }
    assert!(
        (5..=95).contains(&new_ones),
        "kills came before and after the rename: {new_ones} of 100 after"
    );
}

/// A red of its own for each version and its neighbours.
fn step_of(version: usize) -> u8 {
    (8 + version % 20) as u8
}
