//! What the handles and the thread share, behind one lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::settings::Driver;
use crate::clock;
use crate::drive::{Drive, Limits, Source, Wheels};

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
    /// Motions of who does not drive.
    pub not_driver: u64,
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

pub(super) struct Shared {
    inner: Mutex<Inner>,
    /// Rung for the thread: an action, a halt, the end.
    pub(super) wake: Condvar,
    /// Rung by the thread when it is done.
    pub(super) gone: Condvar,
    pub(super) changed: watch::Sender<()>,
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
                drive: Drive::new(limits, clock::now(), rand::random()),
                state: State {
                    wheels: Wheels::REST,
                    board,
                    fault: None,
                    last_action: None,
                    accepted: 0,
                    stale: 0,
                    out_of_order: 0,
                    not_driver: 0,
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

    pub(super) fn ask_to_end(&self) {
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
