//! When a request arrived, and since when at the earliest it can have been on its way: what
//! stood in a stalled connection, or waited for a process that was frozen, is late.

use crate::clock;
use axum::extract::{FromRequestParts, Request};
use axum::http::Version;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often it is noticed that this process runs.
const TICK: Duration = Duration::from_millis(50);

/// A longer pause is none of the runtime's: the process was frozen or starved.
const STALL: Duration = Duration::from_millis(150);

/// How long after a stall there may still be connections that were opened during it: they are
/// handed over in order, in microseconds each.
const BACKLOG: Duration = Duration::from_millis(250);

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    /// The same in Unix milliseconds.
    pub(super) at_ms: u64,
    /// It was not sent before: then its connection was made, or the request before it answered.
    pub(super) not_before: Instant,
    /// Whether an answer can close its connection; one of HTTP/2 goes on.
    pub(super) closable: bool,
}

/// A connection, by when its client had surely not sent its next request yet.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<Mutex<Instant>>);

/// When this process did not run; shared by the listeners.
#[derive(Clone, Debug)]
pub(crate) struct Stalls(Arc<Mutex<LastStall>>);

#[derive(Debug)]
struct LastStall {
    /// When the process was last seen to run.
    ran: Instant,
    began: Instant,
    ended: Instant,
}

impl Stalls {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(LastStall::none(clock::instant()))))
    }

    /// Looks for them until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => lock(&self.0).seen_running(clock::instant()),
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }

    /// A connection that was accepted, or whose handshake was done, just now.
    pub(super) fn connection(&self) -> Connection {
        let made = lock(&self.0).earliest(clock::instant());
        Connection(Arc::new(Mutex::new(made)))
    }
}

impl LastStall {
    fn none(now: Instant) -> Self {
        Self {
            ran: now,
            began: now,
            ended: now,
        }
    }

    fn seen_running(&mut self, now: Instant) {
        let pause = now.saturating_duration_since(self.ran);
        let matters = now.saturating_duration_since(self.ended) < BACKLOG;
        // A short one right after a long one does not hide it.
        if pause > STALL && !(matters && self.ended - self.began > pause) {
            (self.began, self.ended) = (self.ran, now);
        }
        self.ran = now.max(self.ran);
    }

    /// When that may have happened at the earliest which was noticed at `now`.
    fn earliest(&mut self, now: Instant) -> Instant {
        self.seen_running(now);
        let waited = now.saturating_duration_since(self.ended) < BACKLOG;
        if waited { self.began } else { now }
    }
}

/// Notes the [`Arrival`] of every request.
pub(super) async fn note(mut request: Request, next: Next) -> Response {
    let at = clock::instant();
    let connection = request.extensions().get::<Connection>().cloned();
    let closable = request.version() <= Version::HTTP_11;
    request.extensions_mut().insert(Arrival {
        at,
        at_ms: clock::unix_ms(),
        not_before: connection.as_ref().map_or(at, |known| *lock(&known.0)),
        closable,
    });
    let response = next.run(request).await;
    // Requests of HTTP/2 do not wait for each other's answers.
    if let Some(connection) = connection.filter(|_| closable) {
        *lock(&connection.0) = clock::instant();
    }
    response
}

impl<S: Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let noted = parts.extensions.get::<Self>();
        Ok(*noted.expect("the router notes the arrival of every request"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks at these milliseconds, and the earliest moment of what is noticed at the last.
    fn earliest(ticks_ms: &[u64]) -> u64 {
        let start = clock::instant();
        let mut stall = LastStall::none(start - BACKLOG);
        stall.ran = start;
        let mut found = start;
        for at_ms in ticks_ms {
            found = stall.earliest(start + Duration::from_millis(*at_ms));
        }
        (found - start).as_millis() as u64
    }

    #[test]
    fn what_comes_right_after_a_stall_may_have_come_during_it() {
        for (ticks_ms, earliest_ms) in [
            (&[50, 100, 150][..], 150),
            // Noticed by the first connection itself, and by those of a moment later.
            (&[50, 15_050], 50),
            (&[50, 15_050, 15_100, 15_290], 50),
            (&[50, 15_050, 15_100, 15_200, 15_310], 15_310),
            // Starved once more while the backlog is worked off.
            (&[50, 15_050, 15_230], 50),
            (&[50, 15_050, 15_100, 15_200, 15_310, 15_600], 15_310),
            // Busy, not frozen: nothing seems old for long.
            (&[200, 400, 600, 800], 600),
        ] {
            assert_eq!(earliest(ticks_ms), earliest_ms, "{ticks_ms:?}");
        }
    }
}
