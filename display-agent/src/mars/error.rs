//! What can go wrong with a request, sorted by what to do about it.
//!
//! Knows nothing of screens: `view` turns an error into words for a person, `schedule` into a time
//! to wait.

use std::fmt;
use std::time::Duration;

/// One failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Which of the two requests failed.
    pub part: Part,
    /// What kind of failure it is.
    pub kind: Kind,
    /// The particulars, in words: an address, a status, what was found instead.
    pub detail: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The Mars API's JSON.
    Answer,
    /// The bitmap.
    Picture,
}

/// Kinds that differ in what a person can do, or in when it is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The host has no address, refuses the connection or drops it.
    Network,
    /// It took longer than the limit.
    TooSlow,
    /// The server's certificate is not to be trusted, or the clock is wrong.
    Certificate,
    /// 401 or 403: the key is missing, wrong or expired.
    Key,
    /// Any other 4xx: the address is wrong.
    Address,
    /// 408 or 429.
    Busy,
    /// 5xx.
    Server,
    /// An answer, but not one that can be shown.
    Nonsense,
}

impl Error {
    /// An error without a wish about when to come back.
    pub fn new(part: Part, kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            part,
            kind,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// True if only a person can mend it, so that hurrying is of no use.
    pub fn is_configuration(&self) -> bool {
        matches!(self.kind, Kind::Key | Kind::Address)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Answer => "Mars API",
            Part::Picture => "picture",
        };
        write!(f, "{part}: {}", self.detail)
    }
}

impl std::error::Error for Error {}
