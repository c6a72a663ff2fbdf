//! The schedule in tables, the lines at given times, and the thread on pins that record.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

/// What happened on all pins, in order: which line, and its new level.
type Record = Arc<Mutex<Vec<(usize, bool)>>>;

/// A pin that writes down its levels, and refuses to rise, or anything, or panics when told.
struct Pin {
    line: usize,
    record: Record,
    broken: Arc<AtomicBool>,
    dead: Arc<AtomicBool>,
    explosive: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Broken;

impl Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken pin")
    }
}

impl embedded_hal::digital::Error for Broken {
    fn kind(&self) -> embedded_hal::digital::ErrorKind {
        embedded_hal::digital::ErrorKind::Other
    }
}

impl embedded_hal::digital::ErrorType for Pin {
    type Error = Broken;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Broken> {
        self.set(false)
    }

    fn set_high(&mut self) -> Result<(), Broken> {
        assert!(
            !self.explosive.swap(false, Ordering::SeqCst),
            "a pin exploded"
        );
        self.set(true)
    }
}

impl Pin {
    fn set(&mut self, level: bool) -> Result<(), Broken> {
        let refused = level && self.broken.load(Ordering::SeqCst);
        if refused || self.dead.load(Ordering::SeqCst) {
            return Err(Broken);
        }
        self.record.lock().unwrap().push((self.line, level));
        Ok(())
    }
}

/// Four pins on one record.
#[derive(Default)]
struct Bench {
    record: Record,
    broken: Arc<AtomicBool>,
    dead: Arc<AtomicBool>,
    explosive: Arc<AtomicBool>,
}

impl Bench {
    fn pins(&self) -> [Pin; LINES] {
        std::array::from_fn(|line| Pin {
            line,
            record: Arc::clone(&self.record),
            broken: Arc::clone(&self.broken),
            dead: Arc::clone(&self.dead),
            explosive: Arc::clone(&self.explosive),
        })
    }

    fn taken(&self) -> Vec<(usize, bool)> {
        std::mem::take(&mut self.record.lock().unwrap())
    }

    fn edges(&self) -> usize {
        self.record.lock().unwrap().len()
    }

    /// The last level of each line.
    fn levels(&self) -> [Option<bool>; LINES] {
        let record = self.record.lock().unwrap();
        std::array::from_fn(|line| {
            record
                .iter()
                .rev()
                .find(|(l, _)| *l == line)
                .map(|(_, level)| *level)
        })
    }
}

const ALL_LOW: [Option<bool>; LINES] = [Some(false); LINES];

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = clock::now() + Duration::from_secs(10);
    while !done() {
        assert!(clock::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(us(200));
    }
}

#[test]
fn the_schedule_tells_levels_and_the_time_to_the_next_edge() {
    let none = [us(0); LINES];
    let half = [us(5000), us(0), us(0), us(5000)];
    let mixed = [us(2500), us(0), us(7500), us(10_000)];
    let full = [us(10_000), us(0), us(10_000), us(0)];
    for (high, phase, levels, edge) in [
        (none, 0, [false, false, false, false], None),
        (full, 9999, [true, false, true, false], None),
        (half, 0, [true, false, false, true], Some(5000)),
        (half, 4999, [true, false, false, true], Some(1)),
        (half, 5000, [false, false, false, false], Some(5000)),
        (half, 9999, [false, false, false, false], Some(1)),
        (mixed, 0, [true, false, true, true], Some(2500)),
        (mixed, 2500, [false, false, true, true], Some(5000)),
        (mixed, 7500, [false, false, false, true], Some(2500)),
    ] {
        assert_eq!(
            schedule(&high, us(phase)),
            (levels, edge.map(us)),
            "{high:?} at {phase}"
        );
    }
}

proptest! {
    #[test]
    fn every_line_is_high_for_its_share_of_a_period(
        high in proptest::array::uniform4(0..=10_000u64),
    ) {
        let high = high.map(us);
        let mut phase = us(0);
        let mut seen = [us(0); LINES];
        let mut edges = 0;
        while phase < PERIOD {
            let (levels, edge) = schedule(&high, phase);
            let wait = edge.unwrap_or(PERIOD - phase);
            prop_assert!(!wait.is_zero());
            for (seen, level) in seen.iter_mut().zip(levels) {
                *seen += if level { wait } else { us(0) };
            }
            phase += wait;
            edges += 1;
        }
        prop_assert_eq!(phase, PERIOD);
        prop_assert_eq!(seen, high);
        prop_assert!(edges <= LINES + 1);
    }
}

#[test]
fn lines_fall_before_others_rise_and_only_changes_are_written() {
    let bench = Bench::default();
    let start = clock::now();
    let mut lines = Lines::new(bench.pins(), start);
    lines.all_low().unwrap();
    bench.taken();
    let later = start + PERIOD;
    lines.set([us(5000), us(0), us(0), us(0)], later).unwrap();
    assert_eq!(bench.taken(), [(0, true)]);
    assert_eq!(lines.follow(later + us(4999)).unwrap(), Some(us(1)));
    assert_eq!(bench.taken(), []);
    lines.follow(later + us(5000)).unwrap();
    assert_eq!(bench.taken(), [(0, false)]);
    lines.follow(later + us(10_000)).unwrap();
    assert_eq!(bench.taken(), [(0, true)]);
    lines
        .set([us(0), us(5000), us(0), us(0)], later + us(10_100))
        .unwrap();
    assert_eq!(bench.taken(), [(0, false), (1, true)]);
}

#[test]
fn being_set_ever_again_does_not_make_the_pulses_longer() {
    let bench = Bench::default();
    let start = clock::now();
    let mut lines = Lines::new(bench.pins(), start);
    let mut high_ms = 0;
    for ms in 0..1000u32 {
        // Stopped and started a thousand times a second.
        let now = start + ms * us(1000);
        let high = if ms % 2 == 0 { us(3000) } else { us(0) };
        lines.set([high, us(0), us(0), us(0)], now).unwrap();
        high_ms += u32::from(lines.levels[0] == Some(true));
    }
    assert!(high_ms <= 300, "high for {high_ms} ms of a second at 30 %");
}

#[test]
fn a_line_that_rested_starts_with_a_pulse() {
    let bench = Bench::default();
    let start = clock::now();
    let mut lines = Lines::new(bench.pins(), start);
    for after in [us(10_000), us(17_300), us(123_456)] {
        lines
            .set([us(1000), us(0), us(0), us(0)], start + after)
            .unwrap();
        assert_eq!(lines.levels[0], Some(true), "{after:?}");
        lines.set([us(0); LINES], start + after + us(1)).unwrap();
        lines.steady_since = Some(start);
    }
}

#[test]
fn lines_pulse_until_they_are_told_otherwise_and_then_the_thread_sleeps() {
    let bench = Bench::default();
    let pwm = SoftPwm::start(bench.pins()).unwrap();
    pwm.set([us(2000), us(0), us(5000), us(0)]).unwrap();
    wait_until("some pulses", || bench.edges() > 40);
    assert!(
        bench
            .taken()
            .iter()
            .all(|(line, level)| !level || [0, 2].contains(line))
    );
    pwm.set([us(0); LINES]).unwrap();
    let turns = || pwm.shared.lock().turns;
    // Setting wakes the thread once more at the most; then it has nothing to wake up for.
    let (before, edges) = (turns(), bench.edges());
    std::thread::sleep(10 * PERIOD);
    assert!(
        turns() <= before + 1,
        "the thread turns while every line is steady"
    );
    assert_eq!(bench.edges(), edges);
}

#[test]
fn a_pwm_given_up_in_mid_pulse_leaves_all_lines_low() {
    let bench = Bench::default();
    let pwm = SoftPwm::start(bench.pins()).unwrap();
    pwm.set([us(9999), us(0), us(10_000), us(0)]).unwrap();
    drop(pwm);
    assert_eq!(bench.levels(), ALL_LOW);
}

#[test]
fn a_line_that_fails_in_mid_pulse_stops_all_and_nothing_goes_high_again() {
    let bench = Bench::default();
    let pwm = SoftPwm::start(bench.pins()).unwrap();
    pwm.set([us(2000), us(0), us(5000), us(0)]).unwrap();
    bench.broken.store(true, Ordering::SeqCst);
    wait_until("the fault", || pwm.check().is_err());
    assert_eq!(bench.levels(), ALL_LOW);
    bench.broken.store(false, Ordering::SeqCst);
    bench.taken();
    let fault = pwm.set([PERIOD; LINES]).unwrap_err().words();
    assert!(fault.contains("broken pin"), "{fault}");
    assert!(bench.taken().iter().all(|(_, level)| !level));
}

#[test]
fn a_panic_in_the_thread_leaves_all_lines_low_and_is_a_fault() {
    let bench = Bench::default();
    let pwm = SoftPwm::start(bench.pins()).unwrap();
    pwm.set([us(2000), us(0), us(5000), us(0)]).unwrap();
    bench.explosive.store(true, Ordering::SeqCst);
    wait_until("the fault", || pwm.check().is_err());
    wait_until("the lines to fall", || bench.levels() == ALL_LOW);
    drop(pwm);
    assert_eq!(bench.levels(), ALL_LOW);
}

#[test]
fn lines_that_cannot_be_made_low_are_no_board() {
    let bench = Bench::default();
    bench.dead.store(true, Ordering::SeqCst);
    let Err(fault) = SoftPwm::start(bench.pins()) else {
        panic!("started on dead pins");
    };
    assert!(
        fault.words().contains("motor line 3 low: broken pin"),
        "{}",
        fault.words()
    );
}
