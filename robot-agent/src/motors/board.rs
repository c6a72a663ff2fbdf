//! What every board can do, and what may be wrong with one.

use std::error::Error;
use std::fmt;

use crate::drive::Wheels;

/// Two motors that can be told throttles.
///
/// The thread calls a board only when the wheels change, plus [`Board::check`] a few times
/// a second. Opening a board turns everything off.
pub(super) trait Board: Send {
    /// Both wheels, forward positive. A board writes all of its outputs even if one write
    /// fails, and returns the last error.
    ///
    /// # Errors
    /// What the bus or the pins said; the thread then stops and reopens the board.
    fn drive(&mut self, wheels: Wheels) -> Result<(), BoardError>;

    /// Both wheels at rest, in the way of [`super::StopMode`].
    ///
    /// # Errors
    /// As [`Board::drive`], after everything that can stop a motor was tried.
    fn stop(&mut self) -> Result<(), BoardError>;

    /// Is the board still what [`Board::drive`] left behind?
    ///
    /// # Errors
    /// What went wrong since the last call.
    fn check(&mut self) -> Result<(), BoardError>;
}

/// What is wrong with the board. [`BoardError::words`] tells the cause too.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// The way to the board is not there, or not ours.
    #[error("cannot open {what}")]
    Open {
        /// What was to be opened.
        what: String,
        /// Why not.
        #[source]
        cause: Cause,
    },
    /// The board took no write, or answered no read.
    #[error("cannot {doing}")]
    Transfer {
        /// What was attempted.
        doing: String,
        /// What the bus or the pin said.
        #[source]
        cause: Cause,
    },
    /// The board answers, but not as it should.
    #[error("{0}")]
    Unexpected(String),
}

/// Whatever a bus or a pin reports.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

impl BoardError {
    /// The error and its causes in one line.
    pub fn words(&self) -> String {
        let mut words = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            words.push_str(": ");
            words.push_str(&error.to_string());
            cause = error.source();
        }
        words
    }

    pub(super) fn transfer(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::Transfer {
            doing: doing.into(),
            cause: cause.to_string().into(),
        }
    }

    pub(super) fn open(what: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::Open {
            what: what.into(),
            cause: cause.into(),
        }
    }
}
