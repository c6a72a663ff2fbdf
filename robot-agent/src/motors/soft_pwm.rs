//! Pulse-width modulation of four lines in software: one thread, asleep between edges and
//! while no line pulses.
//!
//! Knows pins and times, not motors. Whoever sets the lines writes them at once, in their
//! own thread; the thread here only makes the edges that follow. When it ends, by any
//! road, all lines are low; so they are when the last of this goes out of scope.

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use embedded_hal::digital::{OutputPin, PinState};

use super::board::BoardError;
use crate::clock;

/// The 100 Hz of Pimoroni's library.
pub(super) const PERIOD: Duration = Duration::from_millis(10);

/// Both inputs of two bridges.
const LINES: usize = 4;

/// Four lines that pulse as they were last told.
pub(super) struct SoftPwm<P: OutputPin<Error: Display>> {
    shared: Arc<Shared<P>>,
    thread: Option<JoinHandle<()>>,
}

/// Which lines are high at `phase` of a period, and for how long that stays so; `None` is
/// until told otherwise. A line that is high for a whole [`PERIOD`] never falls.
fn schedule(high: &[Duration; LINES], phase: Duration) -> ([bool; LINES], Option<Duration>) {
    let levels = high.map(|high| phase < high);
    let pulsing = || {
        high.iter()
            .filter(|high| !high.is_zero() && **high < PERIOD)
    };
    let next_fall = pulsing().filter(|high| phase < **high).min();
    let edge = next_fall.or_else(|| pulsing().next().map(|_| &PERIOD));
    (levels, edge.map(|edge| *edge - phase))
}

struct Shared<P: OutputPin<Error: Display>> {
    lines: Mutex<Lines<P>>,
    wake: Condvar,
}

struct Lines<P: OutputPin<Error: Display>> {
    pins: [P; LINES],
    /// What was written last; unknown before the first write and after a failed one.
    levels: [Option<bool>; LINES],
    high: [Duration; LINES],
    /// When some period began; all others follow from it.
    origin: Instant,
    steady_since: Option<Instant>,
    fault: Option<String>,
    asked_to_end: bool,
    /// How often the thread looked at the lines.
    #[cfg(test)]
    turns: u64,
}

impl<P: OutputPin<Error: Display> + Send + 'static> SoftPwm<P> {
    /// Takes the lines over and makes them low.
    pub(super) fn start(pins: [P; LINES]) -> Result<Self, BoardError> {
        let mut lines = Lines::new(pins, clock::now());
        lines.all_low()?;
        let shared = Arc::new(Shared {
            lines: Mutex::new(lines),
            wake: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("pwm".to_owned())
            .spawn(move || theirs.pulse())
            .map_err(|error| BoardError::open("a thread for the motors' pulses", error))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }
}

impl<P: OutputPin<Error: Display>> SoftPwm<P> {
    /// Each line is high for so long in every [`PERIOD`], from now on.
    pub(super) fn set(&self, high: [Duration; LINES]) -> Result<(), BoardError> {
        let mut lines = self.shared.lock();
        let result = lines.set(high, clock::now());
        drop(lines);
        self.shared.wake.notify_one();
        result
    }

    /// Has a line failed since it was last set?
    pub(super) fn check(&self) -> Result<(), BoardError> {
        self.shared.lock().check()
    }
}

impl<P: OutputPin<Error: Display>> Drop for SoftPwm<P> {
    fn drop(&mut self) {
        self.shared.lock().asked_to_end = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was caught there, and nothing is left to be done.
            let _ = thread.join();
        }
    }
}

impl<P: OutputPin<Error: Display>> Shared<P> {
    /// Levels are written and noted one by one, so a panic in between leaves nothing false
    /// that [`Lines::all_low`] would trust.
    fn lock(&self) -> MutexGuard<'_, Lines<P>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole life of the thread.
    fn pulse(&self) {
        let panicked = catch_unwind(AssertUnwindSafe(|| self.pulse_until_asked())).is_err();
        let mut lines = self.lock();
        if panicked {
            lines.fault = Some("the thread of the motors' pulses panicked".to_owned());
        }
        if let Err(error) = lines.all_low() {
            tracing::error!("a motor may still turn: {}", error.words());
        }
    }

    fn pulse_until_asked(&self) {
        let mut lines = self.lock();
        while !lines.asked_to_end {
            #[cfg(test)]
            {
                lines.turns += 1;
            }
            // A line that fails is left low and kept for `check`; with nothing to pulse
            // the thread sleeps until the board is given up.
            let edge = lines.follow(clock::now()).unwrap_or(None);
            lines = match edge {
                Some(wait) => {
                    self.wake
                        .wait_timeout(lines, wait)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .wake
                    .wait(lines)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl<P: OutputPin<Error: Display>> Lines<P> {
    fn new(pins: [P; LINES], now: Instant) -> Self {
        Self {
            pins,
            levels: [None; LINES],
            high: [Duration::ZERO; LINES],
            origin: now,
            steady_since: Some(now),
            fault: None,
            asked_to_end: false,
            #[cfg(test)]
            turns: 0,
        }
    }

    /// After a fault nothing goes high again. Lines that rested for a period begin a new one at once. Those that did not keep the
    /// beat, so that being set ever again in mid-period does not make the pulses longer.
    fn set(&mut self, high: [Duration; LINES], now: Instant) -> Result<(), BoardError> {
        if self.fault.is_some() {
            let _ = self.all_low();
            return self.check();
        }
        let rested = |since| now.saturating_duration_since(since) >= PERIOD;
        if self.steady_since.is_some_and(rested) {
            self.origin = now;
        }
        self.high = high;
        self.follow(now).map(drop)
    }

    /// Writes what should hold at `now`, and says how long it does.
    fn follow(&mut self, now: Instant) -> Result<Option<Duration>, BoardError> {
        let (levels, edge) = schedule(&self.high, phase(now, self.origin));
        self.steady_since = match (edge, self.steady_since) {
            (None, since) => since.or(Some(now)),
            (Some(_), _) => None,
        };
        self.write(levels).inspect_err(|error| {
            self.fault = Some(error.words());
        })?;
        Ok(edge)
    }

    /// Low first, so that a bridge that changes direction is never asked for both. All
    /// lines are written even if one fails; then all are made low.
    fn write(&mut self, levels: [bool; LINES]) -> Result<(), BoardError> {
        let mut result = Ok(());
        for now in [false, true] {
            for (line, level) in levels.into_iter().enumerate() {
                if level == now && self.levels[line] != Some(level) {
                    result = self.write_line(line, level).and(result);
                }
            }
        }
        if result.is_err() {
            let _ = self.all_low();
        }
        result
    }

    /// Whatever the lines were.
    fn all_low(&mut self) -> Result<(), BoardError> {
        self.high = [Duration::ZERO; LINES];
        let mut result = Ok(());
        for line in 0..LINES {
            result = self.write_line(line, false).and(result);
        }
        result
    }

    fn write_line(&mut self, line: usize, level: bool) -> Result<(), BoardError> {
        self.levels[line] = None;
        self.pins[line]
            .set_state(PinState::from(level))
            .map_err(|error| {
                let level = if level { "high" } else { "low" };
                BoardError::transfer(format!("set motor line {line} {level}"), error)
            })?;
        self.levels[line] = Some(level);
        Ok(())
    }

    fn check(&self) -> Result<(), BoardError> {
        match &self.fault {
            Some(words) => Err(BoardError::Unexpected(words.clone())),
            None => Ok(()),
        }
    }
}

/// How far `now` is into its period.
fn phase(now: Instant, origin: Instant) -> Duration {
    let nanos = now.saturating_duration_since(origin).as_nanos() % PERIOD.as_nanos();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
