//! The handle on the board that everybody holds.
//!
//! What the wheels should do is `drive`'s business, what to do with the board is
//! `thread`'s; this file starts and ends the thread, and takes actions without ever
//! waiting for the board.

use std::io;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, UNIX_EPOCH};

use tokio::sync::watch;
use wire::{Action, telemetry};

use super::board::{Board, BoardError};
use super::precedence;
use super::settings::Driver;
use super::shared::{LastAction, Shared, State};
use super::thread::BoardThread;
use crate::clock;
use crate::drive::{Arrival, Drive, Dropped, Limits, Source};

/// A kernel gives up an I2C transfer after one second; the last one may be under way and
/// a stop follows it.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(4);

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

/// See [`super::start`]; `open` opens the board.
pub(super) fn start(
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
        .spawn(move || {
            precedence::take();
            BoardThread::new(shared, open).run();
        })?;
    let thread = MotorThread {
        motors: motors.clone(),
        thread: Some(thread),
    };
    Ok((motors, thread))
}

impl Motors {
    /// Obeys an action that was just sent, unless it says otherwise. Never waits for the board.
    ///
    /// # Errors
    /// [`Dropped`], which is counted too.
    pub fn act(&self, action: &Action, source: &Source) -> Result<(), Dropped> {
        self.accept(action, source, Some(clock::now()))
    }

    /// What takes the actions of the broker, in the loop that receives them: each with the
    /// earliest moment at which the broker can have sent it, where that is known.
    pub fn actions_by_mqtt(&self) -> Box<dyn FnMut(Action, Option<Instant>) + Send> {
        let motors = self.clone();
        Box::new(move |action, sent_after| {
            _ = motors.accept(&action, &Source::Mqtt, sent_after);
        })
    }

    fn accept(
        &self,
        action: &Action,
        source: &Source,
        sent_after: Option<Instant>,
    ) -> Result<(), Dropped> {
        let mut inner = self.shared.lock();
        let now = clock::now();
        let driver = |drive: &Drive| drive.driver(now).map(|driver| driver.id);
        let before = driver(&inner.drive);
        let accepted = inner.drive.accept(&Arrival {
            action,
            source,
            sent_after,
            now,
            unix_ms: unix_ms(),
        });
        let handed_over = driver(&inner.drive) != before;
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
            Err(Dropped::NotDriver) => state.not_driver += 1,
        }
        drop(inner);
        self.shared.wake.notify_one();
        if handed_over {
            self.shared.changed.send_replace(());
        }
        if let Err(dropped) = &accepted {
            tracing::debug!(action = action.motion.word(), %source, %dropped, "action dropped");
        }
        accepted
    }

    /// The viewer `id` talks by the robot, in the name of `user`. True if they may, and then it is they
    /// who drive.
    pub fn talk(&self, id: &str, user: Option<&str>) -> bool {
        let mut inner = self.shared.lock();
        let now = clock::now();
        let before = inner.drive.driver(now).map(|driver| driver.id);
        let may = inner.drive.talk(id, user, now);
        drop(inner);
        if may && before.as_deref() != Some(id) {
            self.shared.changed.send_replace(());
        }
        may
    }

    /// Stops the wheels, whoever moves them.
    pub fn halt(&self) {
        self.shared.lock().drive.halt();
        self.shared.wake.notify_one();
    }

    /// The sender called `id` drives no more, as when a viewer leaves: the wheels stop if it is
    /// they who move them. True if they drove.
    pub fn release(&self, id: &str) -> bool {
        let drove = self.shared.lock().drive.release(id);
        self.shared.wake.notify_one();
        if drove {
            self.shared.changed.send_replace(());
        }
        drove
    }

    /// Who drives.
    pub fn driver(&self) -> Option<telemetry::Driver> {
        self.shared.lock().drive.driver(clock::now())
    }

    /// Who stopped the last driver, while that is news.
    pub fn stopped_by(&self) -> Option<telemetry::StoppedBy> {
        self.shared.lock().drive.stopped_by(clock::now())
    }

    /// What a slow network has left of the speed, while that is news.
    pub fn speed_limit(&self) -> Option<telemetry::SpeedLimit> {
        self.shared.lock().drive.speed_limit(clock::now())
    }

    /// The robot's own clock, in milliseconds, as telemetry tells it.
    pub fn clock_ms(&self) -> u64 {
        self.shared.lock().drive.clock_ms(clock::now())
    }

    /// A snapshot.
    pub fn state(&self) -> State {
        self.shared.lock().state.clone()
    }

    /// Fires whenever [`State::wheels`], [`State::fault`] or the driver change.
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
        self.stop_within(STOP_LIMIT)
    }

    pub(super) fn stop_within(mut self, limit: Duration) -> Result<(), Ended> {
        let shared = &self.motors.shared;
        shared.ask_to_end();
        let (inner, _) = shared
            .gone
            .wait_timeout_while(shared.lock(), limit, |inner| !inner.gone)
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

/// The wall clock, against which `sent_at` is read.
fn unix_ms() -> u64 {
    let since = clock::wall().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
