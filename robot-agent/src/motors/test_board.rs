//! A board that does what a test tells it, and remembers what it was told.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wire::{Action, Motion};

use super::*;
use crate::clock;
use crate::drive::{Throttle, Wheels};

/// What a board was told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Told {
    Open,
    Drive(f64, f64),
    Stop,
}

/// How a board fares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Health {
    #[default]
    Fine,
    /// Cannot be opened, nor told anything.
    Gone,
    /// Takes stops, and no throttles.
    WillNotDrive,
    /// Was fine when it was told; is not when it is asked.
    FailsCheck,
    /// The driver has a defect.
    Panics,
    /// So has its stop.
    PanicsAlways,
}

#[derive(Default)]
pub(super) struct Inside {
    pub(super) health: Health,
    pub(super) told: Vec<Told>,
    /// Blocks the next `drive` until something comes.
    pub(super) gate: Option<Receiver<()>>,
}

/// The board, and the test's hold on it.
#[derive(Clone, Default)]
pub(super) struct TestBoard(pub(super) Arc<Mutex<Inside>>);

impl TestBoard {
    pub(super) fn with(health: Health) -> Self {
        let board = Self::default();
        board.fares(health);
        board
    }

    pub(super) fn fares(&self, health: Health) {
        self.0.lock().unwrap().health = health;
    }

    fn health(&self) -> Health {
        self.0.lock().unwrap().health
    }

    pub(super) fn told(&self) -> Vec<Told> {
        self.0.lock().unwrap().told.clone()
    }

    pub(super) fn last(&self) -> Option<Told> {
        self.0.lock().unwrap().told.last().copied()
    }

    fn note(&self, told: Told) {
        self.0.lock().unwrap().told.push(told);
    }

    pub(super) fn gate(&self) -> Sender<()> {
        let (open, gate) = channel();
        self.0.lock().unwrap().gate = Some(gate);
        open
    }

    pub(super) fn start(&self, limits: Limits) -> (Motors, MotorThread) {
        let board = self.clone();
        handle::start(Driver::Simulated, limits, move || {
            if board.health() == Health::Gone {
                return Err(broken("be opened"));
            }
            board.note(Told::Open);
            Ok(Box::new(board.clone()) as Box<dyn Board>)
        })
        .unwrap()
    }

    /// Started, and past the stop that a start is.
    pub(super) fn ready(&self, limits: Limits) -> (Motors, MotorThread) {
        let (motors, thread) = self.start(limits);
        wait_until("the start", || self.last() == Some(Told::Stop));
        // The motors are halted once more after that, before the board counts as open.
        let tick = motors.state().tick;
        wait_until("the board to be taken", || motors.state().tick > tick);
        (motors, thread)
    }
}

fn broken(doing: &str) -> BoardError {
    BoardError::transfer(doing, "the test's board is broken")
}

impl Board for TestBoard {
    fn drive(&mut self, wheels: Wheels) -> Result<(), BoardError> {
        let gate = self.0.lock().unwrap().gate.take();
        if let Some(gate) = gate {
            let _ = gate.recv();
        }
        match self.health() {
            Health::Gone | Health::WillNotDrive => return Err(broken("drive")),
            Health::Panics | Health::PanicsAlways => panic!("a defect in drive"),
            Health::Fine | Health::FailsCheck => {}
        }
        self.note(Told::Drive(wheels.left.get(), wheels.right.get()));
        Ok(())
    }

    fn stop(&mut self) -> Result<(), BoardError> {
        match self.health() {
            Health::Gone => Err(broken("stop")),
            Health::PanicsAlways => panic!("a defect in stop"),
            _ => {
                self.note(Told::Stop);
                Ok(())
            }
        }
    }

    fn check(&mut self) -> Result<(), BoardError> {
        match self.health() {
            Health::Gone | Health::FailsCheck => Err(broken("be checked")),
            _ => Ok(()),
        }
    }
}

pub(super) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = clock::now() + Duration::from_secs(10);
    while !done() {
        assert!(clock::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn full_speed() -> Limits {
    Limits {
        speed: Throttle::FULL,
        pulse_max: Duration::from_secs(10),
        ..Limits::default()
    }
}

/// Forward for longer than any test takes.
pub(super) fn for_long() -> Action {
    Action {
        duration_ms: Some(10_000),
        ..Action::new(Motion::Forward)
    }
}

pub(super) const FORWARD: Told = Told::Drive(1.0, 1.0);
