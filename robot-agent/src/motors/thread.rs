//! The one thread that owns the board, and the handle that everybody else holds.
//!
//! State under a std mutex; the thread sleeps until the next deadline or a notification.
//! Start is a stop; so is silence, a fault, a panic and being asked to end. What the
//! wheels should do is `drive`'s business; this file owns the clock.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::Action;

use super::{Board, BoardError, Driver, Settings, Source};
use crate::drive::{Drive, Dropped, Limits, Wheels};

/// The thread turns at least this often: the watchdog looks for the tick once a second or
/// so, and a board that fell over at rest is noticed before somebody drives.
const TURN: Duration = Duration::from_millis(250);

/// First pause after a fault: wheels that did not hear the stop must hear the next one.
const RETRY_FIRST: Duration = Duration::from_millis(50);

/// Longest pause: a board that is plugged back in works a second later.
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// A kernel gives up an I2C transfer after one second; the last one may be under way and
/// a stop follows it.
const STOP_PATIENCE: Duration = Duration::from_secs(4);

/// The one thing about a fault that somebody beside the robot must know.
const NO_STOP: &str = "no stop came through, the wheels may still turn";

/// A handle for all who send actions or tell of the wheels; clones share one board.
#[derive(Clone)]
pub struct Motors {
    shared: Arc<Shared>,
}

/// The thread itself; dropping it asks it to stop the wheels and end, without waiting.
pub struct MotorThread {
    motors: Motors,
    thread: Option<JoinHandle<()>>,
}

/// What the board was told last, and what became of all actions.
#[derive(Clone, Debug)]
pub struct State {
    /// What the board was told last; after a fault in which not even a stop came through,
    /// what it may still be doing.
    pub wheels: Wheels,
    /// Which board.
    pub board: Driver,
    /// Absent while the board answers; else what is wrong, in words.
    pub fault: Option<String>,
    /// The last action that was accepted.
    pub last_action: Option<LastAction>,
    /// Actions obeyed.
    pub accepted: u64,
    /// Actions sent too long ago.
    pub stale: u64,
    /// Actions overtaken or repeated.
    pub out_of_order: u64,
    /// Failed attempts to open, write or check the board.
    pub bus_errors: u64,
    /// Turns of the thread; stands still while a bus transfer hangs.
    pub tick: u64,
}

/// The last action that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct LastAction {
    /// Its own `id`.
    pub id: Option<String>,
    /// Its word.
    pub action: &'static str,
    /// Who sent it.
    pub source: Source,
    /// When it was accepted.
    pub at: Instant,
}

/// How the thread ended other than by being asked.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// A defect; the board was stopped.
    #[error("the motor thread panicked: {0}")]
    Panicked(String),
    /// It did not end in time.
    #[error("the motor thread hangs in the board; the wheels may still turn")]
    Hangs,
}

/// Opens the board on a thread of its own and keeps it open. Actions are taken from now on;
/// those that come before the board is there, or while it is gone, do not move it later.
///
/// # Errors
/// When the system has no thread to give.
pub fn start(settings: Settings, limits: Limits) -> io::Result<(Motors, MotorThread)> {
    let driver = settings.driver;
    start_with(driver, limits, move || super::open(&settings))
}

fn start_with(
    driver: Driver,
    limits: Limits,
    open: impl FnMut() -> Result<Box<dyn Board>, BoardError> + Send + 'static,
) -> io::Result<(Motors, MotorThread)> {
    let shared = Arc::new(Shared::new(driver, limits));
    let motors = Motors {
        shared: Arc::clone(&shared),
    };
    let thread = std::thread::Builder::new()
        .name("motors".to_owned())
        .spawn(move || Owner::new(shared, open).work())?;
    let thread = MotorThread {
        motors: motors.clone(),
        thread: Some(thread),
    };
    Ok((motors, thread))
}

impl Motors {
    /// Obeys an action from now on. Never waits for the board.
    ///
    /// # Errors
    /// [`Dropped`], which is counted too.
    pub fn act(&self, action: &Action, source: &Source) -> Result<(), Dropped> {
        let mut inner = self.shared.lock();
        let now = clock();
        let accepted = inner.drive.accept(action, source, now, unix_ms());
        let state = &mut inner.state;
        match accepted {
            Ok(()) => {
                state.accepted += 1;
                state.last_action = Some(LastAction {
                    id: action.id.clone(),
                    action: action.motion.word(),
                    source: source.clone(),
                    at: now,
                });
            }
            Err(Dropped::Stale) => state.stale += 1,
            Err(Dropped::OutOfOrder) => state.out_of_order += 1,
        }
        drop(inner);
        self.shared.wake.notify_one();
        accepted
    }

    /// Stops the wheels, whoever moves them.
    pub fn halt(&self) {
        self.shared.lock().drive.halt();
        self.shared.wake.notify_one();
    }

    /// Stops the wheels if it is `source` that moves them, as when a viewer leaves.
    pub fn release(&self, source: &Source) {
        self.shared.lock().drive.release(source);
        self.shared.wake.notify_one();
    }

    /// A snapshot.
    pub fn state(&self) -> State {
        self.shared.lock().state.clone()
    }

    /// Fires whenever [`State::wheels`] or [`State::fault`] change.
    pub fn changed(&self) -> watch::Receiver<()> {
        self.shared.changed.subscribe()
    }
}

impl MotorThread {
    /// Waits for the thread's end. Nobody drives after that.
    pub async fn ended(&self) {
        self.motors.shared.ended.cancelled().await;
    }

    /// Stops the wheels and ends the thread. Blocks up to [`STOP_PATIENCE`].
    ///
    /// # Errors
    /// When the thread had panicked, or hangs.
    pub fn stop_and_join(mut self) -> Result<(), Ended> {
        let shared = &self.motors.shared;
        shared.ask_to_end();
        let (inner, _) = shared
            .gone
            .wait_timeout_while(shared.lock(), STOP_PATIENCE, |inner| !inner.gone)
            .unwrap_or_else(PoisonError::into_inner);
        if !inner.gone {
            return Err(Ended::Hangs);
        }
        let panic = inner.panic.clone();
        drop(inner);
        // The thread has said its last word, so this does not block.
        self.thread.take().map(JoinHandle::join);
        panic.map_or(Ok(()), |words| Err(Ended::Panicked(words)))
    }
}

impl Drop for MotorThread {
    fn drop(&mut self) {
        self.motors.shared.ask_to_end();
    }
}

struct Shared {
    inner: Mutex<Inner>,
    /// Rung for the thread: an action, a halt, the end.
    wake: Condvar,
    /// Rung by the thread when it is done.
    gone: Condvar,
    changed: watch::Sender<()>,
    ended: CancellationToken,
}

struct Inner {
    drive: Drive,
    state: State,
    asked_to_end: bool,
    gone: bool,
    panic: Option<String>,
}

impl Shared {
    fn new(board: Driver, limits: Limits) -> Self {
        Self {
            inner: Mutex::new(Inner {
                drive: Drive::new(limits),
                state: State {
                    wheels: Wheels::REST,
                    board,
                    fault: None,
                    last_action: None,
                    accepted: 0,
                    stale: 0,
                    out_of_order: 0,
                    bus_errors: 0,
                    tick: 0,
                },
                asked_to_end: false,
                gone: false,
                panic: None,
            }),
            wake: Condvar::new(),
            gone: Condvar::new(),
            changed: watch::Sender::new(()),
            ended: CancellationToken::new(),
        }
    }

    /// Nothing is left half-changed under this lock, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_to_end(&self) {
        self.lock().asked_to_end = true;
        self.wake.notify_one();
    }

    /// Changes what telemetry shows, and says so if that made a difference.
    fn show(&self, wheels: Wheels, fault: Option<String>) {
        let mut inner = self.lock();
        let state = &mut inner.state;
        let same = state.wheels == wheels && state.fault == fault;
        state.wheels = wheels;
        state.fault = fault;
        drop(inner);
        if !same {
            self.changed.send_replace(());
        }
    }
}

/// The thread's own: the board, and what it is due next.
struct Owner<Open> {
    shared: Arc<Shared>,
    open: Open,
    board: Option<Box<dyn Board>>,
    /// What the board was told last.
    told: Wheels,
    /// When to look after the board: to open it if there is none, else to check it.
    look_at: Instant,
    pause: Duration,
}

/// What is to be done with the board, unlocked.
enum Task {
    Open,
    Tell(Wheels),
    Check,
}

impl<Open> Owner<Open>
where
    Open: FnMut() -> Result<Box<dyn Board>, BoardError>,
{
    fn new(shared: Arc<Shared>, open: Open) -> Self {
        Self {
            shared,
            open,
            board: None,
            told: Wheels::REST,
            look_at: clock(),
            pause: RETRY_FIRST,
        }
    }

    /// The whole life of the thread. Whatever ends it, the board is stopped.
    fn work(mut self) {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            while let Some(task) = self.next() {
                self.perform(task);
            }
        }))
        .err()
        .map(|panic| panic_words(panic.as_ref()));
        let stopped = catch_unwind(AssertUnwindSafe(|| self.leave())).unwrap_or(false);
        self.say_goodbye(panic, stopped);
    }

    /// Sleeps until something is to be done; `None` is the end.
    fn next(&mut self) -> Option<Task> {
        let shared = Arc::clone(&self.shared);
        let mut inner = shared.lock();
        loop {
            let now = clock();
            inner.state.tick += 1;
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
            (Task::Open, _) | (_, None) => return self.take_board(),
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
                self.pause = RETRY_FIRST;
                self.look_at = clock() + TURN;
            }
            (Err(error), Task::Tell(wheels)) => self.lose_board(&error, wheels),
            (Err(error), _) => self.lose_board(&error, self.told),
        }
    }

    /// Start is a stop, and what was asked of an absent board is not done later.
    fn take_board(&mut self) {
        let opened = (self.open)().and_then(|mut board| board.stop().map(|()| board));
        self.shared.lock().drive.halt();
        match opened {
            Ok(board) => {
                self.board = Some(board);
                self.told = Wheels::REST;
                self.look_at = clock() + TURN;
                tracing::info!(board = %self.shared.lock().state.board, "the motor board is ready");
                self.shared.show(Wheels::REST, None);
            }
            Err(error) => self.note_fault(&error),
        }
    }

    /// The board failed while it was told `attempted`.
    fn lose_board(&mut self, error: &BoardError, attempted: Wheels) {
        self.shared.lock().drive.halt();
        let stopped = self.leave();
        self.told = if stopped { Wheels::REST } else { attempted };
        self.note_fault(error);
    }

    /// Stops the board and lets go of it; whether the stop came through.
    fn leave(&mut self) -> bool {
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
        self.look_at = clock() + self.pause;
        self.pause = (self.pause * 2).min(RETRY_LONGEST);
        self.shared.show(self.told, Some(words));
    }

    fn say_goodbye(&self, panic: Option<String>, stopped: bool) {
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

#[expect(
    clippy::disallowed_methods,
    reason = "this is the loop that owns the clock"
)]
fn clock() -> Instant {
    Instant::now()
}

/// The wall clock, against which `sent_at` is read.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the loop that owns the clock"
)]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
