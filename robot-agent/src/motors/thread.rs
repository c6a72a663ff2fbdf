//! The handle on the board that everybody holds, and the lock behind it.
//!
//! What the wheels should do is `drive`'s business, what to do with the board is
//! `owner`'s; this file starts and ends the thread, and takes actions without ever
//! waiting for the board.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::Action;

use super::owner::Owner;
use super::{Board, BoardError, Driver, Settings, Source};
use crate::drive::{Drive, Dropped, Limits, Wheels};

/// A kernel gives up an I2C transfer after one second; the last one may be under way and
/// a stop follows it.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(4);

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

pub(super) fn start_with(
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

    /// Stops the wheels and ends the thread. Blocks up to four seconds.
    ///
    /// # Errors
    /// When the thread had panicked, or hangs.
    pub fn stop_and_join(self) -> Result<(), Ended> {
        self.stop_within(STOP_PATIENCE)
    }

    pub(super) fn stop_within(mut self, patience: Duration) -> Result<(), Ended> {
        let shared = &self.motors.shared;
        shared.ask_to_end();
        let (inner, _) = shared
            .gone
            .wait_timeout_while(shared.lock(), patience, |inner| !inner.gone)
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

pub(super) struct Shared {
    inner: Mutex<Inner>,
    /// Rung for the thread: an action, a halt, the end.
    pub(super) wake: Condvar,
    /// Rung by the thread when it is done.
    pub(super) gone: Condvar,
    changed: watch::Sender<()>,
    pub(super) ended: CancellationToken,
}

pub(super) struct Inner {
    pub(super) drive: Drive,
    pub(super) state: State,
    pub(super) asked_to_end: bool,
    pub(super) gone: bool,
    pub(super) panic: Option<String>,
}

impl Shared {
    pub(super) fn new(board: Driver, limits: Limits) -> Self {
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
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_to_end(&self) {
        self.lock().asked_to_end = true;
        self.wake.notify_one();
    }

    /// Changes what telemetry shows, and says so if that made a difference.
    pub(super) fn show(&self, wheels: Wheels, fault: Option<String>) {
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

#[expect(
    clippy::disallowed_methods,
    reason = "this is the loop that owns the clock"
)]
pub(super) fn clock() -> Instant {
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
