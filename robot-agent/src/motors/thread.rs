//! The thread that owns the board, and the only one that talks to it.
//!
//! It sleeps until the next deadline or a notification. Start is a stop; so is silence, a
//! fault, a panic and being asked to end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use daemon::backoff::Backoff;

use super::board::{Board, BoardError};
use super::shared::Shared;
use crate::clock;
use crate::drive::{Drive, Wheels};

/// The thread turns at least this often: the watchdog looks for the tick once a second or
/// so, and a board that fell over at rest is noticed before somebody drives.
const TURN: Duration = Duration::from_millis(250);

/// First pause after a fault: wheels that did not hear the stop must hear the next one.
const RETRY_FIRST: Duration = Duration::from_millis(50);

/// Longest pause: a board that is plugged back in works a second later.
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// The one thing about a fault that somebody beside the robot must know.
const NO_STOP: &str = "no stop came through, the wheels may still turn";

/// The thread's own: the board, and what is due next.
pub(super) struct BoardThread<Open> {
    shared: Arc<Shared>,
    open: Open,
    board: Option<Box<dyn Board>>,
    /// What the board was told last.
    told: Wheels,
    /// When to look after the board: to open it if there is none, else to check it.
    look_at: Instant,
    backoff: Backoff,
}

/// What is to be done with the board, unlocked.
enum Task {
    Open,
    Tell(Wheels),
    Check,
}

impl<Open> BoardThread<Open>
where
    Open: FnMut() -> Result<Box<dyn Board>, BoardError>,
{
    pub(super) fn new(shared: Arc<Shared>, open: Open) -> Self {
        Self {
            shared,
            open,
            board: None,
            told: Wheels::REST,
            look_at: clock::now(),
            backoff: Backoff::new(RETRY_FIRST, RETRY_LONGEST),
        }
    }

    /// The whole life of the thread. Whatever ends it, the board is stopped.
    pub(super) fn run(mut self) {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            while let Some(task) = self.next() {
                self.perform(task);
            }
        }))
        .err()
        .map(|panic| panic_words(panic.as_ref()));
        let stopped = catch_unwind(AssertUnwindSafe(|| self.release_board())).unwrap_or(false);
        self.report_end(panic, stopped);
    }

    /// Sleeps until something is to be done; `None` is the end.
    fn next(&mut self) -> Option<Task> {
        let shared = Arc::clone(&self.shared);
        let mut inner = shared.lock();
        loop {
            let now = clock::now();
            inner.state.tick += 1;
            inner.drive.turned(now);
            if inner.asked_to_end {
                return None;
            }
            let until = match self.due(&inner.drive, now) {
                Ok(task) => return Some(task),
                Err(until) => until,
            };
            inner = shared
                .wake
                .wait_timeout(inner, until.saturating_duration_since(now))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// What is due now, or else when to look again.
    fn due(&self, drive: &Drive, now: Instant) -> Result<Task, Instant> {
        let turn = now + TURN;
        if self.board.is_none() {
            return if now >= self.look_at {
                Ok(Task::Open)
            } else {
                Err(self.look_at.min(turn))
            };
        }
        let wheels = drive.wheels(now);
        if wheels != self.told {
            Ok(Task::Tell(wheels))
        } else if now >= self.look_at {
            Ok(Task::Check)
        } else {
            let change = drive.next_change(now).unwrap_or(turn);
            Err(self.look_at.min(turn).min(change))
        }
    }

    fn perform(&mut self, task: Task) {
        let done = match (&task, &mut self.board) {
            (Task::Open, _) | (_, None) => return self.open_board(),
            (Task::Tell(wheels), Some(board)) if *wheels == Wheels::REST => board.stop(),
            (Task::Tell(wheels), Some(board)) => board.drive(*wheels),
            (Task::Check, Some(board)) => board.check(),
        };
        match (done, task) {
            (Ok(()), Task::Tell(wheels)) => {
                self.told = wheels;
                self.shared.show(wheels, None);
            }
            (Ok(()), _) => {
                self.backoff.reset();
                self.look_at = clock::now() + TURN;
            }
            (Err(error), Task::Tell(wheels)) => self.lose_board(&error, wheels),
            (Err(error), _) => self.lose_board(&error, self.told),
        }
    }

    /// Start is a stop, and what was asked of an absent board is not done later.
    fn open_board(&mut self) {
        let opened = (self.open)().and_then(|mut board| board.stop().map(|()| board));
        self.shared.lock().drive.halt();
        match opened {
            Ok(board) => {
                self.board = Some(board);
                self.told = Wheels::REST;
                self.look_at = clock::now() + TURN;
                tracing::info!(board = %self.shared.lock().state.board, "the motor board is ready");
                self.shared.show(Wheels::REST, None);
            }
            Err(error) => self.note_fault(&error),
        }
    }

    /// The board failed while it was told `attempted`.
    fn lose_board(&mut self, error: &BoardError, attempted: Wheels) {
        self.shared.lock().drive.halt();
        let stopped = self.release_board();
        self.told = if stopped { Wheels::REST } else { attempted };
        self.note_fault(error);
    }

    /// Stops the board and lets go of it; whether the stop came through.
    fn release_board(&mut self) -> bool {
        let Some(mut board) = self.board.take() else {
            return self.told == Wheels::REST;
        };
        board.stop().is_ok()
    }

    /// Logs what is new, and schedules the next attempt.
    fn note_fault(&mut self, error: &BoardError) {
        let mut words = error.words();
        if self.told != Wheels::REST {
            words.push_str("; ");
            words.push_str(NO_STOP);
        }
        let mut inner = self.shared.lock();
        inner.state.bus_errors += 1;
        let known = inner.state.fault.is_some();
        let board = inner.state.board;
        drop(inner);
        if known {
            tracing::debug!(%board, "still: {words}");
        } else {
            tracing::warn!(%board, "the motor board does not work, trying again: {words}");
        }
        // Nobody else waits for the same board, so there is no jitter.
        self.look_at = clock::now() + self.backoff.next_wait(0.0);
        self.shared.show(self.told, Some(words));
    }

    fn report_end(&self, panic: Option<String>, stopped: bool) {
        if let Some(words) = &panic {
            tracing::error!("the motor thread panicked: {words}");
        }
        let wheels = if stopped { Wheels::REST } else { self.told };
        let fault = match (&panic, stopped) {
            (Some(words), _) => Some(format!("the motor thread panicked: {words}")),
            (None, false) => Some(NO_STOP.to_owned()),
            (None, true) => None,
        };
        self.shared.show(wheels, fault);
        let mut inner = self.shared.lock();
        inner.drive.halt();
        inner.panic = panic;
        inner.gone = true;
        drop(inner);
        self.shared.gone.notify_all();
        self.shared.ended.cancel();
    }
}

fn panic_words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    words
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a word".to_owned())
}

#[cfg(test)]
mod tests {
    use wire::{Action, Motion};

    use super::*;
    use crate::drive::{Arrival, Limits, Throttle};
    use crate::motors::test_board::{TestBoard, ms};
    use crate::motors::{Driver, Source};

    fn opens() -> Result<Box<dyn Board>, BoardError> {
        Ok(Box::new(TestBoard::default()))
    }

    #[test]
    fn the_thread_sleeps_until_the_pulse_is_over_or_a_board_is_to_be_looked_after() {
        let limits = Limits {
            speed: Throttle::FULL,
            pulse: ms(100),
            ..Limits::default()
        };
        let shared = Arc::new(Shared::new(Driver::Simulated, limits));
        let mut thread = BoardThread::new(shared, opens);
        let now = thread.look_at;
        let mut drive = Drive::new(limits, now, 0.0);
        assert!(matches!(thread.due(&drive, now), Ok(Task::Open)));
        thread.look_at = now + ms(50);
        assert_eq!(
            thread.due(&drive, now).err(),
            Some(now + ms(50)),
            "no board before that"
        );
        thread.board = opens().ok();
        thread.look_at = now + TURN;
        assert_eq!(
            thread.due(&drive, now).err(),
            Some(now + TURN),
            "nothing to do"
        );

        let action = Action::new(Motion::Forward);
        let arrival = Arrival {
            action: &action,
            source: &Source::Mqtt,
            sent_after: Some(now),
            now,
            unix_ms: 0,
        };
        drive.accept(&arrival).unwrap();
        let forward = drive.wheels(now);
        assert!(matches!(thread.due(&drive, now), Ok(Task::Tell(wheels)) if wheels == forward));
        thread.told = forward;
        assert_eq!(
            thread.due(&drive, now).err(),
            Some(now + ms(100)),
            "then silence is rest"
        );
        let over = now + ms(100);
        assert!(matches!(
            thread.due(&drive, over),
            Ok(Task::Tell(Wheels::REST))
        ));
        assert!(matches!(
            thread.due(&drive, over + TURN),
            Ok(Task::Tell(Wheels::REST))
        ));
        thread.told = Wheels::REST;
        assert!(matches!(thread.due(&drive, now + TURN), Ok(Task::Check)));
    }
}
